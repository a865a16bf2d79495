"""A process that decodes compressed pixels for `opensirt.io.decoder`, and may die of it.

Native decoders abort on damaged data, which no exception handler sees. This script imports nothing
of opensirt, reads requests from stdin and answers on stdout until stdin ends.

Request: length (8 bytes, big endian) and that many bytes of pickle: the attributes of one data set
and its transfer syntax. Answer: the same of JSON, either {"dtype", "shape", "said"} followed by the
pixels, or {"error"}; "said" is what a decoder wrote to stderr meanwhile.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
from typing import IO, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

MOST_BYTES = 8 << 30
"""Address space; 2 GiB of pixels and their copies fit, libraries included."""


def main() -> None:
    """Answer requests until there are no more."""
    _limit_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
    os.dup2(said.fileno(), 2)
    os.dup2(said.fileno(), 1)  # a decoder that prints must not spoil an answer
    while size := requests.read(8):
        facts = pickle.loads(requests.read(int.from_bytes(size, "big")))
        start = os.lseek(said.fileno(), 0, os.SEEK_END)
        head, pixels = _answer(facts)
        os.lseek(said.fileno(), start, os.SEEK_SET)
        head["said"] = os.read(said.fileno(), 2000).decode("utf-8", "replace")
        _send(answers, json.dumps(head).encode(), pixels)


def _limit_memory() -> None:
    """A damaged stream may claim any size; what is refused here is one line there."""
    try:
        import resource
    except ImportError:  # Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MOST_BYTES if hard == resource.RLIM_INFINITY else min(MOST_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _answer(facts: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    try:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(facts.pop("TransferSyntaxUID"))
        for keyword, value in facts.items():
            setattr(dataset, keyword, value)
        dataset["PixelData"].is_undefined_length = True
        pixels = np.ascontiguousarray(dataset.pixel_array)
    except Exception as error:
        return {"error": type(error).__name__}, b""
    return {"dtype": pixels.dtype.str, "shape": pixels.shape}, pixels.tobytes()


def _send(stream: IO[bytes], head: bytes, pixels: bytes) -> None:
    for part in (len(head).to_bytes(8, "big"), head, pixels):
        stream.write(part)
    stream.flush()


if __name__ == "__main__":
    main()
