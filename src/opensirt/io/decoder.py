"""Compressed pixels decoded in another process, which may die without taking the job along."""

from __future__ import annotations

import atexit
import json
import math
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from opensirt.errors import DicomError

__all__ = ["decode", "needs_decoder"]

Array = npt.NDArray[Any]

_CHILD = Path(__file__).with_name("decode_child.py")
_FACTS = (
    "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PlanarConfiguration",
    "PixelData",
)  # fmt: skip
"""All that decoding needs, and nothing of the patient."""
_DAMAGE = re.compile(r"corrupt jpeg|premature end|invalid jpeg|bogus|huffman", re.IGNORECASE)
"""What decoders write about data that they go on to decode into something."""
LONGEST_S = 120.0
"""A decoder that takes longer for one file hangs."""


def decode(dataset: Dataset) -> Array:
    """Pixels of a data set, as `Dataset.pixel_array` gives them.

    Raises
    ------
    DicomError
        Where the decoder refuses, finds damage, dies or hangs; without the name of the file.
    Exception
        What pydicom raises for pixels that are not compressed.
    """
    if not needs_decoder(dataset):
        pixels: Array = dataset.pixel_array
        return pixels
    facts = {key: dataset[key].value for key in _FACTS if key in dataset}
    with _LOCK:
        return _DECODER.ask(
            {**facts, "TransferSyntaxUID": str(dataset.file_meta.TransferSyntaxUID)}
        )


def needs_decoder(dataset: Dataset) -> bool:
    """Whether native code decodes the pixels; runs of bytes (RLE) are Python's."""
    syntax = dataset.file_meta.TransferSyntaxUID
    return bool(syntax.is_encapsulated and syntax != RLELossless)


class _Child:
    """The process that decodes, started when first needed and again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, facts: dict[str, Any]) -> Array:
        request = pickle.dumps(facts)
        process = self._running()
        alarm = threading.Timer(LONGEST_S, process.kill)
        alarm.start()
        try:
            assert process.stdin is not None
            process.stdin.write(len(request).to_bytes(8, "big") + request)
            process.stdin.flush()
            head = json.loads(self._read(process, int.from_bytes(self._read(process, 8), "big")))
            if "error" in head:
                raise DicomError(f"the decoder refuses it ({head['error']})")
            kind = np.dtype(head["dtype"])
            pixels = self._read(process, kind.itemsize * math.prod(head["shape"]))
        except (OSError, EOFError):
            self.stop()
            raise DicomError("the decoder died of it") from None
        finally:
            alarm.cancel()
        if found := _DAMAGE.search(head["said"]):
            raise DicomError(f"the decoder found damage ({found[0].lower()})")
        return np.frombuffer(pixels, kind).reshape(head["shape"])

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    @staticmethod
    def _read(process: subprocess.Popen[bytes], count: int) -> bytes:
        assert process.stdout is not None
        found = process.stdout.read(count)
        if len(found) < count:
            raise EOFError
        return found


_DECODER, _LOCK = _Child(), threading.Lock()
atexit.register(_DECODER.stop)
