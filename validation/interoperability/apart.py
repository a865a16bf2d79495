"""Programs kept out of the environment of the tests: each in a folder of its own beside it.

rt-utils needs 150 MB of OpenCV and brings a package named `tests`; dcmjs is for node.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["APART", "folder"]

PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--retries", "1", "--no-deps", "--target")
NPM = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix")
APART = {
    "rt-utils": (PIP, ("rt-utils==1.2.7", "opencv-python-headless>=4.10,<6")),
    "dcmjs": (NPM, ("dcmjs@0.52.2",)),
}
"""The installer, whose last word is before the folder, and what it is asked for."""
LIMIT_S = 300


@functools.cache
def folder(name: str) -> Path | None:
    """Where the program is, installed on first use; None where it cannot be."""
    installer, wanted = APART[name]
    home = Path(sys.prefix) / "apart" / wanted[0]
    if home.is_dir():
        return home
    if shutil.which(installer[0]) is None:
        return None
    home.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=home.parent))
    try:
        words = [*installer, str(made), *wanted]
        subprocess.run(words, capture_output=True, check=True, timeout=LIMIT_S)
        os.rename(made, home)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(made, ignore_errors=True)
    return home if home.is_dir() else None
