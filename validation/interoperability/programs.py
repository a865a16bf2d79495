"""Other programs that read the files of a result: volume, dose and place of each region by each.

A reader takes the folder of a result and gives `Found` by name of region; `None` where its program
is not installed. Doses follow docs/methods/dvh.md: D(x) by numpy's "interpolated_inverted_cdf".
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import pydicom.dicomio
import SimpleITK as sitk
from matplotlib.path import Path as Polygon

__all__ = ["PROGRAMS", "Found", "Program", "command", "expected", "report_figures"]

ML = 1e-3
"""Per mm3."""
BITS = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What a program finds of one region; None where it gives no such figure."""

    volume_ml: float
    mean_gy: float | None = None
    d95_gy: float | None = None
    centre_mm: tuple[float, float, float] | None = None


Readings = Mapping[str, Found]


@dataclass(frozen=True)
class Program:
    """A program, what of the result it is given, and how it reads that."""

    name: str
    reads: str
    read: Callable[[Path], Readings]
    needs: tuple[str, ...] = ()
    """Modules of Python, or commands."""

    @property
    def missing(self) -> str:
        """What is not installed, or ""."""
        lacking = [
            need
            for need in self.needs
            if importlib.util.find_spec(need) is None and command(need) is None
        ]
        return ", ".join(lacking)


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


def _dose(result: Path) -> sitk.Image:
    """The dose of dose.dcm by pydicom: stored value times scaling."""
    dataset = pydicom.dcmread(result / "dicom" / "dose.dcm")
    image = sitk.GetImageFromArray(dataset.pixel_array * float(dataset.DoseGridScaling))
    rows, columns = (float(v) for v in dataset.PixelSpacing)
    step = float(dataset.GridFrameOffsetVector[1]) - float(dataset.GridFrameOffsetVector[0])
    across, down = (np.array(dataset.ImageOrientationPatient[i : i + 3], float) for i in (0, 3))
    image.SetSpacing((columns, rows, step))
    image.SetOrigin([float(v) for v in dataset.ImagePositionPatient])
    image.SetDirection(np.stack([across, down, np.cross(across, down)], axis=1).ravel().tolist())
    return image


def _found(mask: BITS, dose: sitk.Image) -> Found:
    """Figures of whole voxels of the dose grid."""
    gray = sitk.GetArrayViewFromImage(dose)[mask]
    place = np.argwhere(mask).mean(axis=0)[::-1]
    return Found(
        float(mask.sum()) * float(np.prod(dose.GetSpacing())) * ML,
        float(gray.mean()),
        float(np.percentile(gray, 5, method="interpolated_inverted_cdf")),
        tuple(dose.TransformContinuousIndexToPhysicalPoint(place.tolist())),
    )


def _of_masks(masks: Iterable[tuple[str, BITS]], dose: sitk.Image) -> Readings:
    return {name: _found(mask, dose) for name, mask in masks if mask.any()}


def own_opensirt(file: str) -> Callable[[Path], Readings]:
    """`opensirt dvh` on the files."""

    def read(result: Path) -> Readings:
        dicom = result / "dicom"
        words = ["dvh", "--dose", dicom / "dose.dcm", "--regions", dicom / file, "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "opensirt", *map(str, words)], capture_output=True, check=True
        )
        return {
            row["name"]: Found(row["volume_with_dose_ml"], row["mean_dose_gy"], row["d95_gy"])
            for row in json.loads(done.stdout)["regions"]
            if not row.get("outside")
        }

    return read


def numpy_structures(result: Path) -> Readings:
    """Voxel centres of the dose inside the contours of their plane, counted even-odd."""
    dose = _dose(result)
    dataset = pydicom.dcmread(result / "dicom" / "structures.dcm")
    names = {item.ROINumber: str(item.ROIName) for item in dataset.StructureSetROISequence}
    columns, rows, slices = dose.GetSize()
    y, x = np.indices((rows, columns))
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    found = {}
    for roi in dataset.ROIContourSequence:
        mask = np.zeros((slices, rows, columns), bool)
        for contour in roi.get("ContourSequence", []):
            points = np.asarray(contour.ContourData, float).reshape(-1, 3)
            index = np.array([dose.TransformPhysicalPointToContinuousIndex(p) for p in points])
            inside = Polygon(index[:, :2]).contains_points(centres)
            mask[round(index[0, 2])] ^= inside.reshape(rows, columns)
        found[names[roi.ReferencedROINumber]] = mask
    return _of_masks(found.items(), dose)


def plastimatch(result: Path) -> Readings:
    """Masks that plastimatch makes of the structure set on the grid of the dose."""
    dose = _dose(result)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sitk.WriteImage(sitk.Cast(dose, sitk.sitkFloat32), str(folder / "dose.mha"))
        structures = result / "dicom" / "structures.dcm"
        words = ["convert", "--input", structures, "--fixed", folder / "dose.mha"]
        words += ["--output-prefix", folder / "masks", "--prefix-format", "nrrd"]
        subprocess.run(["plastimatch", *map(str, words)], capture_output=True, check=True)
        names = {
            str(item.ROIName).replace(" ", "_"): str(item.ROIName)
            for item in pydicom.dcmread(structures).StructureSetROISequence
        }
        masks = {
            names.get(path.stem, path.stem): sitk.GetArrayFromImage(sitk.ReadImage(str(path))) > 0
            for path in sorted((folder / "masks").glob("*.nrrd"))
        }
    return _of_masks(masks.items(), dose)


