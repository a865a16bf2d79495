"""One law says which medium a density belongs to: borders, scene, kernels, and no default."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import mc_run
from opensirt.dose.engines.monte_carlo import MonteCarlo
from opensirt.dose.kernels import kernel_medium, kernel_medium_at
from opensirt.dose.mc_density import (
    ABSENT,
    highest_densities,
    media_by_density,
    medium_name_at,
    medium_number,
)
from opensirt.dose.mc_run import Run, RunPlan
from opensirt.dose.mc_scene import cuts_for, make_matter, make_scene
from opensirt.dose.mc_source import decay_source, line_source
from opensirt.dose.mc_voxels import medium_at
from opensirt.errors import OpenSirtError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import JOULE_PER_MEV, Unit
from tests.mc_samples import forms

TABLE = media_by_density()
BORDERS = [(low, high[0], bound) for (low, bound), high in pairwise(TABLE)]
CUTS = cuts_for(3.0)


def around(bound: float) -> tuple[np.float32, np.float32, np.float32]:
    """The border as a float32 number, and its neighbours."""
    middle = np.float32(bound)
    return np.nextafter(middle, np.float32(0)), middle, np.nextafter(middle, np.float32(10))


@pytest.mark.parametrize(("below", "above", "bound"), BORDERS)
def test_a_border_belongs_to_the_medium_below_everywhere(
    below: str, above: str, bound: float
) -> None:
    """Name, kernel, matter and scene agree at the border and one float32 to each side."""
    density = np.array(around(bound), np.float32).reshape(3, 1, 1)
    expected = [below, below, above]
    assert [medium_name_at(float(rho)) for rho in density.ravel()] == expected
    assert medium_name_at(bound) == below  # as a float64 number too
    assert [kernel_medium_at(float(rho)) for rho in density.ravel()] == [
        kernel_medium(name) for name in expected
    ]
    matter = make_matter(density, CUTS)
    scene = make_scene(density, (3.0, 3.0, 3.0), matter, 1.0)
    assert [matter.names[n] for n in matter.medium_at(density).ravel()] == expected
    assert [matter.names[medium_at(scene, rho)] for rho in scene.density] == expected
    # the transport compares float64 numbers that were float32
    assert [matter.names[medium_at(scene, float(rho))] for rho in scene.density] == expected


def test_the_law_is_the_same_in_python_and_compiled() -> None:
    densities = np.concatenate([around(bound) for _, _, bound in BORDERS])
    numbers = np.arange(len(TABLE), dtype=np.uint8)
    found = {
        form: [int(law(highest_densities(), numbers, rho)) for rho in densities]
        for form, law in forms(medium_number).items()
    }
    assert found["python"] == found["compiled"]
    assert sorted(set(found["python"])) == list(range(len(TABLE)))


def test_every_density_of_a_map_has_its_medium() -> None:
    """All float32 numbers of a fine sweep, one by one, against the table read as text."""
    sweep = np.linspace(0.001, 3.0, 2999).astype(np.float32).reshape(1, 1, -1)
    matter = make_matter(sweep, CUTS)
    for rho, number in zip(sweep.ravel(), matter.medium_at(sweep).ravel(), strict=True):
        name = next(name for name, bound in TABLE if rho <= np.float32(bound))
        assert matter.names[number] == name


def test_a_medium_that_is_absent_has_no_number() -> None:
    """A scene of water knows no bone: nothing of it is taken for water."""
    matter = make_matter(np.ones((2, 2, 2), np.float32), CUTS)
    assert matter.names == ("water",)
    assert sorted(matter.medium_of.tolist()) == [0] + [ABSENT] * 5
    bone = np.full((2, 2, 2), 1.8, np.float32)
    with pytest.raises(OpenSirtError, match=r"medium of 1\.79999995 g/mL, found only water"):
        matter.medium_at(bone)
    with pytest.raises(OpenSirtError, match="found only water"):
        make_scene(bone, (3.0, 3.0, 3.0), matter, 1.0)


def beta_dose_gy(density_g_ml: float, border: bool, mode: str) -> float:
    """Mean dose deep inside 72 mm of 1e6 Bq/mL of Y-90, four slices of air above or not, Gy."""
    edge = 24 if mode == "fast" else 10
    rho = np.full((edge,) * 3, density_g_ml, np.float32)
    if border:
        rho[: edge // 6] = 0.0012
    activity = np.full(rho.shape, 1e6, np.float32)
    activity[rho < 0.1] = 0.0
    grid = Grid.regular(rho.shape, (3.0, 3.0, 3.0))
    engine = MonteCarlo(histories=400_000 if mode == "fast" else 20_000, threads=1, mode=mode)
    found = engine.simulate(
        Volume(activity, grid, Unit.BQ_PER_ML), Volume(rho, grid, Unit.G_PER_ML), nuclide("y90")
    )
    inside = found.dose.values[edge // 2 - 2 : edge // 2 + 3, 4:-4, 4:-4]
    return float(inside.mean(dtype=np.float64))


@pytest.mark.parametrize("bound", [0.97, 1.01, 1.20])
def test_equilibrium_at_a_border_with_a_second_medium_present(bound: float) -> None:
    """49.7 Gy per 1e6 Bq/mL at 1 g/mL: all but the photons of 0.9331 MeV a decay; 2 %."""
    of = nuclide("y90")
    whole_gy = 1e6 * of.mean_life_s * of.energies.all_electrons_mev * JOULE_PER_MEV * 1e3
    assert whole_gy == pytest.approx(49.7, rel=0.005)
    for rho in around(bound):
        found = beta_dose_gy(float(rho), border=True, mode="fast")
        assert found * float(rho) == pytest.approx(49.7, rel=0.02)


def trackless(monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run whose library has tracks of its first medium alone."""
    rho = np.ones((4, 4, 4), np.float32)
    rho[2:] = 1.8
    cuts = cuts_for(3.0)
    source = decay_source(nuclide("y90"), cuts.absorb_mev)
    monkeypatch.setattr(Run, "_tracks", lambda self, histories: [100, 0])
    plan = RunPlan(histories=1000, threads=1)
    return Run(rho, np.ones_like(rho), (3.0,) * 3, make_matter(rho, cuts), source, plan)


