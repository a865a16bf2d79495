"""Show which pinned figures moved, and pin the new ones.

python -m tests.golden              print what moved
python -m tests.golden --pin        write the figures of today to pinned.json, too
python -m tests.golden monte-carlo  only some groups: study, or names of engines
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from opensirt.dose.engine import dose_engines
from tests.golden.figures import dose_figures, study_figures
from tests.golden.pinned import FILE, Pinned, differences, read, write

STUDY = "study"


def main(words: Sequence[str]) -> int:
    """Exit status 0 where nothing moved or all was pinned, else 1."""
    parser = argparse.ArgumentParser("python -m tests.golden", description=__doc__)
    groups = [STUDY, *dose_engines.names()]
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(groups)}; default all")
    parser.add_argument("--pin", action="store_true", help=f"write {FILE.name}")
    asked = parser.parse_args(words)
    chosen = asked.groups or groups
    if unknown := [group for group in chosen if group not in groups]:
        parser.error(f"{unknown[0]!r} is no group; choose among {', '.join(groups)}")
    before = read() if FILE.is_file() else Pinned({}, {}, {})
    moved = 0
    found = {}
    for group in chosen:
        found[group] = _figures(group)
        lines = differences(group, found[group], before)
        moved += len(lines)
        print(*lines, sep="\n", flush=True) if lines else print(f"{group}: nothing moved")
    gone = sorted(set(before.figures) - set(groups))
    for group in gone:
        print(f"{group}: is pinned, but there is no such engine")
    if asked.pin:
        kept = {group: f for group, f in before.figures.items() if group not in gone}
        write(replace(before, figures={**kept, **found}))
        print(f"pinned in {FILE.name}; say in the commit what moved, from what to what, and why")
        return 0
    return 1 if moved or gone else 0


def _figures(group: str) -> dict[str, float | str]:
    if group != STUDY:
        return dose_figures(group)
    with tempfile.TemporaryDirectory() as folder:
        return study_figures(Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
