"""Pixels of other than 8 or 16 bits in big-endian files, whose values are other words (OW).

A word has 16 bits, and a big-endian file turns the bytes of each word and nothing more. A pixel of
32 bits is two words, the less significant one first; single bits fill words from the lowest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from opensirt.errors import DicomError

__all__ = ["has_long_words", "in_words", "packed_bits"]

Array = npt.NDArray[Any]

ROUGHER, ENOUGH = 2.0, 1000
"""Numbers of another order of bytes, read as words, jump that many times as much between neighbours
(2.4 and more in dose maps; 1.8 at most the other way); and how many pixels show it."""


def has_long_words(dataset: Dataset) -> bool:
    """Whether the pixels are 32 bits each, as words of a big-endian file."""
    return _in_words(dataset) and dataset.get("BitsAllocated") == 32


def in_words(dataset: Dataset) -> Array:
    """Stored values of a data set that `has_long_words`, one axis, with all their bits.

    Raises
    ------
    DicomError
        Where the pixels make no image as words, and one in another order of bytes; without the
        name of the file.
    """
    kind = "<i4" if dataset.get("PixelRepresentation") else "<u4"
    size = len(dataset.PixelData) // 4
    words = np.frombuffer(dataset.PixelData, ">u2", count=2 * size).astype("<u2")
    others = [np.frombuffer(dataset.PixelData, order + kind[1:], count=size) for order in "<>"]
    columns = max(int(dataset.Columns), 1)
    least = min(_roughness(values, columns) for values in others)
    if size >= ENOUGH and _roughness(words.view(kind), columns) > ROUGHER * least:
        raise DicomError("32 bits of big endian that are not in words of 16 bits, as OW has them")
    return words.view(kind)


def packed_bits(dataset: Dataset) -> npt.NDArray[np.uint8]:
    """Pixels of one bit each, eight to a byte, in the order of a little-endian file."""
    packed = np.frombuffer(dataset.PixelData, dtype=np.uint8)
    if not _in_words(dataset):
        return packed
    return packed[: packed.size // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()


def _in_words(dataset: Dataset) -> bool:
    meta = getattr(dataset, "file_meta", {})
    is_big = meta.get("TransferSyntaxUID") == ExplicitVRBigEndian
    return is_big and "PixelData" in dataset and dataset["PixelData"].VR != "OB"


def _roughness(values: Array, columns: int) -> float:
    """Mean jump between neighbours in a row, over the mean deviation; 0 where all are equal."""
    rows = values[: values.size // columns * columns].reshape(-1, columns).astype(np.float64)
    if columns < 2 or not rows.size:
        return 0.0
    spread = float(np.abs(rows - rows.mean()).mean())
    return float(np.abs(np.diff(rows, axis=1)).mean()) / spread if spread else 0.0
