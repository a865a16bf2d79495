"""Parts of the standard library that only some systems have are never needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.case_files import write_small_case

ABSENT = ("resource", "fcntl", "pwd", "grp", "termios", "syslog", "readline")
"""Modules of Python that Windows lacks."""
EVERYWHERE = """
import pkgutil, sys
for name in {absent!r}:
    sys.modules[name] = None
import opensirt
for module in pkgutil.walk_packages(opensirt.__path__, "opensirt."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
from opensirt.cli.app import main
sys.argv = ["opensirt", *{words!r}]
main()
"""


def test_every_module_is_imported_and_a_plan_made_without_them(tmp_path: Path) -> None:
    """Nor is a home that can be written."""
    study = write_small_case(tmp_path / "study")
    out = tmp_path / "out"
    words = ["run", str(study), "--product", "resin-y90", "--model", "partition", "--engine",
             "local", "--out", str(out)]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", EVERYWHERE.format(absent=ABSENT, words=words)],
        capture_output=True, text=True, check=False, timeout=300,
        env={"HOME": "/nowhere/at/all", "OPENSIRT_SITE_KEY": "0" * 32, "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert (out / "report.pdf").is_file()
