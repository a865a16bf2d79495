"""What the validation folders share: stepped spheres, folded spheres, estimates."""

from __future__ import annotations

import numpy as np
import pytest
from validation.common import (
    Estimate,
    Maps,
    absorbed_fraction,
    ball,
    emitted_joule,
    equilibrium_gy,
    estimate,
    overlap_fraction,
    run,
    scene,
    slab_scene,
)
from validation.common import Settings as Run

from opensirt.dose import PointKernel
from opensirt.physics.nuclides import nuclide


@pytest.mark.parametrize(("radius_mm", "edge_mm"), [(2.5, 0.25), (10.0, 0.8), (0.5, 0.05)])
def test_a_stepped_sphere_has_the_volume_of_the_sphere(radius_mm: float, edge_mm: float) -> None:
    exact = 4.0 / 3.0 * np.pi * radius_mm**3
    assert ball(radius_mm, edge_mm, 0.0).sum() * edge_mm**3 == pytest.approx(exact, rel=2e-4)


def test_a_thin_shell_overlaps_a_sphere_by_the_law_of_two_spheres() -> None:
    """All energy at r = R: the overlap is 1 - 3/4 + 1/16 = 0.3125; at 2 R nothing."""
    radii = np.array([0.999, 1.001])
    kernel = PointKernel("y90", radii, np.array([0.0, 1.0]))
    assert overlap_fraction(kernel, 1.0, 1.0, 1.0) == pytest.approx(0.3125, abs=1e-6)
    assert overlap_fraction(kernel, 1.0, 0.5, 1.0) == pytest.approx(0.0, abs=1e-6)
    assert overlap_fraction(kernel, 1.0, 1.0 / 1.04, 1.04) == pytest.approx(0.3125, abs=1e-6)


def test_local_deposition_keeps_all_electrons_and_gives_the_equilibrium_dose() -> None:
    y90 = nuclide("y90")
    inside = ball(4.0, 1.0, 2.0)
    where = scene(inside * 1e6, 1.04, (1.0, 1.0, 1.0))
    maps = run("local", where, y90, Run())
    share = y90.mean_energy_mev / y90.energies.everything_mev
    assert absorbed_fraction(maps, where, y90, inside).value == pytest.approx(share, rel=1e-5)
    assert maps.mean.max() == pytest.approx(share * equilibrium_gy(y90, 1.04), rel=1e-5)


def test_emitted_energy_of_a_slab() -> None:
    """1 MBq/mL in 1 mm of 10 m x 10 m: 1e5 mL, 64.1 h, 0.9331 MeV (hand calculation)."""
    where = slab_scene([0.0, 1.0], 1.0, 1.0)
    hand = 1e11 * 64.1 * 3600 / np.log(2.0) * 0.9331 * 1.602_176_634e-13
    assert emitted_joule(where, nuclide("y90")) == pytest.approx(hand, rel=1e-3)


def test_errors_come_from_the_repeats() -> None:
    maps = Maps(np.array([1.0, 2.0, 3.0], np.float32).reshape(3, 1, 1, 1))
    found = estimate(maps, lambda gray: float(gray.sum()))
    assert found.value == pytest.approx(2.0)
    assert found.error == pytest.approx(1.0 / np.sqrt(3.0))
    ratio = Estimate(2.0, 0.02).over(Estimate(4.0, 0.08))
    assert ratio.value == pytest.approx(0.5)
    assert ratio.error == pytest.approx(0.5 * np.hypot(0.01, 0.02))
