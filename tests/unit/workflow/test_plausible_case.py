"""Livers, voxels and densities that are no patient's stop a run with one clear line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import opensirt as sirt
from opensirt.dose.comparison import EngineDose
from opensirt.errors import DoseMapError, InputError
from opensirt.image import Grid, Regions, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from opensirt.workflow import engines
from opensirt.workflow.setting import make_setting
from tests.cases import small_case


def scaled(case, factor: float):
    """The case with every length times a factor."""

    def on(grid: Grid) -> Grid:
        matrix = np.array(grid.matrix)
        matrix[:3] *= factor
        return Grid.from_matrix(grid.shape, matrix)

    images = tuple(
        replace(i, volume=replace(i.volume, grid=on(i.volume.grid))) for i in case.images
    )
    regions = Regions(tuple(replace(r, grid=on(r.grid)) for r in case.regions))
    return replace(case, images=images, regions=regions)


def with_hu(case, change):
    """The case with another CT."""
    ct = case.image("ct")
    other = replace(ct, volume=ct.volume.with_values(change(np.array(ct.volume.values))))
    images = tuple(other if i.role == "ct" else i for i in case.images)
    return replace(case, images=images)


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (0.4, r"volume of the liver must be from 300 to 5000 mL, got 14\d"),
        (1.4, r"volume of the liver must be from 300 to 5000 mL, got 62\d\d"),
        (1e-3, r"MAA SPECT: the voxel edge must be from 0\.1 to 50 mm, got 0\.004"),
        (1e3, r"MAA SPECT: the voxel edge must be from 0\.1 to 50 mm, got 4000"),
    ],
)
def test_a_liver_of_another_size_stops(factor, said):
    with pytest.raises(InputError, match=said):
        make_setting(sirt.prepare_case(scaled(small_case(), factor)))


@pytest.mark.parametrize(("shift", "found"), [(-300.0, "0.7"), (400.0, "1.2")])
def test_a_liver_of_another_density_stops(shift, found):
    """A CT with the wrong intercept, or another organ outlined as liver."""
    case = sirt.prepare_case(with_hu(small_case(), lambda hu: hu + np.float32(shift)))
    with pytest.raises(
        InputError, match=rf"mean density of the liver must be from 0\.9 to 1\.2 g/mL, got {found}"
    ):
        make_setting(case)


def test_a_refused_check_is_said_and_leaves_the_dose_in_use(monkeypatch):
    """The engine that follows density fails the gate: a warning; asked for, an error."""
    case = sirt.prepare_case(small_case())
    activity = sirt.make_plan(
        case, sirt.quantify_activity(case), model="partition", product="resin-y90"
    ).scale(sirt.quantify_activity(case))
    used = EngineDose("local", sirt.compute_dose(case, activity, engine="local"))

    def refused(*_):
        raise DoseMapError("the dose map of voxel-superposition is impossible: voxel (1, 2, 3)")

    monkeypatch.setattr(engines, "calculate", refused)
    check = engines.check_engines(case, activity, used, nuclide("y90"))
    section = engines.engine_section(check, make_setting(case).density, Regions())
    (finding,) = section.findings
    assert (finding.severity, finding.code) == ("warn", "density-not-checked")
    assert "could not be checked: the dose map of voxel-superposition is impossible" in finding.text
    assert (section.block, section.table) == (None, None)
    with pytest.raises(DoseMapError):
        engines.check_engines(case, activity, used, nuclide("y90"), every=True)


def test_activity_outside_the_ct_is_a_finding_with_its_share():
    """A CT that ends above the lungs' lower half: what lies beyond has no density."""
    case = small_case()
    counts: Volume = case.activity_image.volume
    ct = case.image("ct")
    cut = replace(
        ct,
        volume=ct.volume.crop(
            (slice(0, 52), slice(0, counts.grid.shape[1]), slice(0, counts.grid.shape[2]))
        ),
    )
    images = tuple(cut if i.role == "ct" else i for i in case.images)
    setting = make_setting(sirt.prepare_case(replace(case, images=images)))
    share = float(counts.values[52:].sum() / counts.values.sum())
    assert counts.unit is Unit.COUNTS
    assert share > 0.01
    (finding,) = [f for f in setting.findings if f.code == "activity-without-density"]
    assert finding.text.startswith(f"{100 * share:.1f} % of the activity in the image lies outside")
