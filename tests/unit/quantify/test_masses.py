"""Lung mass and density maps from CT numbers."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import CaseError, InputError, RegionError, UnitMismatchError
from opensirt.image import Grid, Region
from opensirt.quantify import (
    ct_coverage,
    ct_coverage_findings,
    density_map,
    lung_mass,
    lung_mass_g,
    region_mass_g,
)
from opensirt.quantify.density import uncovered_findings
from opensirt.units import Unit
from tests.unit.quantify.samples import GRID, block, liver, lungs, volume


def test_lung_mass_by_densitometry() -> None:
    """12 mL at -700 HU weigh 3.6 g; 0.3 g/mL."""
    found = lung_mass(volume(-700.0, Unit.HU), lungs().named("lungs"))
    assert found.mass_g == pytest.approx(0.3 * 6.0)
    assert found.density_g_ml == pytest.approx(0.3)
    assert not found.is_partial
    assert found.findings == ()


def test_density_is_clipped_as_in_densitometry() -> None:
    """Two voxels of 1 mL at -1100 and +500 HU weigh 1.1 g (Taranis test suite)."""
    grid = Grid.regular((4, 3, 3), (10.0, 10.0, 10.0))
    hu = np.zeros(grid.shape, np.int16)
    hu[1, 1, 1], hu[2, 1, 1] = -1100, 500
    region = block("lungs", "lungs", (1, 3), (1, 2), (1, 2), grid=grid)
    assert lung_mass_g(volume(hu, Unit.HU, grid), region) == pytest.approx(1.1, abs=1e-9)


def test_lungs_that_reach_the_edge_are_a_part() -> None:
    cut = block("lungs", "lungs", (8, 10), (2, 8), (1, 12))
    found = lung_mass(volume(-700.0, Unit.HU), cut)
    assert found.is_partial
    assert found.findings[0].code == "lung-mass-partial"
    assert found.findings[0].text.startswith(
        "The lungs reach the edge of the CT (last slice, last column): 4 g is the mass of a part, "
        "and the lung dose is that of this part."
    )


def test_impossible_lungs() -> None:
    nothing = Region.from_mask("lungs", "lungs", np.zeros(GRID.shape, bool), GRID)
    with pytest.raises(RegionError, match="region 'lungs' is empty on the CT"):
        lung_mass(volume(-700.0, Unit.HU), nothing)
    with pytest.raises(RegionError, match="region 'lungs' has no mass on the CT"):
        lung_mass(volume(-3024.0, Unit.HU), lungs())
    with pytest.raises(InputError, match="not numbers inside 'lungs'"):
        lung_mass(volume(float("nan"), Unit.HU), lungs())
    with pytest.raises(UnitMismatchError, match="expected a volume in HU, got counts"):
        lung_mass(volume(1.0), lungs())


def test_assumed_density_fills_the_grid() -> None:
    density = density_map(None, GRID, 1.06)
    assert density.unit is Unit.G_PER_ML
    assert density.values.shape == GRID.shape
    assert region_mass_g(liver(), density) == pytest.approx(36.0 * 1.06, rel=1e-6)


def test_no_ct_and_no_assumption() -> None:
    with pytest.raises(CaseError, match="there is no CT and no assumed density"):
        density_map(None, GRID)
    with pytest.raises(InputError, match=r"must be above 0 g/mL, got -1"):
        density_map(None, GRID, -1)


def test_water_and_air_on_a_coarser_grid_keep_their_mass() -> None:
    """Half of each coarse voxel is water, half air: density is the mean of both."""
    fine = Grid.regular((8, 8, 8), (2.0, 2.0, 2.0))
    coarse = Grid.regular((2, 2, 2), (8.0, 8.0, 8.0), (3.0, 3.0, 3.0))
    hu = np.full(fine.shape, -1000, np.int16)
    hu[::2] = 0
    ct = volume(hu, Unit.HU, fine)
    both = density_map(ct, coarse)
    one = [float(density_map(volume(v, Unit.HU, fine), fine).values[0, 0, 0]) for v in (0, -1000)]
    assert both.values.mean() == pytest.approx(sum(one) / 2, rel=0.08)
    assert both.values.dtype == np.float32


def test_same_grid_is_converted_as_it_is() -> None:
    """Water within 2 % of 1 g/mL by the default conversion, -700 HU is 0.3 by densitometry."""
    assert density_map(volume(0.0, Unit.HU), GRID).values[1, 1, 1] == pytest.approx(1.0, rel=0.02)
    lung = density_map(volume(-700.0, Unit.HU), GRID, conversion="lung-densitometry")
    assert lung.values[1, 1, 1] == pytest.approx(0.3, rel=1e-6)


def test_outside_the_ct_is_empty_and_said() -> None:
    """A CT that ends below the lungs covers the liver alone."""
    below = Grid.regular((8, 10, 12), (5.0, 10.0, 2.0))
    ct = volume(0.0, Unit.HU, below)
    density = density_map(ct, GRID)
    assert float(density.values[9].max()) == 0.0
    assert ct_coverage(below, liver()) == 1.0
    assert ct_coverage(below, lungs()) == 0.0
    findings = ct_coverage_findings(below, liver(), lungs())
    assert [f.text for f in findings] == [
        "The CT covers 0.0 % of region 'lungs'; the rest has no density and receives no dose."
    ]


def test_ct_elsewhere_is_refused() -> None:
    far = Grid.regular((4, 4, 4), (5.0, 5.0, 5.0), (900.0, 0.0, 0.0))
    with pytest.raises(CaseError, match="the CT and the activity image do not overlap"):
        density_map(volume(0.0, Unit.HU, far), GRID)
    nothing = Region.from_mask("off", "other", np.zeros(GRID.shape, bool), GRID)
    assert ct_coverage(far, nothing) == 0.0


def test_ct_coverage_counts_each_voxel_by_its_share() -> None:
    """A whole voxel inside the CT and a quarter of one outside: 1 of 1.25, no half."""
    grid = Grid.regular((2, 1, 1), (10.0, 10.0, 10.0))
    region = Region.from_mask("liver", "liver", np.array([[[1.0]], [[0.25]]]), grid)
    ct = Grid.regular((1, 1, 1), (10.0, 10.0, 10.0))
    assert ct_coverage(ct, region) == pytest.approx(0.8)
    (finding,) = ct_coverage_findings(ct, region)
    assert "covers 80.0 % of region 'liver'" in finding.text


def test_activity_outside_the_ct_is_said_from_one_percent_on() -> None:
    assert uncovered_findings(0.01) == ()
    (finding,) = uncovered_findings(0.123)
    assert (finding.severity, finding.code) == ("warn", "activity-without-density")
    assert finding.text.startswith("12.3 % of the activity in the image lies outside the CT")
