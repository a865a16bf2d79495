"""All changes of known meaning, and those that a reader still gets wrong."""

from __future__ import annotations

from tests.fuzz.meaning_activity import ENHANCED, NM, PET
from tests.fuzz.meaning_ct import CT
from tests.fuzz.meaning_files import FILES
from tests.fuzz.meaning_regions import REGIONS

__all__ = ["ROWS", "WRONG"]

ROWS = {row.name: row for row in (*CT, *PET, *NM, *ENHANCED, *REGIONS, *FILES)}
"""Name -> row."""
WRONG: dict[str, str] = {}
"""Name -> what the reader does instead; a row goes when it is mended."""
