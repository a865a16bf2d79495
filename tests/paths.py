"""Places that tests read from, and the mark of tests that need the shared reference data."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
"""Real images and published tables; they lie beside a checkout and are never committed."""

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared reference data is not beside this checkout"
)
