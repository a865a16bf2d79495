"""Fails where a module has grown beyond the limit of docs/CONTRIBUTING: one file, one question."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT_LINES = 400
ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Print every tracked Python file above the limit; exit status 1 when there is one."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    long = []
    for name in listed.stdout.split():
        path = ROOT / name
        lines = len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
        if lines > LIMIT_LINES:
            long.append(f"{name}: {lines} lines, at most {LIMIT_LINES}")
    print("\n".join(long) or "every module is short enough")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
