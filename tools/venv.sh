#!/usr/bin/env bash
# Makes or refreshes .venv with opensirt in it and prints the path of its Python.
# Argument: "run" (what the main job needs) or "dev" (with the tools of ./check).
set -euo pipefail
cd "$(dirname "$0")/.."
kind="${1:?run or dev}"
base="${PYTHON:-python3}"
"$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "opensirt needs Python 3.11 or newer, found $("$base" --version); set PYTHON=/path/to/python3" >&2
    exit 2
}
stamp=".venv/.opensirt-$kind"
if [ ! -x .venv/bin/python ]; then
    echo "making .venv" >&2
    "$base" -m venv .venv
fi
wanted="$(sha256sum pyproject.toml | cut -c1-16)"
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    echo "installing opensirt into .venv (a few minutes the first time)" >&2
    target="."
    [ "$kind" = dev ] && target=".[dev]"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$target" >&2
    echo "$wanted" > "$stamp"
fi
echo "$PWD/.venv/bin/python"
