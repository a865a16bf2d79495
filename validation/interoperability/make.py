"""The result of a digital patient, read by other programs: volume, dose and place of each region.

``python validation/interoperability/make.py [RESULT ...]``: folders that `opensirt run` wrote;
without any, the patient liver-net on 4 mm is planned with two engines.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.interoperability.others import others
from validation.interoperability.programs import PROGRAMS, Readings, expected, report_figures
from validation.report import table, write

from opensirt.workflow import RunOptions, run_study, write_phantom

LARGE_ML, BOUND = 5.0, 0.01
"""From this volume on every program comes within this part of the report's figures."""
ROUNDING = 0.01
"""Gy or mL; dicompyler-core's bins are 0.01 Gy wide."""
ENGINES = ("local", "voxel-superposition")
HEADER = (
    "program", "reads", "regions", "volume", "mean", "D95", "D95 below 5 mL", "place, mm"
)  # fmt: skip


def compare(result: Path) -> tuple[list[str], list[str]]:
    """The table of one result, and what goes beyond the bound."""
    told, rows, beyond = expected(result), [], []
    places: Readings = {}
    for program in PROGRAMS:
        if program.missing:
            rows.append(
                [program.name, program.reads, f"{program.missing} not installed"] + [""] * 5
            )
            continue
        found = program.read(result)
        places = places or {n: f for n, f in found.items() if f.centre_mm}
        large = {n: f for n, f in found.items() if n in told and told[n].volume_ml >= LARGE_ML}
        small = {n: f for n, f in found.items() if n in told and n not in large and f.d95_gy}
        figures = [_largest(told, large, key) for key in ("volume_ml", "mean_gy", "d95_gy")]
        if max(figures) > BOUND:
            beyond.append(f"{program.name}, {program.reads}")
        cells = [_percent(f) for f in (*figures, _largest(told, small, "d95_gy"))]
        count = f"{len(large) + len(small)} of {len(told)}"
        rows.append([program.name, program.reads, count, *cells, _apart(places, found)])
    found = report_figures(result)
    cells = [_percent(_largest(told, found, key)) for key in ("mean_gy", "d95_gy")]
    rows.append(["highdicom", "report", f"{len(found)} of {len(told)}", "-", *cells, "-", "-"])
    return table(HEADER, rows), beyond


def _largest(told: Readings, found: Readings, key: str) -> float:
    """The largest relative difference of a figure, beyond rounding."""
    return max(_gaps(told, found, key), default=0.0)


def _gaps(told: Readings, found: Readings, key: str) -> Iterator[float]:
    for name, one in found.items():
        here, there = getattr(told[name], key), getattr(one, key)
        if there is not None and abs(there - here) > ROUNDING:
            yield abs(there / here - 1.0) if here > 0 else 1.0


def _percent(value: float) -> str:
    return f"{value:.2%}".replace("%", " %")


def _apart(first: Readings, found: Readings) -> str:
    """The largest distance of centres from those of the first program that gives any."""
    pairs = [(first[n].centre_mm, f.centre_mm) for n, f in found.items() if n in first]
    gaps = [float(np.linalg.norm(np.subtract(a, b))) for a, b in pairs if a and b]
    return f"{max(gaps):.2f}" if gaps else "-"


def main(words: Sequence[str]) -> int:
    """Exit status 1 where a program goes beyond the bound."""
    with tempfile.TemporaryDirectory() as folder:
        results = [Path(word) for word in words] or list(_planned(Path(folder)))
        parts: list[list[str]] = []
        late: list[str] = []
        for result in results:
            lines, beyond = compare(result)
            parts += [[f"## {_engine(result)}", "", *lines]]
            late += beyond
        parts.append(["## Objects as such", "", *others(results[0])])
        write(__file__, "A result read by other programs", parts)
    print(*(f"beyond {BOUND:.0%}: {name}" for name in late), sep="\n")
    return 1 if late else 0


def _planned(folder: Path) -> Iterator[Path]:
    write_phantom("liver-net", folder / "study", voxel_mm=4.0)
    for engine in ENGINES:
        options = RunOptions(product="resin-y90", model="partition", engine=engine)
        run_study(folder / "study", options, to=folder / engine)
        yield folder / engine


def _engine(result: Path) -> str:
    import json

    return str(json.loads((result / "results.json").read_text("utf-8"))["engine"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
