"""Tables and figures of the validation folders, in one style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from validation.common import ROOT, Estimate, Settings

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

__all__ = ["COLOURS", "LABELS", "figure", "plus_minus", "settings_line", "table", "write"]

IMAGES = ROOT / "docs" / "methods" / "img"
COLOURS = {
    "full": "#1b1b1b",
    "fast": "#1f6fb4",
    "superposition": "#2e8b57",
    "plain": "#d98200",
    "local": "#b03060",
}
LABELS = {
    "full": "Monte Carlo, full",
    "fast": "Monte Carlo, fast",
    "superposition": "superposition",
    "plain": "plain convolution",
    "local": "local",
}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
}
DOTS_PER_INCH = 90


def plus_minus(found: Estimate | None, digits: int = 4) -> str:
    """``value ± error`` with this many decimals, the error left out where it is 0."""
    if found is None:
        return "-"
    if found.error == 0.0:
        return f"{found.value:.{digits}f}"
    return f"{found.value:.{digits}f} ± {found.error:.{digits}f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def settings_line(settings: Settings) -> str:
    """How Monte Carlo was run."""
    return (
        f"Monte Carlo, per case: {settings.histories:,} decays in full mode, "
        f"{settings.histories * settings.fast_share:,} in fast mode, in {settings.repeats} repeats "
        f"from seed {settings.seed}; ± is one standard error from the repeats."
    )


def write(script: str | Path, title: str, parts: Iterable[Iterable[str]]) -> None:
    """``comparison.md`` beside the script, and the same on the screen."""
    folder = Path(script).resolve().parent
    lines = [f"# {title} (written by make.py)"]
    for part in parts:
        lines += ["", *part]
    text = "\n".join(lines) + "\n"
    (folder / "comparison.md").write_text(text, encoding="utf-8")
    print(text)


@contextmanager
def figure(name: str, columns: int = 2, rows: int = 1) -> Iterator[tuple[Figure, Sequence]]:
    """A figure with `columns` x `rows` plots that is saved to docs/methods/img when done."""
    with plt.rc_context(STYLE):
        size = (4.4 * columns, 3.3 * rows)
        drawing, axes = plt.subplots(rows, columns, figsize=size, layout="constrained")
        yield drawing, axes
        IMAGES.mkdir(parents=True, exist_ok=True)
        drawing.savefig(IMAGES / f"{name}.png", dpi=DOTS_PER_INCH, pil_kwargs={"optimize": True})
        plt.close(drawing)
