"""Write the checksum of a csv that was typed by hand into the toml beside it."""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path


def main() -> None:
    """Seal each csv named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path, nargs="+")
    for path in parser.parse_args().csv:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        toml = path.with_suffix(".toml")
        text = toml.read_text(encoding="utf-8")
        sealed = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', text, flags=re.MULTILINE)
        toml.write_text(sealed, encoding="utf-8")
        print(path.name, digest)


if __name__ == "__main__":
    main()
