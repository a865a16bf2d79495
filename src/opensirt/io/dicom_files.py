"""Opening any DICOM file: missing preamble or meta, big endian, deflated, compressed, damaged.

Everything that can go wrong inside pydicom becomes one `FileFormatError` or `DicomError` that names
the file and the keyword. Values of attributes are never quoted where they could identify a person.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from opensirt.errors import DicomError, FileFormatError
from opensirt.io.big_words import has_long_words, in_words
from opensirt.io.decoder import decode

__all__ = [
    "integer",
    "items",
    "load_pixels",
    "number",
    "numbers",
    "open_dicom",
    "pixel_frames",
    "printable",
    "quiet_pydicom",
    "required",
    "texts",
    "title",
]

MAX_SAMPLES = 2**31
"""Most samples one object may claim; a damaged header must not fill the memory."""
MAX_INFLATED = 1 << 30
"""Most bytes of a deflated data set; 512 x 512 x 1000 pixels have half as many."""
MAX_TEXT = 64
PADDING = 512
"""Most zeros after the pixels: some writers fill their last block."""
_DEFLATED, _MAX_META = b"1.2.840.10008.1.2.1.99", 1024
"""Transfer syntax of deflated data sets, and how much of the beginning may name it."""

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom's warnings, which quote header values, away from screen and logs."""
    logger = logging.getLogger("pydicom")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=UserWarning)
            yield
    finally:
        logger.setLevel(before)


def open_dicom(source: Path | bytes, *, pixels: bool = True, name: str = "") -> Dataset:
    """The data set of a file, with or without its preamble and meta information.

    Parameters
    ----------
    source : Path or bytes
        A file, or its content.
    pixels : bool
        False stops before the pixel data: enough to sort a folder, and quick.
    name : str
        What to call it in messages; the file's name where not given.

    Raises
    ------
    FileFormatError
        When it cannot be opened or is not DICOM.
    """
    name = name or (source.name if isinstance(source, Path) else "the data")
    stream = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        _refuse_inflating(source, name)
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=not pixels)
        known = any(element.tag.group in (0x0008, 0x0010, 0x0020, 0x0028) for element in dataset)
        has_meta = len(getattr(dataset, "file_meta", ())) > 0
    except FileFormatError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise FileFormatError(f"{name}: cannot be opened ({error.strerror})") from None
        raise FileFormatError(
            f"{name}: not a DICOM file, or damaged beyond reading; export it again"
        ) from None
    if not known and not has_meta:
        raise FileFormatError(f"{name}: not a DICOM file; give a DICOM, NIfTI or NRRD file")
    return dataset


def _refuse_inflating(source: Path | bytes, name: str) -> None:
    """Refuse a deflated data set that fills the memory; it is inflated in pieces, and kept nowhere.

    Raises
    ------
    FileFormatError
        Beyond `MAX_INFLATED` bytes.
    zlib.error
        Damage.
    """
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        start = stream.read(144 + _MAX_META)
        if _DEFLATED not in start:
            return
        if start[128:136] != b"DICM\x02\0\0\0":
            raise FileFormatError(
                f"{name}: deflated, and its file meta information does not begin with its length "
                "(0002,0000); export it without deflate"
            )
        stream.seek(144 + int.from_bytes(start[140:144], "little"))
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        size = 0
        while piece := stream.read(1 << 16):
            while piece:
                size += len(inflate.decompress(piece, 1 << 24))
                piece = inflate.unconsumed_tail
                if size > MAX_INFLATED:
                    raise FileFormatError(
                        f"{name}: inflates to more than {MAX_INFLATED >> 20} MiB; export it "
                        "without deflate"
                    )


