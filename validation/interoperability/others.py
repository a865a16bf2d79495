"""Programs that judge the files as such, with what each says."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pydicom
import SimpleITK as sitk
from pydicom import Dataset
from validation.interoperability.decoders import dcmjs, nifti
from validation.interoperability.figures import DCMJS, ML, command, lacking
from validation.report import table

__all__ = ["alike", "others"]


def others(result: Path) -> list[str]:
    """Lines of a table: program, file, what it says."""
    dicom = result / "dicom"
    rows = [["SimpleITK (GDCM)", "dose.dcm", _simpleitk(dicom / "dose.dcm")]]
    rows += [["dicom3tools dciodvfy", p.name, _dciodvfy(p)] for p in sorted(dicom.glob("*.dcm"))]
    rows += [["dcmtk dsrdump", "report.dcm", _dsrdump(dicom / "report.dcm")]]
    rows += [["dcmqi paramap2itkimage", "activity.dcm", _paramap(dicom / "activity.dcm")]]
    rows += [["dcm2niix", "activity.dcm", _nifti(dicom / "activity.dcm")]]
    rows += [["dcmjs", name, f"{same} of {told} elements"] for name, same, told in alike(result)]
    return table(("program", "file", "says"), rows)


def _simpleitk(path: Path) -> str:
    image = sitk.ReadImage(str(path))
    return f"{image.GetSize()} voxels of {tuple(round(v, 3) for v in image.GetSpacing())} mm"


def _dciodvfy(path: Path) -> str:
    if shutil.which("dciodvfy") is None:
        return "not installed"
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    if "Assertion" in said.stderr:
        return "aborts on 32-bit RT Dose"
    errors = [line for line in (said.stderr + said.stdout).splitlines() if line[:5] == "Error"]
    return f"{len(errors)} errors"


def _dsrdump(path: Path) -> str:
    if shutil.which("dsrdump") is None:
        return "not installed"
    said = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True, check=False)
    lines = [line for line in said.stdout.splitlines() if "<contains NUM:" in line]
    return f"{len(lines)} numbers, exit status {said.returncode}"


def _paramap(path: Path) -> str:
    program = command("paramap2itkimage")
    if program is None:
        return "not installed"
    with tempfile.TemporaryDirectory() as made:
        words = [program, "--inputDICOM", str(path), "--outputDirectory", made, "-t", "nrrd"]
        said = subprocess.run([*words, "--prefix", "a"], capture_output=True, check=False)
        if said.returncode:
            return f"exit status {said.returncode}"
        image = sitk.ReadImage(str(Path(made) / "a-pmap.nrrd"))
        meta = json.loads((Path(made) / "a-meta.json").read_text("utf-8"))
        unit = meta.get("MeasurementUnitsCode", {}).get("CodeValue", "?")
        return f"sum {_sum(image):.5g} in {unit} x mL"


def _nifti(path: Path) -> str:
    if command("dcm2niix") is None:
        return "not installed"
    return f"sum {_sum(nifti(path)):.5g} in the file's unit x mL"


def _sum(image: sitk.Image) -> float:
    x, y, z = image.GetSpacing()
    return float(sitk.GetArrayViewFromImage(image).sum()) * float(x * y * z) * ML


def alike(result: Path) -> list[tuple[str, int, int]]:
    """Of every object: elements that dcmjs reads as pydicom does, and all that pydicom reads."""
    if lacking(DCMJS):
        return []
    files = sorted((result / "dicom").glob("*.dcm"))
    found = []
    for name, (header, _) in dcmjs(files).items():
        told, read = _elements(pydicom.dcmread(result / "dicom" / name)), _elements(header)
        same = sum(1 for place, value in told.items() if read.get(place, ...) == value)
        found.append((name, same, len(told)))
    return found


def _elements(dataset: Dataset, at: str = "") -> Mapping[str, object]:
    """Values by their place; dcmjs leaves the blank that fills some texts."""
    found: dict[str, object] = {}
    for element in dataset:
        place = f"{at}/{element.tag}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                found |= _elements(item, f"{place}[{number}]")
        else:
            text = isinstance(element.value, str)
            found[place] = element.value.rstrip() if text else element.value
    return found
