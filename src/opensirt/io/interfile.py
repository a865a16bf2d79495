"""Interfile 3.3 images (`.h33` header with `.i33` data), as simulation programs write them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensirt.errors import FileFormatError
from opensirt.image import Grid

__all__ = ["POSITION_NOT_KNOWN", "read_interfile"]

Array = npt.NDArray[np.generic]

POSITION_NOT_KNOWN = (
    "position in the patient is not known: Interfile states none, so columns are taken along x, "
    "rows along y and slices along z from (0, 0, 0) mm; left and right may be exchanged"
)
AMBIGUOUS_PIXELS = 2.0
"""A "slice thickness (pixels)" from here on may as well be mm, as many programs write it."""
_KINDS = {
    "unsigned integer": {1: "u1", 2: "u2", 4: "u4"},
    "signed integer": {1: "i1", 2: "i2", 4: "i4"},
    "short float": {4: "f4"},
    "float": {4: "f4", 8: "f8"},
    "long float": {8: "f8"},
}
_ORDERS = {"LITTLEENDIAN": "<", "BIGENDIAN": ">"}
_BLOCK_BYTES = 2048
"""Unit of "data starting block" (Interfile 3.3)."""


def read_interfile(
    path: Path, *, slice_thickness_mm: float | None = None
) -> tuple[Array, Grid, tuple[str, ...]]:
    """Values (slice, row, column), grid and notes of an Interfile volume.

    Interfile has no patient position: the grid starts at (0, 0, 0) mm with assumed axes, and
    `POSITION_NOT_KNOWN` is among the notes. Such an image may be combined only with images and
    regions on the same voxels.

    Parameters
    ----------
    path : Path
        The header file.
    slice_thickness_mm : float, optional
        Slice thickness where the header leaves it open.

    Raises
    ------
    FileFormatError
        When a key is missing or unusable; the text names the key.
    """
    keys = _keys(path)
    columns, rows = _whole(keys, "matrix size [1]", path), _whole(keys, "matrix size [2]", path)
    slices = _slice_count(keys, path)
    kind = _number_type(keys, path)
    values = _data(keys, path, kind, slices * rows * columns).reshape(slices, rows, columns)
    spacing, notes = _spacing(keys, path, slices, slice_thickness_mm)
    _require_transverse(keys, path)
    grid = Grid.regular((slices, rows, columns), spacing)
    return values, grid, (POSITION_NOT_KNOWN, *notes)


def _keys(path: Path) -> dict[str, str]:
    """Key -> value, keys in lower case without "!" and with single spaces."""
    try:
        text = path.read_text("latin-1")
    except OSError as error:
        raise FileFormatError(f"{path.name}: cannot be read: {error.strerror}") from error
    if "interfile" not in text[:200].lower():
        raise FileFormatError(f"{path.name}: expected '!INTERFILE :=' at the start of the header")
    keys: dict[str, str] = {}
    for line in text.splitlines():
        key, sign, value = line.partition(":=")
        if sign and not line.lstrip().startswith(";"):
            name = re.sub(r"\s*\[\s*(\d+)\s*\]", r" [\1]", key.strip().lstrip("!").lower())
            keys.setdefault(" ".join(name.split()), value.strip())
    return keys


def _text(keys: dict[str, str], key: str, path: Path) -> str:
    value = keys.get(key, "")
    if not value:
        raise FileFormatError(f"{path.name}: Interfile key '{key}' is missing")
    return value


def _number(keys: dict[str, str], key: str, path: Path) -> float:
    text = _text(keys, key, path)
    try:
        value = float(text)
    except ValueError as error:
        raise FileFormatError(f"{path.name}: '{key}' must be a number, found {text!r}") from error
    if not (np.isfinite(value) and value > 0):
        raise FileFormatError(f"{path.name}: '{key}' must be above 0, found {text!r}")
    return value


def _whole(keys: dict[str, str], key: str, path: Path) -> int:
    value = _number(keys, key, path)
    if value != int(value):
        raise FileFormatError(f"{path.name}: '{key}' must be a whole number, found {value}")
    return int(value)


def _slice_count(keys: dict[str, str], path: Path) -> int:
    names = ("matrix size [3]", "number of slices", "total number of images")
    found = {name: _whole(keys, name, path) for name in names if keys.get(name)}
    if not found:
        raise FileFormatError(f"{path.name}: Interfile key 'number of slices' is missing")
    if len(set(found.values())) > 1:
        said = ", ".join(f"'{name}' {count}" for name, count in found.items())
        raise FileFormatError(f"{path.name}: expected one volume, found {said}")
    return next(iter(found.values()))


def _number_type(keys: dict[str, str], path: Path) -> np.dtype[np.generic]:
    name = " ".join(_text(keys, "number format", path).lower().split())
    size = _whole(keys, "number of bytes per pixel", path)
    if name not in _KINDS or size not in _KINDS[name]:
        raise FileFormatError(
            f"{path.name}: 'number format' {name!r} with {size} bytes per pixel is not read; "
            f"known: {', '.join(_KINDS)}"
        )
    order = keys.get("imagedata byte order", "").upper().replace(" ", "")
    if order not in _ORDERS and size > 1:
        raise FileFormatError(
            f"{path.name}: 'imagedata byte order' must be LITTLEENDIAN or BIGENDIAN, "
            f"found {order or 'nothing'!r}"
        )
    return np.dtype(_ORDERS.get(order, "<") + _KINDS[name][size])


def _data(keys: dict[str, str], path: Path, kind: np.dtype[np.generic], count: int) -> Array:
    name = _text(keys, "name of data file", path)
    file = path.parent / Path(name.replace("\\", "/")).name
    if not file.is_file():
        raise FileFormatError(f"{path.name}: its data file {file.name} is not beside it")
    start = keys.get("data offset in bytes", "")
    block = keys.get("data starting block", "")
    try:
        offset = int(start) if start else int(block or 0) * _BLOCK_BYTES
    except ValueError as error:
        raise FileFormatError(f"{path.name}: 'data offset in bytes' must be a number") from error
    held = file.stat().st_size - offset
    if offset < 0 or held != count * kind.itemsize:
        raise FileFormatError(
            f"{path.name}: {file.name} must hold {count * kind.itemsize} bytes from byte {offset}, "
            f"found {held}"
        )
    values = np.fromfile(file, dtype=kind, offset=offset)
    native = values.astype(kind.newbyteorder("="), copy=False)
    if native.dtype.kind == "f" and not np.isfinite(native).all():
        raise FileFormatError(f"{path.name}: {file.name} holds values that are not finite numbers")
    return native


def _spacing(
    keys: dict[str, str], path: Path, slices: int, given_mm: float | None
) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    column = _number(keys, "scaling factor (mm/pixel) [1]", path)
    row = _number(keys, "scaling factor (mm/pixel) [2]", path)
    notes: tuple[str, ...] = ()
    if given_mm is not None:
        return (given_mm, row, column), ("slice thickness as given, not from the header",)
    if keys.get("scaling factor (mm/pixel) [3]"):
        step = _number(keys, "scaling factor (mm/pixel) [3]", path)
    elif keys.get("slice thickness (mm)"):
        step = _number(keys, "slice thickness (mm)", path)
    else:
        pixels = _number(keys, "slice thickness (pixels)", path)
        step = pixels * column
        notes = (f"slice thickness {pixels:g} pixels of {column:g} mm",)
        if pixels >= AMBIGUOUS_PIXELS:
            raise FileFormatError(
                f"{path.name}: 'slice thickness (pixels)' {pixels:g} would mean slices of "
                f"{step:.4g} mm and a height of {step * slices:.4g} mm; it may be mm instead: "
                "give slice_thickness_mm"
            )
    return (step, row, column), notes


def _require_transverse(keys: dict[str, str], path: Path) -> None:
    orientation = keys.get("slice orientation", "").lower()
    if orientation and orientation != "transverse":
        raise FileFormatError(
            f"{path.name}: 'slice orientation' must be Transverse, found {orientation!r}; "
            "reformat the image first"
        )