def load_pixels(path: Path) -> tuple[npt.NDArray[Any], str]:
    """Stored values (frame, row, column) of a file, and the file's SHA-256.

    The file is read once; values are as stored, before any rescale.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path.name}: cannot be opened ({error.strerror})") from None
    dataset = open_dicom(content, name=path.name)
    return pixel_frames(dataset, path.name), hashlib.sha256(content).hexdigest()


MOST_MARKED, SMOOTH = 0.1, 0.125
"""Share of pixels that an overlay marks at most, and the jump of values under it against their
neighbours, over their range."""


def pixel_frames(dataset: Dataset, name: str) -> npt.NDArray[Any]:
    """Decoded stored values (frame, row, column) of a data set with one sample per pixel.

    Raises
    ------
    DicomError
        Pixel data absent, in colour, cut short or in a form that cannot be decoded.
    """
    rows, columns = integer(dataset, "Rows", name), integer(dataset, "Columns", name)
    frames = integer(dataset, "NumberOfFrames", name) or 1
    if not rows or not columns or frames < 1:
        raise DicomError(
            f"{name}: Rows, Columns and NumberOfFrames must be positive to be an image"
        )
    if (integer(dataset, "SamplesPerPixel", name) or 1) != 1:
        raise DicomError(f"{name}: SamplesPerPixel is not 1: a colour picture holds no quantity")
    if printable(title(dataset, "PhotometricInterpretation", name)) == "PALETTE COLOR":
        raise DicomError(
            f"{name}: PhotometricInterpretation is PALETTE COLOR: numbers of colours, no quantity"
        )
    _check_length(dataset, rows * columns * frames, name)
    _ensure_transfer_syntax(dataset)
    try:
        stored = in_words(dataset) if has_long_words(dataset) else decode(dataset)
    except Exception as error:
        syntax = printable(getattr(dataset.file_meta.TransferSyntaxUID, "name", "unknown syntax"))
        why = str(error) if isinstance(error, DicomError) else type(error).__name__
        raise DicomError(
            f"{name}: PixelData cannot be decoded ({syntax}, {why}); the file is damaged or needs "
            "another decoder"
        ) from None
    if stored.size != rows * columns * frames:
        raise DicomError(f"{name}: PixelData does not hold {frames} frames of {rows} x {columns}")
    return _own_bits(dataset, stored.reshape(frames, rows, columns), name)


def _own_bits(dataset: Dataset, stored: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """The values without overlay planes in the bits above them.

    Raises
    ------
    DicomError
        When pixels use bits above BitsStored as values do, or HighBit does not fit BitsStored.
    """
    bits, allocated = (integer(dataset, key, name) for key in ("BitsStored", "BitsAllocated"))
    if stored.dtype.kind not in "ui" or not bits or not allocated or bits > allocated:
        return stored
    high = integer(dataset, "HighBit", name)
    if high is not None and high != bits - 1:
        raise DicomError(
            f"{name}: HighBit is {high} and BitsStored {bits}: which bits hold values?"
        )
    words = _words(dataset, stored, allocated)
    signed = bool(integer(dataset, "PixelRepresentation", name))
    low, top = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if bits == allocated or (words.min() >= low and words.max() < top):
        return stored
    own = words.astype(np.int64) & ((1 << bits) - 1)
    marked = (words.astype(np.int64) >> bits) & ((1 << allocated - bits) - 1) != 0
    if signed and not marked.any():  # negative numbers without the bits that extend their sign
        return stored
    if signed or not _is_overlay(own, marked, 1 << bits):
        raise DicomError(
            f"{name}: BitsStored says {bits}, and pixels have bits above set: values are cut; "
            "export the image again"
        )
    return own.astype(stored.dtype)


def _is_overlay(own: npt.NDArray[Any], marked: npt.NDArray[np.bool_], top: int) -> bool:
    """Whether marks above the values are drawn on the image: few, and the values below go on.

    Where a value outgrew its bits instead, what is left of it jumps against its neighbours.
    """
    if marked.mean() > MOST_MARKED:
        return False
    jumps = np.full(own.shape, top, dtype=np.int64)
    for axis in (1, 2):
        for step in (1, -1):
            beside = np.abs(own - np.roll(own, step, axis=axis))
            np.minimum(jumps, np.where(np.roll(marked, step, axis=axis), top, beside), out=jumps)
    known = jumps[marked & (jumps < top)]
    return known.size > 0 and float(np.median(known)) < SMOOTH * top


def _words(dataset: Dataset, stored: npt.NDArray[Any], allocated: int) -> npt.NDArray[Any]:
    """Pixels with all their bits: decoders of native data drop those above BitsStored."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in _NATIVE or allocated not in (8, 16, 32) or has_long_words(dataset):
        return stored
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    kind = np.dtype(f"{order}{stored.dtype.kind}{allocated // 8}")
    return np.frombuffer(dataset.PixelData, kind, count=stored.size).reshape(stored.shape)


