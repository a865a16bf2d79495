"""The command line. Imports of science happen inside commands, so that `--help` is quick."""

__all__ = ["STOPPED", "main"]

STOPPED = 130
"""Exit code of a program that Ctrl-C ended."""


def main() -> None:
    """The program `opensirt`; Ctrl-C ends it in one line from its first import on."""
    try:
        from opensirt.cli.app import main as program

        program()
    except KeyboardInterrupt:
        import sys

        print("opensirt: stopped; nothing unfinished is kept", file=sys.stderr)
        sys.exit(STOPPED)
