"""Programs that judge the files as such, with what each says."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import SimpleITK as sitk
from validation.interoperability.programs import command
from validation.report import table

__all__ = ["others"]


def others(result: Path) -> list[str]:
    """Lines of a table: program, file, what it says."""
    dicom = result / "dicom"
    rows = [["SimpleITK (GDCM)", "dose.dcm", _simpleitk(dicom / "dose.dcm")]]
    rows += [["dicom3tools dciodvfy", p.name, _dciodvfy(p)] for p in sorted(dicom.glob("*.dcm"))]
    rows += [["dcmtk dsrdump", "report.dcm", _dsrdump(dicom / "report.dcm")]]
    rows += [["dcmqi paramap2itkimage", "activity.dcm", _paramap(dicom / "activity.dcm")]]
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
        total = float(sitk.GetArrayViewFromImage(image).sum())
        return f"sum {total * float(_voxel_ml(image)):.5g} in {unit} x mL"


def _voxel_ml(image: sitk.Image) -> float:
    x, y, z = image.GetSpacing()
    return float(x * y * z) * 1e-3
