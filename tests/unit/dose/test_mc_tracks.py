"""Decay tracks and their replay: energy is kept record by record and voxel by voxel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from opensirt.dose import mc_tracks
from opensirt.dose.mc_cpu import Library
from opensirt.dose.mc_electrons import STACK_COLUMNS
from opensirt.dose.mc_media import csda_range, media_named
from opensirt.dose.mc_replay import PLACE_COLUMNS, replay
from opensirt.dose.mc_scene import Matter, cuts_for, make_matter, make_scene
from opensirt.dose.mc_source import decay_source, line_source
from opensirt.dose.mc_tables import Cuts
from opensirt.dose.mc_tracks import BINS, BRANCH, CHORD, END, KINK, PHOTON_RECORD
from opensirt.dose.mc_voxels import BOOK_SIZE, ESCAPED
from opensirt.physics.nuclides import nuclide
from tests.mc_samples import library_of

Floats = npt.NDArray[np.float64]
QUANTA_PER_MEV = 1e6
CUTS = cuts_for(2.0)


def water(shape: tuple[int, int, int] = (9, 9, 9), density_g_ml: float = 1.0) -> Matter:
    return make_matter(np.full(shape, density_g_ml, np.float32), CUTS)


def bounds(library: Library) -> list[tuple[int, int]]:
    """First and last record of each track."""
    ends = np.append(library.start[1:], len(library.codes))
    return list(zip(library.start.tolist(), ends.tolist(), strict=True))


def replayed(
    library: Library, matter: Matter, density: npt.NDArray[np.float32], track: int, home: int = 0
) -> tuple[float, float, float]:
    """Energy (MeV) tallied, escaped and left on photons, for a track from the grid's middle."""
    scene = make_scene(density, (2.0, 2.0, 2.0), matter, QUANTA_PER_MEV)
    tally, book = np.zeros(density.size, np.uint32), np.zeros(BOOK_SIZE)
    p, cell = np.empty(9), np.array([n // 2 for n in density.shape])
    p[:3], p[3:6] = cell + 0.5, (0.48, -0.64, 0.6)
    stack, places = np.zeros((64, STACK_COLUMNS)), np.zeros((512, PLACE_COLUMNS))
    arrays = (scene, tally, p, cell, places, stack, book)
    start = library.start[track]
    n = replay(library.codes, library.values, start, home, matter.ratios[home], *arrays)
    return tally.sum() / QUANTA_PER_MEV, book[ESCAPED], stack[:n, 1].sum()


@pytest.mark.parametrize("name", ["y90", "ho166", "i131", "lu177", "tc99m"])
def test_records_hold_the_energy_emitted(name: str) -> None:
    """Chords, what stays on the spot and photons, to the precision of the float32 records."""
    library = library_of(water(), decay_source(nuclide(name), CUTS.absorb_mev), [300], 0.1)
    kinds = library.codes // BINS
    for number, (start, end) in enumerate(bounds(library)):
        mine = library.values[start:end, 1].astype(np.float64)
        assert mine.sum() == pytest.approx(library.emitted_mev[number], rel=1e-6)
        assert np.count_nonzero(kinds[start:end] == END) == 1 + np.count_nonzero(
            kinds[start:end] == BRANCH
        )
        assert kinds[end - 1] == END
    assert library.values[:, :2].min() >= 0.0
    assert set(kinds.tolist()) <= {CHORD, KINK, BRANCH, PHOTON_RECORD, END}
    lengths = np.sqrt((library.values[:, 2:].astype(np.float64) ** 2).sum(axis=1))
    assert np.abs(lengths - 1.0).max() < 1e-6


def test_tracks_of_a_line_are_as_long_as_the_range() -> None:
    """1 MeV in water: chords of 0.01 mm, electrons alone, are the CSDA range within straggling."""
    matter = make_matter(np.ones((3, 3, 3), np.float32), Cuts(collision_mev=0.4, photon_mev=0.9))
    library = library_of(matter, line_source(1.0), [400], 0.01)
    range_mm = 10.0 * float(csda_range(media_named(["water"])[0], np.array([1.0]))[0])
    path_mm = float(library.values[:, 0].sum(dtype=np.float64)) / 400
    assert 0.985 < path_mm / range_mm < 1.01


def test_tracks_follow_the_quantiles_of_the_spectrum() -> None:
    """Track i has a beta from the i-th part of the spectrum, so that its mean is nearly exact."""
    source = decay_source(nuclide("p32"), CUTS.absorb_mev)._replace(betas_per_decay=1.0)
    emitted = library_of(water(), source, [500], 0.1).emitted_mev
    quantiles = np.interp(np.linspace(0, 1, 501), np.linspace(0, 1, 4097), source.beta_mev)
    assert np.all((quantiles[:-1] <= emitted) & (emitted <= quantiles[1:]))
    assert emitted.mean() == pytest.approx(nuclide("p32").energies.beta_mev, rel=6e-4)


@pytest.mark.parametrize("density_g_ml", [0.0012, 0.26, 0.99, 1.0, 1.06, 1.5])
def test_a_replay_keeps_the_energy_in_any_uniform_medium(density_g_ml: float) -> None:
    """Tallied, escaped and photons make the energy emitted, to one quantum."""
    density = np.full((9, 9, 9), density_g_ml, np.float32)
    matter = make_matter(density, CUTS)
    library = library_of(matter, decay_source(nuclide("y90"), CUTS.absorb_mev), [100], 0.1)
    for track in range(100):
        total = sum(replayed(library, matter, density, track))
        assert total == pytest.approx(library.emitted_mev[track], abs=3e-6)


def test_a_replay_keeps_the_energy_among_all_media_and_none() -> None:
    """Noise from vacuum to bone in every voxel; tracks of each medium start in the middle."""
    rng = np.random.default_rng(1)
    density = rng.choice([0.0, 0.0012, 0.26, 0.95, 1.0, 1.05, 1.6], (9, 9, 9)).astype(np.float32)
    matter = make_matter(density, CUTS)
    assert len(matter.media) == 6
    source = decay_source(nuclide("ho166"), CUTS.absorb_mev)
    library = library_of(matter, source, [40] * 6, 0.1)
    for track in range(240):
        total = sum(replayed(library, matter, density, track, track // 40))
        assert total == pytest.approx(library.emitted_mev[track], abs=3e-6)


def test_bins_of_energy_are_those_that_media_are_compared_in() -> None:
    """The middle of each bin lies in it, and the energies between two rows in the lower's."""
    laws = water().laws
    rows = laws.electron.shape[1]
    for number in range(BINS):
        for part in (0.01, 0.5, 0.99):
            place = (number + part) * rows / BINS
            energy = float(np.exp(laws.log_start + place / laws.per_log))
            assert mc_tracks._bin_of(laws, energy) == number
    assert (mc_tracks._bin_of(laws, 1e-9), mc_tracks._bin_of(laws, 9.0)) == (0, BINS - 1)


def test_a_replay_scales_with_the_density() -> None:
    """Half the density and voxels of twice the edge hold the same dose pattern."""
    source = decay_source(nuclide("y90"), CUTS.absorb_mev)
    doses = []
    for density_g_ml, edge_mm in ((0.7, 2.0), (0.35, 4.0)):
        density = np.full((9, 9, 9), density_g_ml, np.float32)
        matter = make_matter(density, CUTS)
        library = library_of(matter, source, [50], 0.1)
        scene = make_scene(density, (edge_mm,) * 3, matter, QUANTA_PER_MEV)
        tally, book = np.zeros(729, np.uint32), np.zeros(BOOK_SIZE)
        for start in library.start:
            p, cell = np.full(9, 4.5), np.array([4, 4, 4])
            p[3:6] = 0.0, 0.6, 0.8
            scratch = (np.zeros((512, PLACE_COLUMNS)), np.zeros((64, STACK_COLUMNS)))
            arrays = (scene, tally, p, cell, *scratch, book)
            replay(library.codes, library.values, start, 0, matter.ratios[0], *arrays)
        doses.append(tally.astype(float))
    assert np.abs(doses[0] - doses[1]).max() <= 200
    assert doses[0].max() > 5e6