def _check_length(dataset: Dataset, samples: int, name: str) -> None:
    """Refuse absent pixels, native pixels cut short, and absurd sizes, before decoding."""
    keyword = next(
        (k for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if k in dataset), None
    )
    if keyword is None:
        raise DicomError(f"{name}: PixelData is missing; the file holds no image")
    if samples > MAX_SAMPLES:
        raise DicomError(f"{name}: Rows x Columns x NumberOfFrames is {samples}, beyond any image")
    meta: Any = getattr(dataset, "file_meta", {})
    if meta.get("TransferSyntaxUID", ExplicitVRLittleEndian) not in _NATIVE:
        return
    bits = {"PixelData": integer(dataset, "BitsAllocated", name) or 0, "FloatPixelData": 32}
    needed = math.ceil(samples * bits.get(keyword, 64) / 8)
    held = len(required(dataset, keyword, name))
    if held < needed:
        raise DicomError(f"{name}: {keyword} holds {held} of {needed} bytes; the file is cut short")
    if held > needed + needed % 2 and not _is_padding(dataset, keyword, held, needed):
        raise DicomError(
            f"{name}: {keyword} holds {held} bytes; Rows, Columns, NumberOfFrames and "
            f"BitsAllocated declare {needed}: which of them is wrong?"
        )


def _is_padding(dataset: Dataset, keyword: str, held: int, needed: int) -> bool:
    """Whether what is beyond the pixels is a few zeros: some writers fill their last block."""
    return held - needed <= min(PADDING, needed - 1) and not any(dataset[keyword].value[needed:])


def _ensure_transfer_syntax(dataset: Dataset) -> None:
    """Say how the values were encoded, where the file's meta information does not."""
    if not isinstance(getattr(dataset, "file_meta", None), FileMetaDataset):
        dataset.file_meta = FileMetaDataset()
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little is not False else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _value(dataset: Dataset, keyword: str, name: str) -> Any:
    """Raw value of an attribute, None where absent or empty."""
    try:
        value = dataset.get(keyword)
        if value is None or (hasattr(value, "__len__") and len(value) == 0):
            return None
    except Exception:
        raise DicomError(f"{name}: {keyword} holds a value that cannot be read") from None
    return value


def required(dataset: Dataset, keyword: str, name: str) -> Any:
    """Value of an attribute that the job cannot do without."""
    value = _value(dataset, keyword, name)
    if value is None:
        raise DicomError(f"{name}: {keyword} is missing or empty, and cannot be guessed")
    return value


def texts(dataset: Dataset, keyword: str, name: str = "") -> tuple[str, ...]:
    """Text values of an attribute, stripped; an empty tuple where absent."""
    value = _value(dataset, keyword, name or "DICOM file")
    if value is None:
        return ()
    several = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    return tuple(str(part).strip(" \0") for part in (value if several else (value,)))


def title(dataset: Dataset, keyword: str, name: str = "") -> str:
    """Text of an attribute, "" where absent; several values are joined with a backslash."""
    return "\\".join(texts(dataset, keyword, name))


def printable(text: str) -> str:
    """Text for messages: up to the first control character, at most 64 characters (DICOM LO).

    A damaged length can make one attribute swallow the next ones, the patient's name among them.
    """
    end = next((index for index, char in enumerate(text) if not char.isprintable()), len(text))
    return text[: min(end, MAX_TEXT)].strip()


def numbers(
    dataset: Dataset, keyword: str, name: str, count: int | None = None
) -> tuple[float, ...]:
    """Finite numbers of an attribute; an empty tuple where absent.

    Raises
    ------
    DicomError
        Not numbers, not finite, or not `count` of them.
    """
    value = _value(dataset, keyword, name)
    if value is None:
        return ()
    several = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    try:
        found = tuple(float(part) for part in (value if several else (value,)))
    except (TypeError, ValueError):
        raise DicomError(f"{name}: {keyword} is not a number") from None
    if not np.isfinite(found).all() or (count is not None and len(found) != count):
        wanted = "finite numbers" if count is None else f"{count} finite numbers"
        raise DicomError(f"{name}: {keyword} must be {wanted}, found {len(found)} value(s)")
    return found


def number(dataset: Dataset, keyword: str, name: str) -> float | None:
    """One finite number, None where absent."""
    found = numbers(dataset, keyword, name)
    if len(found) > 1:
        raise DicomError(f"{name}: {keyword} must be one number, found {len(found)}")
    return found[0] if found else None


def integer(dataset: Dataset, keyword: str, name: str) -> int | None:
    """One whole number, None where absent."""
    found = number(dataset, keyword, name)
    if found is not None and found != int(found):
        raise DicomError(f"{name}: {keyword} must be a whole number")
    return None if found is None else int(found)


def items(dataset: Dataset, keyword: str, name: str = "") -> tuple[Dataset, ...]:
    """Items of a sequence; an empty tuple where absent or where it is not a sequence."""
    value = _value(dataset, keyword, name or "DICOM file")
    if value is None:
        return ()
    try:
        return tuple(item for item in value if isinstance(item, Dataset))
    except Exception:
        raise DicomError(f"{name}: {keyword} is not a readable sequence") from None
