"""Voxel kernels by Monte Carlo: symmetry, account, threads, agreement with the folded kernel."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose import voxel_kernel
from opensirt.dose.mc_kernel import KernelPlan, simulated_kernel, symmetric
from opensirt.errors import InputError
from opensirt.physics.nuclides import nuclide

Y90 = nuclide("y90")
CUBE = (3.0, 3.0, 3.0)
PLAN = KernelPlan(histories=20_000, seed=4, threads=1)


def test_symmetric_is_the_mean_over_mirror_images_and_equal_axes() -> None:
    """A one in a corner: an eighth in all corners; on a face: a sixth of all faces of a cube."""
    values = np.zeros((3, 3, 3))
    values[0, 0, 0], values[1, 1, 2] = 1.0, 6.0
    found = symmetric(values, CUBE)
    assert found[2, 0, 2] == pytest.approx(1 / 8)
    assert found[0, 1, 1] == found[1, 2, 1] == pytest.approx(1.0)
    flat = symmetric(values, (3.0, 2.0, 2.0))
    assert flat[0, 1, 1] == 0.0
    assert flat[1, 2, 1] == flat[1, 1, 0] == pytest.approx(6.0 / 4)


def test_kernel_is_symmetric_and_keeps_the_energy() -> None:
    found = simulated_kernel(Y90, CUBE, 1.04, "soft-tissue", 7, PLAN)
    values = found.kernel.energy_mev
    assert np.allclose(values, values.transpose(1, 2, 0), rtol=1e-12)
    assert np.array_equal(values, values[::-1])
    assert abs(found.energy_balance) < 1e-6
    assert found.kernel.total_mev == pytest.approx(0.9331, rel=0.01)
    assert found.histories == pytest.approx(20_000, abs=20)
    assert 0.002 < found.self_error == found.rel_err[3, 3, 3] < 0.01


def test_kernel_does_not_depend_on_the_number_of_threads() -> None:
    two = KernelPlan(histories=20_000, seed=4, threads=2)
    one, other = (simulated_kernel(Y90, CUBE, 1.0, "water", 3, plan) for plan in (PLAN, two))
    assert np.array_equal(one.kernel.energy_mev, other.kernel.energy_mev)
    assert np.array_equal(one.rel_err, other.rel_err)


@pytest.mark.parametrize(("medium", "density_g_ml"), [("soft-tissue", 1.04), ("lung", 0.3)])
def test_simulated_and_folded_kernels_agree(medium: str, density_g_ml: float) -> None:
    """Source voxel and neighbours within four standard errors and half a per cent."""
    found = simulated_kernel(Y90, CUBE, density_g_ml, medium, 3, PLAN)
    folded = voxel_kernel(Y90, CUBE, density_g_ml, 3, medium).energy_mev
    for place in ((1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2)):
        allowed = 4.0 * found.rel_err[place] + 0.005
        assert found.kernel.energy_mev[place] == pytest.approx(folded[place], rel=allowed)


def test_the_uncertainty_asked_for_is_reached() -> None:
    plan = KernelPlan(uncertainty=0.006, seed=2, threads=1)
    shares: list[float] = []
    found = simulated_kernel(Y90, CUBE, 1.0, "water", 1, plan, shares.append)
    assert found.self_error <= 0.006
    assert shares[-1] == 1.0


def test_flat_voxels_keep_their_axes() -> None:
    found = simulated_kernel(Y90, (2.0, 5.0, 3.0), 1.0, "water", 3, PLAN).kernel.energy_mev
    folded = voxel_kernel(Y90, (2.0, 5.0, 3.0), 1.0, 3).energy_mev
    assert found[0, 1, 1] > found[1, 1, 0] > found[1, 0, 1]
    assert found[1, 0, 1] == pytest.approx(folded[1, 0, 1], rel=0.06)


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(InputError, match="must be odd and positive, got 4 voxels"):
        simulated_kernel(Y90, CUBE, 1.0, "water", 4, PLAN)
    with pytest.raises(InputError, match="positive density in g/mL, got 0"):
        simulated_kernel(Y90, CUBE, 0.0, "water", 3, PLAN)


def test_an_uncertainty_that_takes_too_many_histories_is_refused() -> None:
    plan = KernelPlan(uncertainty=1e-4, seed=2, threads=1, most_histories=100_000)
    with pytest.raises(InputError, match=r"0\.0001 needs about .* histories, a kernel has at most"):
        simulated_kernel(Y90, CUBE, 1.0, "water", 3, plan)


@pytest.mark.parametrize(("edge_mm", "within"), [(2.0, 0.005), (3.0, 0.004)])
def test_conversion_electrons_are_not_blurred_in_folding(edge_mm: float, within: float) -> None:
    """Ho-166, whose electrons of 0.02 to 0.1 mm were spread over steps of 0.08 mm: folded self-dose
    0.9935 and 0.997 of Monte Carlo before."""
    size = (edge_mm,) * 3
    found = simulated_kernel(
        nuclide("ho166"), size, 1.0, "water", 3, KernelPlan(300_000, threads=1)
    )
    folded = voxel_kernel(nuclide("ho166"), size, 1.0, 3).energy_mev[1, 1, 1]
    allowed = within + 2.0 * found.self_error
    assert folded / found.kernel.energy_mev[1, 1, 1] == pytest.approx(1.0, abs=allowed)
