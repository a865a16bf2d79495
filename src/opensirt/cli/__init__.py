"""The command line. Imports of science happen inside commands, so that `--help` is quick."""

from opensirt.cli.app import main

__all__ = ["main"]
