"""Programs that decode objects for others to count: header and frames of files, as each gives them.

A decoder takes files and gives by name what it reads; `by_structures` and `by_segments` make of it
a reader of a result.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from PIL import Image as Picture
from pydicom import Dataset
from tests.orthanc import running
from validation.interoperability.apart import folder
from validation.interoperability.figures import (
    Readings,
    command,
    contour_masks,
    dose_image,
    figures,
    frame_masks,
)

__all__ = [
    "by_segments",
    "by_structures",
    "dcm2niix",
    "dcmjs",
    "dcmtk",
    "highdicom",
    "nifti",
    "orthanc",
]

Frames = npt.NDArray[np.generic]
Decoded = tuple[Dataset, Frames | None]
"""Header, and frames where the object has any in integers."""
Decoder = Callable[[Sequence[Path]], Mapping[str, Decoded]]
DOSE, STRUCTURES, SEGMENTS = "dose.dcm", "structures.dcm", "segmentation.dcm"
PIXELS = "7FE00010"
SCRIPT = Path(__file__).with_name("objects.js")


def by_structures(decode: Decoder) -> Callable[[Path], Readings]:
    """Voxels of the decoded dose inside the decoded contours."""

    def read(result: Path) -> Readings:
        found = decode([result / "dicom" / name for name in (DOSE, STRUCTURES)])
        dose = dose_image(*found[DOSE])
        return figures(contour_masks(found[STRUCTURES][0], dose), dose)

    return read


def by_segments(decode: Decoder) -> Callable[[Path], Readings]:
    """Voxels of the decoded dose inside the decoded frames."""

    def read(result: Path) -> Readings:
        found = decode([result / "dicom" / name for name in (DOSE, SEGMENTS)])
        dose = dose_image(*found[DOSE])
        return figures(frame_masks(*found[SEGMENTS], dose), dose)

    return read


def highdicom(files: Sequence[Path]) -> Mapping[str, Decoded]:
    """Segmentations by highdicom, the rest by pydicom."""
    segments = [path for path in files if path.name.endswith(SEGMENTS)]
    read = {path.name: pydicom.dcmread(path) for path in files if path not in segments}
    read |= {path.name: hd.seg.segread(path) for path in segments}
    return {n: (d, d.pixel_array if "PixelData" in d else None) for n, d in read.items()}


def dcmtk(files: Sequence[Path]) -> Mapping[str, Decoded]:
    """`dcm2json`; the frames of a segmentation as pictures by `dcm2pnm`."""
    found = {}
    for path in files:
        header = Dataset.from_json(json.loads(_said("dcm2json", path)))
        frames = _frames(header, header.get("PixelData"))
        if path.name == SEGMENTS:
            frames = _pictures(path)
        found[path.name] = header, frames
    return found


def _pictures(path: Path) -> Frames:
    with tempfile.TemporaryDirectory() as made:
        _said("dcm2pnm", "+Fa", path, Path(made) / "frame")
        files = sorted(Path(made).iterdir(), key=lambda p: int(p.name.split(".")[1]))
        return np.stack([np.asarray(Picture.open(file)) for file in files])


def dcmjs(files: Sequence[Path]) -> Mapping[str, Decoded]:
    """`DicomMessage.readFile`, in node."""
    modules = {**os.environ, "NODE_PATH": str(Path(str(folder("dcmjs"))) / "node_modules")}
    read = json.loads(_said("node", SCRIPT, *files, environment=modules))
    headers = {name: Dataset.from_json(one) for name, one in read.items()}
    return {name: (one, _frames(one, one.get("PixelData"))) for name, one in headers.items()}


def orthanc(files: Sequence[Path]) -> Mapping[str, Decoded]:
    """Stored by STOW-RS; metadata by WADO-RS, pixel data by Orthanc's own interface."""
    names = {str(_header(path).SOPInstanceUID): path.name for path in files}
    with tempfile.TemporaryDirectory() as made, running(Path(made)) as server:
        server.by_stow(files)
        _, objects = server.metadata(str(_header(files[0]).StudyInstanceUID))
        pixels = {}
        for instance in server.json("/instances"):
            uid = server.json(f"/instances/{instance}/simplified-tags")["SOPInstanceUID"]
            status, content = server.ask(f"/instances/{instance}/content/7fe0-0010/0")
            pixels[uid] = content if status == 200 else None
    headers = [Dataset.from_json({k: v for k, v in one.items() if k != PIXELS}) for one in objects]
    return {
        names[one.SOPInstanceUID]: (one, _frames(one, pixels[one.SOPInstanceUID]))
        for one in headers
    }


def dcm2niix(result: Path) -> Readings:
    """NIfTI of dose and segmentation. Its dose is the stored value, and its segments are one stack
    of frames, plane by plane: scaling, segment and place of each are read from the headers."""
    files = [result / "dicom" / name for name in (DOSE, SEGMENTS)]
    dose_header, segments_header = (_header(path) for path in files)
    stored, stack = (nifti(path) for path in files)
    dose = sitk.Cast(stored, sitk.sitkFloat64) * float(dose_header.DoseGridScaling)
    groups = list(segments_header.PerFrameFunctionalGroupsSequence)
    segments_header.PerFrameFunctionalGroupsSequence = sorted(groups, key=_plane_first)
    return figures(frame_masks(segments_header, sitk.GetArrayFromImage(stack), dose), dose)


def _plane_first(group: Dataset) -> list[int]:
    return list(group.FrameContentSequence[0].DimensionIndexValues)[::-1]


def nifti(path: Path) -> sitk.Image:
    """The one volume that dcm2niix makes of an object."""
    with tempfile.TemporaryDirectory() as made:
        _said(str(command("dcm2niix")), "-s", "y", "-z", "n", "-f", "made", "-o", made, path)
        return sitk.ReadImage(str(Path(made) / "made.nii"))


def _frames(header: Dataset, pixels: bytes | None) -> Frames | None:
    """Stored values of pixel data that is not compressed."""
    if pixels is None:
        return None
    shape = int(header.NumberOfFrames), int(header.Rows), int(header.Columns)
    if header.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(pixels, np.uint8), bitorder="little")
        return bits[: np.prod(shape)].reshape(shape)
    return np.frombuffer(pixels, f"<u{header.BitsAllocated // 8}").reshape(shape)


def _header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True)


def _said(*words: str | Path, environment: Mapping[str, str] | None = None) -> bytes:
    """What a command writes; an error where it fails."""
    done = subprocess.run(list(map(str, words)), capture_output=True, check=True, env=environment)
    return done.stdout
