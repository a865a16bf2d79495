"""What a program finds of a region, and the figures of masks on the grid of the dose.

Doses follow docs/methods/dvh.md: D(x) by numpy's "interpolated_inverted_cdf".
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from matplotlib.path import Path as Polygon
from pydicom import Dataset
from validation.interoperability.apart import APART, folder

__all__ = [
    "DCMJS",
    "ML",
    "Found",
    "Program",
    "Readings",
    "command",
    "contour_masks",
    "dose_image",
    "expected",
    "figures",
    "frame_masks",
    "lacking",
]

DCMJS = ("node", "dcmjs")
ML = 1e-3
"""Per mm3."""
BESIDE = 0.01
"""Part of a voxel; the places in the files are rounded."""
BITS = npt.NDArray[np.bool_]
Masks = dict[str, BITS]


@dataclass(frozen=True)
class Found:
    """What a program finds of one region; None where it gives no such figure."""

    volume_ml: float
    mean_gy: float | None = None
    d95_gy: float | None = None
    centre_mm: tuple[float, float, float] | None = None
    nearby_gy: tuple[float, float] | None = None
    """D95 of half a voxel more, and of half a voxel less."""


Readings = Mapping[str, Found]


@dataclass(frozen=True)
class Program:
    """A program, what of the result it is given, and how it reads that."""

    name: str
    reads: str
    read: Callable[[Path], Readings]
    needs: tuple[str, ...] = ()
    """Commands, files, modules of Python, or what is installed apart."""
    nearest: bool = False
    """Its D(x) is the dose of the voxel next to the share, not the one between two voxels."""

    @property
    def missing(self) -> str:
        """What is not installed, or ""."""
        return ", ".join(lacking(self.needs))


def lacking(needs: Iterable[str]) -> list[str]:
    """Those that are not here."""
    return [need for need in needs if not _is_here(need)]


def _is_here(need: str) -> bool:
    if need in APART:
        return folder(need) is not None
    return (
        command(need) is not None
        or Path(need).is_file()
        or importlib.util.find_spec(need) is not None
    )


def command(name: str) -> str | None:
    """A command beside this Python, or on the path."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def expected(result: Path) -> Readings:
    """What the result says itself, by the names of its structures; organs at risk have another
    dose, by scenario, and are left out."""
    rows = json.loads((result / "results.json").read_text("utf-8"))["regions"]
    return {
        row["structure"]: Found(row["dose_volume_ml"], row["mean_dose_gy"], row["d95_gy"])
        for row in rows
        if "scenario" not in row
    }


def dose_image(header: Dataset, stored: npt.NDArray[np.integer]) -> sitk.Image:
    """Gray in space: stored values of an RT Dose times its scaling."""
    image = sitk.GetImageFromArray(stored * float(header.DoseGridScaling))
    rows, columns = (float(v) for v in header.PixelSpacing)
    step = float(header.GridFrameOffsetVector[1]) - float(header.GridFrameOffsetVector[0])
    across, down = (np.array(header.ImageOrientationPatient[i : i + 3], float) for i in (0, 3))
    image.SetSpacing((columns, rows, step))
    image.SetOrigin([float(v) for v in header.ImagePositionPatient])
    image.SetDirection(np.stack([across, down, np.cross(across, down)], axis=1).ravel().tolist())
    return image


def frame_masks(header: Dataset, frames: npt.NDArray[np.generic], on: sitk.Image) -> Masks:
    """Masks by label: frames of a segmentation put into the grid that they lie on."""
    labels = {int(s.SegmentNumber): str(s.SegmentLabel) for s in header.SegmentSequence}
    masks: Masks = {}
    for group, bits in zip(header.PerFrameFunctionalGroupsSequence, frames, strict=True):
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        mask = masks.setdefault(labels[number], np.zeros(on.GetSize()[::-1], bool))
        corner = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        mask[_slice(on, corner)] = bits > 0
    return masks


def _slice(on: sitk.Image, corner: list[float]) -> int:
    """The slice whose corner this is; an image whose rows run upward has it in its last row."""
    index = np.array(on.TransformPhysicalPointToContinuousIndex(corner))
    whole = np.rint(index).astype(int)
    ends = [(0, length - 1) for length in on.GetSize()[:2]]
    if np.abs(index - whole).max() > BESIDE or not all(map(tuple.__contains__, ends, whole[:2])):
        raise ValueError(f"a frame needs its corner in one of the dose, found index {index}")
    return int(whole[2])


def contour_masks(header: Dataset, on: sitk.Image) -> Masks:
    """Masks by name: voxel centres inside the contours of their plane, counted even-odd."""
    names = {int(item.ROINumber): str(item.ROIName) for item in header.StructureSetROISequence}
    columns, rows, slices = on.GetSize()
    y, x = np.indices((rows, columns))
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    found = {}
    for roi in header.ROIContourSequence:
        mask = np.zeros((slices, rows, columns), bool)
        for contour in roi.get("ContourSequence", []):
            points = np.asarray(contour.ContourData, float).reshape(-1, 3)
            index = np.array([on.TransformPhysicalPointToContinuousIndex(p) for p in points])
            inside = Polygon(index[:, :2]).contains_points(centres)
            mask[round(index[0, 2])] ^= inside.reshape(rows, columns)
        found[names[int(roi.ReferencedROINumber)]] = mask
    return found


def figures(masks: Mapping[str, BITS], dose: sitk.Image) -> Readings:
    """Figures of whole voxels of the dose grid; a mask without voxels has none."""
    return dict(_figures(masks.items(), dose))


def _figures(masks: Iterable[tuple[str, BITS]], dose: sitk.Image) -> Iterator[tuple[str, Found]]:
    for name, mask in masks:
        if not mask.any():
            continue
        gray = sitk.GetArrayViewFromImage(dose)[mask]
        place = np.argwhere(mask).mean(axis=0)[::-1]
        yield (
            name,
            Found(
                float(mask.sum()) * float(np.prod(dose.GetSpacing())) * ML,
                float(gray.mean()),
                float(np.percentile(gray, 5, method="interpolated_inverted_cdf")),
                tuple(dose.TransformContinuousIndexToPhysicalPoint(place.tolist())),
                _nearby(np.sort(gray)),
            ),
        )


def _nearby(gray: npt.NDArray[np.floating]) -> tuple[float, float]:
    """The doses of the voxels on either side of D95, half a voxel away at most."""
    rank = 0.05 * gray.size
    ends = np.floor(rank - 0.5), np.ceil(rank + 0.5) - 1
    low, high = (gray[int(np.clip(end, 0, gray.size - 1))] for end in ends)
    return float(low), float(high)
