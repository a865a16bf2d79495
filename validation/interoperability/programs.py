"""Other programs that read the files of a result: volume, dose and place of each region by each.

A reader takes the folder of a result and gives `Found` by name of region; `None` where its program
is not installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import pydicom.dicomio
import SimpleITK as sitk
from tests.orthanc import PLUGIN
from validation.interoperability.decoders import (
    by_segments,
    by_structures,
    dcm2niix,
    dcmjs,
    dcmtk,
    highdicom,
    orthanc,
)
from validation.interoperability.figures import (
    DCMJS,
    Found,
    Program,
    Readings,
    command,
    dose_image,
    expected,
    figures,
)

__all__ = ["PROGRAMS", "report_figures"]


def _dose(result: Path) -> sitk.Image:
    dataset = pydicom.dcmread(result / "dicom" / "dose.dcm")
    return dose_image(dataset, dataset.pixel_array)


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
    return figures(masks, dose)


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
            doses = float(curve.mean), float(curve.statistic("D95").value)
            found[item["name"]] = Found(float(curve.volume), *doses)
    return found


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
    return figures(found, dose)


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
    return figures(masks, dose)


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
        values = {m.name.meaning: m.value for m in group.get_measurements()}
        name = group.tracking_identifier
        d95 = values.get("Least dose to the hottest 95 % of the volume")
        found[name] = Found(values["Volume"], values["Mean Absorbed Radiation Dose"], d95)
    return found


PLANES, FRAMES = "dose, structures", "dose, segmentation"
DCMTK = ("dcm2json", "dcm2pnm")
ORTHANC = ("Orthanc", str(PLUGIN))
PROGRAMS = (
    Program("opensirt dvh", PLANES, own_opensirt("structures.dcm")),
    Program("opensirt dvh", FRAMES, own_opensirt("segmentation.dcm")),
    Program("pydicom, numpy", PLANES, by_structures(highdicom)),
    Program("plastimatch, numpy", PLANES, plastimatch, ("plastimatch",)),
    Program("dicompyler-core", PLANES, dicompyler, ("dicompylercore",), nearest=True),
    Program("dcmtk, numpy", PLANES, by_structures(dcmtk), DCMTK),
    Program("dcmjs, numpy", PLANES, by_structures(dcmjs), DCMJS),
    Program("Orthanc, numpy", PLANES, by_structures(orthanc), ORTHANC),
    Program("highdicom, numpy", FRAMES, by_segments(highdicom)),
    Program("dcmqi, SimpleITK", FRAMES, dcmqi_segments, ("segimage2itkimage",)),
    Program("dcmtk, numpy", FRAMES, by_segments(dcmtk), DCMTK),
    Program("dcmjs, numpy", FRAMES, by_segments(dcmjs), DCMJS),
    Program("Orthanc, numpy", FRAMES, by_segments(orthanc), ORTHANC),
    Program("dcm2niix, SimpleITK", FRAMES, dcm2niix, ("dcm2niix",)),
    Program("slicerio, numpy", "dose, regions.seg.nrrd", slicerio_segments, ("slicerio",)),
)