def dicompyler(result: Path) -> Readings:
    """Its own histograms and D95; it gives none of a structure in one plane.

    Version 0.5.6 asks pydicom for `read_file`, which pydicom 3 calls `dcmread`.
    """
    if not hasattr(pydicom.dicomio, "read_file"):
        pydicom.dicomio.read_file = pydicom.dcmread
    from dicompylercore import dicomparser, dvhcalc

    files = [str(result / "dicom" / name) for name in ("structures.dcm", "dose.dcm")]
    wanted = expected(result)
    found = {}
    for number, item in dicomparser.DicomParser(files[0]).GetStructures().items():
        if item["name"] not in wanted:
            continue
        curve = dvhcalc.get_dvh(*files, number)
        if curve.volume > 0:
            figures = float(curve.mean), float(curve.statistic("D95").value)
            found[item["name"]] = Found(float(curve.volume), *figures)
    return found


def highdicom_segments(result: Path) -> Readings:
    """Segments of segmentation.dcm, on its frames put back into the dose grid."""
    dose = _dose(result)
    segments = hd.seg.segread(result / "dicom" / "segmentation.dcm")
    columns, rows, slices = dose.GetSize()
    masks: dict[str, BITS] = {}
    labels = {n: segments.get_segment_description(n) for n in segments.segment_numbers}
    for frame, group in enumerate(segments.PerFrameFunctionalGroupsSequence):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        place = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        index = dose.TransformPhysicalPointToIndex(place)
        mask = masks.setdefault(
            str(labels[number].segment_label), np.zeros((slices, rows, columns), bool)
        )
        mask[index[2]] = segments.pixel_array[frame] > 0
    return _of_masks(masks.items(), dose)


def dcmqi_segments(result: Path) -> Readings:
    """One file per group of segments that do not overlap, by `segimage2itkimage`."""
    dose = _dose(result)
    with tempfile.TemporaryDirectory() as made:
        words = ["--inputDICOM", result / "dicom" / "segmentation.dcm", "-t", "nrrd"]
        words += ["--outputDirectory", made, "--prefix", "s"]
        made_by = str(command("segimage2itkimage"))
        subprocess.run([made_by, *map(str, words)], capture_output=True, check=True)
        attributes = json.loads((Path(made) / "s-meta.json").read_text("utf-8"))
        found = {}
        for number, group in enumerate(attributes["segmentAttributes"], start=1):
            labels = sitk.ReadImage(f"{made}/s-{number}.nrrd")
            labels = sitk.Resample(labels, dose, sitk.Transform(), sitk.sitkNearestNeighbor)
            for item in group:
                name = item["SegmentLabel"]
                found[name] = sitk.GetArrayFromImage(labels) == item["labelID"]
    return _of_masks(found.items(), dose)


def slicerio_segments(result: Path) -> Readings:
    """Segments of regions.seg.nrrd."""
    import slicerio

    dose = _dose(result)
    path = result / "nifti" / "regions.seg.nrrd"
    voxels, _ = _nrrd(path)
    segments = slicerio.read_segmentation(str(path), skip_voxels=True)["segments"]
    masks = {
        item["name"]: voxels[..., item.get("layer", 0)] == item["labelValue"] for item in segments
    }
    return _of_masks(masks.items(), dose)


def _nrrd(path: Path) -> tuple[npt.NDArray[np.uint8], sitk.Image]:
    """Voxels (slice, row, column, layer)."""
    image = sitk.ReadImage(str(path))
    voxels = sitk.GetArrayFromImage(image)
    return (voxels if voxels.ndim == 4 else voxels[..., None]), image


def report_figures(result: Path) -> Readings:
    """Measurements of report.dcm, by highdicom's reading of TID 1500."""
    report = hd.sr.srread(result / "dicom" / "report.dcm")
    found = {}
    for group in report.content.get_volumetric_roi_measurement_groups():
        figures = {m.name.meaning: m.value for m in group.get_measurements()}
        name = group.tracking_identifier
        d95 = figures.get("Least dose to the hottest 95 % of the volume")
        found[name] = Found(figures["Volume"], figures["Mean Absorbed Radiation Dose"], d95)
    return found


PROGRAMS = (
    Program("opensirt dvh", "dose, structures", own_opensirt("structures.dcm")),
    Program("opensirt dvh", "dose, segmentation", own_opensirt("segmentation.dcm")),
    Program("pydicom, numpy", "dose, structures", numpy_structures),
    Program("plastimatch, numpy", "dose, structures", plastimatch, ("plastimatch",)),
    Program("dicompyler-core", "dose, structures", dicompyler, ("dicompylercore",)),
    Program("highdicom, numpy", "dose, segmentation", highdicom_segments),
    Program("dcmqi, SimpleITK", "dose, segmentation", dcmqi_segments, ("segimage2itkimage",)),
    Program("slicerio, numpy", "dose, regions.seg.nrrd", slicerio_segments, ("slicerio",)),
)
