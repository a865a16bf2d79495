"""The result of a digital patient, read by other programs: volume, dose and place of each region.

``python validation/interoperability/make.py [RESULT ...]``: folders that `opensirt run` wrote;
without any, the patient liver-net on 4 mm is planned with two engines, once under its identity.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.interoperability.apart import folder
from validation.interoperability.figures import Found, Readings, expected
from validation.interoperability.others import others
from validation.interoperability.outlines import LARGE_VOXELS, LINE_BOUND, rt_utils
from validation.interoperability.programs import PROGRAMS, report_figures
from validation.report import table, write

from opensirt.workflow import RunOptions, run_study, write_phantom

LARGE_ML, BOUND = 5.0, 0.01
"""From this volume on every program comes within this part of the report's figures."""
ROUNDING = 0.01
"""Gy or mL; dicompyler-core's bins are 0.01 Gy wide."""
RUNS = {"local": "keep", "voxel-superposition": "remove"}
"""Engine and identity."""
HEADER = (
    "program", "reads", "regions", "volume", "mean", "D95", "D95 below 5 mL", "place, mm"
)  # fmt: skip
FILLED = ("voxels", "regions", "rt-utils more by", "less its lines", "place, mm")


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
        near = {n for n, f in large.items() if program.nearest and _near(f, places[n])}
        farther = {n: f for n, f in large.items() if n not in near}
        if max(*figures[:2], _largest(told, farther, "d95_gy")) > BOUND:
            beyond.append(f"{program.name}, {program.reads}")
        cells = [_percent(f) for f in (*figures, _largest(told, small, "d95_gy"))]
        count = f"{len(large) + len(small)} of {len(told)}"
        rows.append([program.name, program.reads, count, *cells, _apart(places, found)])
    found = report_figures(result)
    cells = [_percent(_largest(told, found, key)) for key in ("mean_gy", "d95_gy")]
    rows.append(["highdicom", "report", f"{len(found)} of {len(told)}", "-", *cells, "-", "-"])
    return table(HEADER, rows), beyond


def filled(result: Path, series: Path) -> tuple[list[str], list[str]]:
    """Regions by size as rt-utils fills them, against the segmentation beside the outlines."""
    if folder("rt-utils") is None:
        return ["rt-utils could not be installed."], []
    found = rt_utils(result, series).values()
    rows, beyond = [], []
    for least, most in pairwise((1, LARGE_VOXELS // 20, LARGE_VOXELS, math.inf)):
        some = [one for one in found if least <= one.told < most]
        more, gap = max(one.more for one in some), max(abs(one.gap) for one in some)
        size = f"{least} and more" if math.isinf(most) else f"{least} to {most - 1}"
        apart = max(one.apart_mm for one in some)
        rows.append([size, str(len(some)), _percent(more), _percent(gap), f"{apart:.2f}"])
    if gap > LINE_BOUND:
        beyond.append("rt-utils, outlines")
    return table(FILLED, rows), beyond


def _largest(told: Readings, found: Readings, key: str) -> float:
    """The largest relative difference of a figure, beyond rounding."""
    return max(_gaps(told, found, key), default=0.0)


def _near(found: Found, voxels: Found) -> bool:
    """Whether its D95 is a dose within half a voxel of ours."""
    low, high = voxels.nearby_gy or (math.inf, -math.inf)
    return found.d95_gy is not None and low - ROUNDING <= found.d95_gy <= high + ROUNDING


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
    with tempfile.TemporaryDirectory() as made:
        results = [Path(word) for word in words] or list(_planned(Path(made)))
        parts: list[list[str]] = []
        late: list[str] = []
        for result in results:
            lines, beyond = compare(result)
            parts += [[f"## {_engine(result)}", "", *lines]]
            late += beyond
        if not words:
            lines, beyond = filled(results[0], Path(made) / "study" / "dicom" / "ct")
            parts.append(["## Outlines on the CT", "", *lines])
            late += beyond
        parts.append(["## Objects as such", "", *others(results[0])])
        write(__file__, "A result read by other programs", parts)
    print(*(f"beyond the bound: {name}" for name in late), sep="\n")
    return 1 if late else 0


def _planned(made: Path) -> Iterator[Path]:
    write_phantom("liver-net", made / "study", voxel_mm=4.0)
    for engine, identity in RUNS.items():
        options = RunOptions(
            product="resin-y90", model="partition", engine=engine, identity=identity
        )
        run_study(made / "study", options, to=made / engine)
        yield made / engine


def _engine(result: Path) -> str:
    return str(json.loads((result / "results.json").read_text("utf-8"))["engine"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
