"""Jobs and whole commands killed at every step; ``python -m tests.killed --help`` by hand."""

from tests.killed.deaths import KILLED, exit_of

__all__ = ["KILLED", "exit_of"]
