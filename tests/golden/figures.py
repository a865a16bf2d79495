"""What is pinned: every number of `results.json`, and what sums a dose map up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensirt.dose.engine import dose_engines
from opensirt.image import Volume
from opensirt.io.phantom_study import PhantomStudy, write_phantom_study
from opensirt.phantoms import DigitalPatient, make_phantom, simulate_spect
from opensirt.phantoms.imaging import default_spect
from opensirt.physics.nuclides import nuclide
from opensirt.units import JOULE_PER_MEV
from opensirt.workflow import RunOptions, run_study
from tests.short_runs import shorten

__all__ = ["dose_figures", "study_figures"]

VOXEL_MM, SEED = 6.0, 1
SPECT_VOXEL_MM, SPECT_MATRIX = 8.0, 48
OPTIONS = RunOptions(product="resin-y90", model="partition", residual_fraction=0.05)
ENGINE_OPTIONS: Mapping[str, Mapping[str, Any]] = {"monte-carlo": {"histories": 100_000, "seed": 1}}
"""Options of an engine whose defaults take too long here."""
REGIONS = ("Body", "Lungs", "Liver", "Perfused left", "Tumour 1", "Tumour 8", "Necrosis 1")
PLACES = ((22, 30, 22), (18, 34, 24), (30, 28, 30), (42, 30, 18), (36, 32, 22))
"""Voxels (slice, row, column) in liver, lesions, lung and at the dome."""
PERCENTILES = (50, 90, 99, 99.9)
"""The mean of what lies above each: one voxel's value there jumps where another processor's last
bit sends a few tracks of the Monte Carlo elsewhere."""
SHOWN = 4
"""Lesions pinned one by one; of the others, the mean of each figure over all of them."""
TEXT = ("findings", "provenance")


@cache
def patient() -> DigitalPatient:
    """The digital patient on coarse voxels."""
    return make_phantom("liver-net", voxel_mm=VOXEL_MM, seed=SEED)


def study_figures(folder: Path) -> dict[str, float | str]:
    """Plan the patient from its DICOM in `folder`: numbers of `results.json`, codes of findings."""
    spect = default_spect()
    made = patient()
    study = PhantomStudy(
        name=made.name,
        variant="golden",
        ct=made.ct,
        spect=simulate_spect(
            made.tracer,
            settings=replace(spect, voxel_mm=SPECT_VOXEL_MM, matrix=SPECT_MATRIX),
            seed=SEED,
        ),
        regions=made.regions,
        truth=made.truth,
        scout=(spect.injected_bq, spect.delay_s, spect.duration_s),
    )
    write_phantom_study(folder / "study", study, nifti=False)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, compared=True)
        done = run_study(folder / "study" / "dicom", OPTIONS, to=folder / "plan")
    results = done.report.results
    figures = dict(_numbers({k: v for k, v in results.items() if k not in TEXT}, ""))
    codes = [f"{finding['severity']} {finding['code']}" for finding in results["findings"]]
    return {**figures, "findings": ", ".join(sorted(set(codes)))}


def dose_figures(engine: str) -> dict[str, float | str]:
    """A dose map of the true activity and density: extremes, energy, regions, voxels, spread."""
    made = patient()
    options = ENGINE_OPTIONS.get(engine, {})
    dose = dose_engines.create(engine, **options).dose(made.activity, made.density, nuclide("y90"))
    gray = np.asarray(dose.values, np.float64)
    joule = float((gray * made.density.values).sum()) * dose.grid.voxel_volume_ml * 1e-3
    decays = made.activity.total() * nuclide("y90").mean_life_s
    found: dict[str, float | str] = {
        "least_gy": float(gray.min()),
        "highest_gy": float(gray.max()),
        "mev_per_decay": joule / JOULE_PER_MEV / decays,
    }
    body = made.regions["Body"]
    inside = np.sort(np.asarray(body.values_of(dose)[0], np.float64))
    for percent in PERCENTILES:
        beyond = inside[int(len(inside) * percent / 100) :]
        found[f"mean above percentile {percent:g} in the body"] = float(beyond.mean())
    for place in PLACES:
        found[f"voxel {place}"] = float(gray[place])
    for name in REGIONS:
        found.update(_region(name, dose))
    return found


def _region(name: str, dose: Volume) -> Iterator[tuple[str, float]]:
    region = patient().regions[name]
    values, _ = region.values_of(dose)
    yield f"{name}: mean", region.mean_of(dose)
    yield f"{name}: least", float(values.min())
    yield f"{name}: highest", float(values.max())


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    """Each number under its path; rows of a list by their name."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        yield from _rows(value, path)
    else:
        yield path, float(value)


def _rows(rows: Sequence[Any], path: str) -> Iterator[tuple[str, float]]:
    yield f"{path}.count", float(len(rows))
    lesions = [r for r in rows if isinstance(r, Mapping) and r.get("role") == "tumour"]
    for index, row in enumerate(rows):
        if row in lesions[SHOWN:]:
            continue
        name = row.get("name", index) if isinstance(row, Mapping) else index
        yield from _numbers(row, f"{path}.{name}")
    if len(lesions) > SHOWN:
        columns: dict[str, list[float]] = {}
        for row in lesions:
            for key, number in _numbers(row, ""):
                columns.setdefault(key, []).append(number)
        for key, numbers in columns.items():
            yield f"{path}.mean of all lesions.{key}", float(np.mean(numbers))
