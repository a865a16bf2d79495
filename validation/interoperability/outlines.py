"""Outlines on the CT that they were drawn on, `outlines.dcm` of `run --identity keep`, by rt-utils.

It rounds the points of a contour to voxels and fills every voxel on its line. By Pick's theorem
that is the area inside, half of the voxels on the line, and one for each contour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom import Dataset
from validation.interoperability.apart import folder
from validation.interoperability.decoders import highdicom
from validation.interoperability.figures import frame_masks

__all__ = ["LARGE_VOXELS", "LINE_BOUND", "Filled", "rt_utils"]

LARGE_VOXELS, LINE_BOUND = 2000, 0.02
"""From this size on the volume less its lines is within this part of the segmentation's."""
SCRIPT = """
import sys, numpy, rt_utils
read = rt_utils.RTStructBuilder.create_from(*sys.argv[1:3])
masks = {name: read.get_roi_mask_by_name(name) for name in read.get_roi_names()}
numpy.savez_compressed(sys.argv[3], **masks)
"""


@dataclass(frozen=True)
class Filled:
    """Voxels of a region: in the segmentation, as filled by rt-utils, and what its lines add."""

    told: int
    found: int
    lines: float
    apart_mm: float
    """Between the centres."""

    @property
    def more(self) -> float:
        """The part by which rt-utils finds more."""
        return self.found / self.told - 1.0

    @property
    def gap(self) -> float:
        """The same, without what the lines add."""
        return (self.found - self.lines) / self.told - 1.0


def rt_utils(result: Path, series: Path) -> dict[str, Filled]:
    """By name; regions of no voxel are left out."""
    structures = result / "dicom" / "outlines.dcm"
    ct = _image(series)
    header, frames = highdicom([result / "dicom" / "outlines-segmentation.dcm"]).popitem()[1]
    told, filled = frame_masks(header, frames, ct), _filled(structures, series)
    lines = _lines(pydicom.dcmread(structures), ct)
    step = np.array(ct.GetSpacing())
    return {
        name: Filled(
            int(told[name].sum()),
            int(mask.sum()),
            lines[name],
            float(np.linalg.norm((_centre(mask) - _centre(told[name])) * step)),
        )
        for name, mask in filled.items()
        if name in told and mask.any()
    }


def _image(series: Path) -> sitk.Image:
    return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(series)))


def _filled(structures: Path, series: Path) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks (slice, row, column) by rt-utils."""
    with tempfile.TemporaryDirectory() as made:
        words = [sys.executable, "-c", SCRIPT, str(series), str(structures), f"{made}/masks.npz"]
        modules = {**os.environ, "PYTHONPATH": str(folder("rt-utils"))}
        subprocess.run(words, check=True, capture_output=True, env=modules, cwd=made)
        with np.load(f"{made}/masks.npz") as masks:
            return {name: masks[name].transpose(2, 0, 1) for name in masks.files}


def _lines(header: Dataset, on: sitk.Image) -> dict[str, float]:
    """Half of the voxels on the lines of each region, and one for each contour."""
    names = {item.ROINumber: str(item.ROIName) for item in header.StructureSetROISequence}
    found = {}
    for roi in header.ROIContourSequence:
        name = names[roi.ReferencedROINumber]
        found[name] = 0.0
        for contour in roi.ContourSequence:
            points = np.asarray(contour.ContourData, float).reshape(-1, 3)
            index = [on.TransformPhysicalPointToContinuousIndex(p)[:2] for p in points]
            whole = np.around(index).astype(int)
            steps = np.abs(np.roll(whole, -1, axis=0) - whole).max(axis=1)
            found[name] += float(steps.sum()) / 2 + 1
    return found


def _centre(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    return np.argwhere(mask).mean(axis=0)[::-1]
