"""Voxel kernels by Monte Carlo: symmetry, account, threads, agreement with the folded kernel."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from opensirt.dose import mc_kernel, voxel_kernel
from opensirt.dose.kernels import charged_radius_mm, point_kernel
from opensirt.dose.mc_kernel import KernelPlan, SimulatedKernel, simulated_kernel, symmetric
from opensirt.dose.mc_scene import cuts_for
from opensirt.dose.mc_source import decay_source
from opensirt.errors import InputError
from opensirt.physics.nuclides import Nuclide, nuclide

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


class Made:
    """Runs without physics: each gives 0.9 MeV to the source voxel, 0.01 more with each run, and
    0.06 MeV to the voxel before it along the first axis; the stated error is the one told."""

    def __init__(self, first: float, other: float) -> None:
        self.errors, self.runs = (first, other), 0
        self.settings: list[tuple[Any, ...]] = []
        self.plans: list[Any] = []
        self.reaches_mm: list[float] = []

    def __call__(self, *setting: Any, reach_mm: float) -> Any:
        self.settings.append(setting[:5])
        self.plans.append(setting[5])
        self.reaches_mm.append(reach_mm)
        return self

    def go(self) -> Any:
        shape = self.settings[-1][0].shape
        energy, error = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        middle = tuple(n // 2 for n in shape)
        energy[middle] = 0.9 + 0.01 * self.runs
        energy[middle[0] - 1, middle[1], middle[2]] = 0.06
        histories = self.plans[-1].histories
        error[middle] = self.errors[min(self.runs, 1)]
        self.runs += 1
        return SimpleNamespace(
            energy_mev=energy.ravel(), relative_error=error.ravel(), histories=histories,
            emitted_mev=0.93, energy_balance=1e-9,
        )  # fmt: skip


def made(
    monkeypatch: pytest.MonkeyPatch,
    plan: KernelPlan,
    errors: tuple[float, float] = (0.25, 0.25),
    of: Nuclide = Y90,
) -> tuple[Made, SimulatedKernel]:
    runs = Made(*errors)
    monkeypatch.setattr(mc_kernel, "Run", runs)
    return runs, simulated_kernel(of, (0.8, 1.2, 1.6), 1.5, "bone", 3, plan)


def test_ten_repeats_make_the_mean_and_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.90 to 0.99 MeV: mean 0.945; 0.06 MeV on one side is 0.03 on both; a chosen constant, and
    voxels of 1.5 g/mL, are as voxels 1.5 times as long."""
    twice = Y90.with_dose_constant(2 * Y90.dose_constant_gy_kg_per_gbq)
    plan = KernelPlan(histories=100_001, seed=4, threads=1)
    runs, found = made(monkeypatch, plan, of=twice)
    energy, error = found.kernel.energy_mev, found.rel_err
    assert energy[1, 1, 1] == pytest.approx(2 * 0.945, rel=1e-5)
    assert energy[[0, 2], 1, 1] == pytest.approx([2 * 0.03] * 2, rel=1e-5)
    assert energy[1, [0, 2], 1].tolist() == energy[1, 1, [0, 2]].tolist() == [0.0, 0.0]
    assert found.kernel.total_mev == pytest.approx(2 * 0.93)
    assert (found.kernel.spacing_mm, found.kernel.density_g_ml) == ((0.8, 1.2, 1.6), 1.5)
    assert found.histories == 10 * 10_001
    assert found.self_error == error[1, 1, 1] == pytest.approx(0.25 / math.sqrt(10))
    assert error[0, 1, 1] == pytest.approx(0.0, abs=1e-6)
    assert error[1, 1, 0] == 1.0  # nothing was scored
    density, activity, spacing_mm, matter, source = runs.settings[0]
    assert spacing_mm == pytest.approx((1.2, 1.8, 2.4))
    assert (density.min(), density.max(), activity.sum(), activity[1, 1, 1]) == (1, 1, 1, 1)
    assert len({plan.seed for plan in runs.plans}) == 10
    reach_mm = charged_radius_mm(point_kernel("y90", "bone"))
    cuts = cuts_for(min(spacing_mm), reach_mm)  # of the shortest edge, in mm g/cm3
    assert cuts != cuts_for(max(spacing_mm), reach_mm)
    assert (matter.names, matter.laws.absorb_mev.tolist()) == (("bone",), [cuts.absorb_mev])
    assert source.local_mev == decay_source(Y90, cuts.absorb_mev).local_mev
    assert runs.reaches_mm == [reach_mm] * 10
    assert {(plan.threads, plan.infinite, plan.mode) for plan in runs.plans} == {(1, True, "fast")}


@pytest.mark.parametrize(("histories", "mode"), [(99_990, "full"), (100_000, "fast")])
def test_short_repeats_follow_each_decay_anew(monkeypatch, histories: int, mode: str) -> None:
    runs, _ = made(monkeypatch, KernelPlan(histories=histories, threads=1))
    assert {plan.mode for plan in runs.plans} == {mode}


@pytest.mark.parametrize(("wanted", "each"), [(0.0625, 9600), (0.03125, 38_400), (0.25, 5000)])
def test_a_pilot_says_how_long_the_repeats_are(monkeypatch, wanted: float, each: int) -> None:
    """A fourth after 5000: 1.2 x 5000 x (0.25 / wanted)^2 histories in ten repeats, 5000 each."""
    runs, found = made(monkeypatch, KernelPlan(uncertainty=wanted, threads=1), (0.25, 0.0625))
    assert [plan.histories for plan in runs.plans] == [5000, *[each] * 10]
    assert found.histories == 10 * each
    assert len({plan.seed for plan in runs.plans}) == 11


@pytest.mark.parametrize(("most", "repeats"), [(10**6, 24), (200_000, 20), (96_000, 10)])
def test_repeats_go_on_to_the_error_asked_for(monkeypatch, most: int, repeats: int) -> None:
    """Ten of 0.3 make 0.095 for 0.0625: 13.04 more, where the most histories allow for them."""
    plan = KernelPlan(uncertainty=0.0625, threads=1, most_histories=most)
    runs, found = made(monkeypatch, plan, (0.25, 0.3))
    assert [plan.histories for plan in runs.plans] == [5000, *[9600] * repeats]
    assert found.self_error == pytest.approx(0.3 / math.sqrt(repeats))


def test_what_is_possible_is_said_where_a_wish_is_refused(monkeypatch) -> None:
    """A fourth after 5000: 0.0625 takes 96,000 histories, of which a quarter would reach 0.125."""
    said = r"0\.0625 needs about 9\.6e\+04 .* has at most 2\.4e\+04, which reach about 0\.12;"
    with pytest.raises(InputError, match=said):
        made(monkeypatch, KernelPlan(uncertainty=0.0625, threads=1, most_histories=24_000))
