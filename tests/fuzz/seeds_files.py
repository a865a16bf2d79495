"""NIfTI, NRRD and case.toml of a few voxels, joined by a case.toml."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import nibabel
import numpy as np

from opensirt.image import Region, Volume
from opensirt.io.nifti import write_labels_nifti, write_volume_nifti
from opensirt.units import Unit
from tests import region_samples as samples
from tests.fuzz.study import SECRET, Files, Seed
from tests.fuzz.voxels import masks, stored

__all__ = ["FILE_SEEDS"]

TURNED = samples.turned_grid((4, 9, 8), (3.0, 1.5, 1.25), degrees=(0, 0, 20))
CASE = """\
[case]
id = "liver-2"
[[image]]
file = "IMAGE"
role = "planning-activity"
nuclide = "tc99m"
unit = "counts"
acquired = 2025-01-10T09:30:00Z
decay_correction = "NONE"
label = "SPECT"
[[regions]]
file = "REGIONS"
[regions.roles]
"liver" = "liver"
"Tumor 1" = "tumour"
[regions.territories]
"Tumor 1" = "right"
[assumptions]
density_g_ml = 1.06
lung_shunt_fraction = 0.05
lung_mass_g = 1000
[treatment]
product = "glass-y90"
activity_gbq = 1.4
injected = 2025-01-10T12:00:00Z
[patient]
sex = "F"
height_cm = 165
weight_kg = 62.5
"""


_VECTORS = ["(" + ",".join(f"{v:.9g}" for v in TURNED.matrix[:3, a]) + ")" for a in (2, 1, 0, 3)]
"""Steps along column, row and slice, and the origin, as NRRD writes them."""


def _regions() -> list[Region]:
    liver, tumour = masks(TURNED.shape)
    return [
        Region.from_mask("liver", "liver", liver & ~tumour, TURNED),
        Region.from_mask("Tumor 1", "tumour", tumour, TURNED),
    ]


def _nifti_image(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.nii"
        values = stored(TURNED.shape, 0, 400).astype(np.int16)
        write_volume_nifti(path, Volume(values, TURNED, Unit.COUNTS))
        image = nibabel.load(path)
        image.header["db_name"], image.header["aux_file"] = SECRET, SECRET
        plain = image.to_bytes()
    return gzip.compress(plain, mtime=0) if name.endswith(".gz") else plain


def _nifti_labels() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.nii"
        write_labels_nifti(path, _regions())
        return gzip.compress(path.read_bytes(), mtime=0)


def _nrrd_segments() -> bytes:
    """Two segments in a layer each, as 3D Slicer writes those that overlap."""
    lines = [
        "NRRD0004", "type: unsigned char", "dimension: 4", "space: left-posterior-superior",
        "sizes: 2 8 9 4", f"space directions: none {' '.join(_VECTORS[:3])}",
        "kinds: list domain domain domain", "encoding: gzip", f"space origin: {_VECTORS[3]}",
    ]  # fmt: skip
    for index, name in enumerate(("liver", "Tumor 1")):
        keys = {"ID": f"Segment_{index + 1}", "Name": name, "LabelValue": 1, "Layer": index}
        lines += [f"Segment{index}_{key}:={value}" for key, value in keys.items()]
    layers = np.stack(masks(TURNED.shape), axis=-1).astype(np.uint8)
    return "\n".join([*lines, "", ""]).encode() + gzip.compress(layers.tobytes(), mtime=0)


def _nrrd_image(data_file: str = "") -> tuple[bytes, bytes]:
    """Header and voxels, raw."""
    lines = [
        "NRRD0004", f"# {SECRET}", "type: short", "dimension: 3", "space: left-posterior-superior",
        "sizes: 8 9 4", f"space directions: {' '.join(_VECTORS[:3])}",
        "kinds: domain domain domain",
        "endian: little", "encoding: raw", f"space origin: {_VECTORS[3]}",
    ]  # fmt: skip
    lines += [f"data file: {data_file}", ""] if data_file else ["", ""]
    return "\n".join(lines).encode(), stored(TURNED.shape, 0, 400).astype("<i2").tobytes()


def _case(name: str, form: str, targets: tuple[str, ...], more: Files) -> Seed:
    """A case of an image and regions, those of `more` before the usual ones."""
    files = dict(more)
    image = next((n for n in files if n.startswith("image") and not n.endswith(".raw")), "")
    regions = next((n for n in files if n.startswith(("labels", "regions"))), "")
    if not image:
        image = "image.nii"
        files[image] = _nifti_image(image)
    if not regions:
        regions = "regions.seg.nrrd"
        files[regions] = _nrrd_segments()
    files["case.toml"] = CASE.replace("IMAGE", image).replace("REGIONS", regions).encode()
    return Seed(name, files, "case.toml", targets, form)


def _nhdr() -> Seed:
    header, voxels = _nrrd_image("image.raw")
    return _case("nhdr", "nrrd", ("image.nhdr",), {"image.nhdr": header, "image.raw": voxels})


FILE_SEEDS = {
    "nii": lambda: _case("nii", "nifti", ("image.nii",), {}),
    "nii.gz": lambda: _case(
        "nii.gz", "nifti", ("image.nii.gz",), {"image.nii.gz": _nifti_image(".gz")}
    ),
    "labels.nii.gz": lambda: _case(
        "labels.nii.gz", "nifti", ("labels.nii.gz",), {"labels.nii.gz": _nifti_labels()}
    ),
    "nrrd": lambda: _case(
        "nrrd", "nrrd", ("image.nrrd",), {"image.nrrd": b"".join(_nrrd_image())}
    ),
    "nhdr": _nhdr,
    "seg.nrrd": lambda: _case("seg.nrrd", "nrrd", ("regions.seg.nrrd",), {}),
    "toml": lambda: _case("toml", "toml", ("case.toml",), {}),
}  # fmt: skip
"""Name -> how it is made."""