def test_a_decay_without_a_track_of_its_medium_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OpenSirtError, match=r"decay needs a track of its medium, 2\d of 4"):
        trackless(monkeypatch).go()


def lossy(rho: npt.NDArray[np.float32], monkeypatch: pytest.MonkeyPatch, factor: float) -> Run:
    """A run whose decays emit this share of what the nuclide emits."""
    cuts = cuts_for(3.0)
    source = decay_source(nuclide("y90"), cuts.absorb_mev)
    real = mc_run.emission_of
    monkeypatch.setattr(
        mc_run, "emission_of", lambda of: real(of._replace(beta_mev=of.beta_mev * factor))
    )
    plan = RunPlan(histories=200_000, threads=1)
    return Run(rho, np.ones_like(rho), (3.0,) * 3, make_matter(rho, cuts), source, plan)


@pytest.mark.parametrize("factor", [0.99, 1.01, 3.0])
def test_energy_emitted_that_is_not_the_nuclides_is_an_error(
    monkeypatch: pytest.MonkeyPatch, factor: float
) -> None:
    """One percent is seen at 200,000 histories."""
    with pytest.raises(OpenSirtError, match=r"the decays must emit .* MeV each, within .*, found"):
        lossy(np.ones((4, 4, 4), np.float32), monkeypatch, factor).go()


def test_a_decay_harder_than_the_tables_is_refused() -> None:
    rho = np.ones((3, 3, 3), np.float32)
    plan = RunPlan(histories=1000, threads=1)
    for kind, what, top in ((0, "electrons", "2.4"), (1, "photons", "2.5")):
        source = line_source(2.6, kind)
        run = Run(rho, rho, (3.0,) * 3, make_matter(rho, CUTS), source, plan)
        with pytest.raises(
            OpenSirtError, match=rf"knows {what} up to {top} MeV, found .* emits 2\.6 MeV; choose"
        ):
            run.go()
