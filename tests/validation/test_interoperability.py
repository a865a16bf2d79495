"""Other programs find the volume, mean and D95 that a result states, in the files written with it.

A program that is not installed is skipped by its name; `validation/interoperability` has the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from validation.interoperability.programs import PROGRAMS, Program, expected, report_figures

import opensirt as sirt
from tests.cases import small_case

LARGE_ML, BOUND, ROUNDING = 5.0, 0.01, 0.011
"""mL; part of the figure; Gy, as dicompyler-core's bins are 0.01 Gy wide."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A liver with two lesions on 4 mm voxels, outlined on 2 mm."""
    case = sirt.prepare_case(small_case())
    activity = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, activity, model="partition", product="resin-y90")
    dose = sirt.compute_dose(case, plan.scale(activity), engine="local")
    out = tmp_path_factory.mktemp("interoperability") / "out"
    sirt.write_results(case, plan, dose, sirt.build_report(case, plan, dose), to=out)
    return out


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: f"{p.name}: {p.reads}")
def test_a_program_finds_the_figures_of_the_report(program: Program, result: Path) -> None:
    if program.missing:
        pytest.skip(f"{program.name}: {program.missing} is not installed")
    told, found = expected(result), program.read(result)
    large = {name for name, one in told.items() if one.volume_ml >= LARGE_ML}
    assert {"whole liver", "Tumour A", "Tumour B", "lungs"} <= large <= set(found)
    for name in large:
        here, there = told[name], found[name]
        assert there.volume_ml == pytest.approx(here.volume_ml, rel=BOUND), name
        assert there.mean_gy == pytest.approx(here.mean_gy, rel=BOUND, abs=ROUNDING), name
        assert there.d95_gy == pytest.approx(here.d95_gy, rel=BOUND, abs=ROUNDING), name


def test_programs_find_each_region_in_one_place(result: Path) -> None:
    """Centres from structures, segmentation and .seg.nrrd, of parts and of outlines, in 0.01 mm."""
    read = [p.read(result) for p in PROGRAMS if not p.missing]
    placed = [found for found in read if any(one.centre_mm for one in found.values())]
    assert len(placed) >= 2
    for found in placed[1:]:
        assert set(found) == set(placed[0])
        for name, one in found.items():
            assert np.allclose(one.centre_mm, placed[0][name].centre_mm, atol=0.01), name


def test_the_report_object_has_the_doses_of_the_table(result: Path) -> None:
    told, found = expected(result), report_figures(result)
    assert set(found) == set(told)
    for name, one in found.items():
        assert one.mean_gy == pytest.approx(told[name].mean_gy, rel=1e-6), name
        assert one.d95_gy == pytest.approx(told[name].d95_gy, rel=1e-6), name
