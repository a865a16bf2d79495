"""Tissues and density from CT numbers."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import InputError, UnknownNameError
from opensirt.physics import materials
from opensirt.physics.materials import (
    DEFAULT_HU_CONVERSION,
    HuConversion,
    density_from_hu,
    hu_conversion,
    hu_conversion_names,
    hu_from_density,
    mass_conventions,
    tissue,
    tissue_names,
)


def test_names():
    assert hu_conversion_names() == ("lung-densitometry", "schneider2000", "schneider2000-monotone")
    with pytest.raises(UnknownNameError, match="HU conversion 'linear' is unknown; choose one of"):
        density_from_hu(np.zeros(1), "linear")
    assert tissue_names() == (
        *("adipose", "air", "bone", "liver", "lung", "muscle", "soft-tissue", "water"),
    )
    with pytest.raises(UnknownNameError, match="tissue 'spleen' is unknown"):
        tissue("spleen")


@pytest.mark.parametrize("padding", [-2000, -3024, -32768])
@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_padding_is_air(padding: int, kind: type):
    density = density_from_hu(np.full((2, 3, 4), padding, dtype=kind))
    assert density.dtype == np.float32
    assert density == pytest.approx(0.00121)


@pytest.mark.parametrize("conversion", hu_conversion_names())
def test_whole_and_real_numbers_agree(conversion: str):
    whole = np.arange(-1100, 3200, dtype=np.int16).reshape(2, -1)
    real = density_from_hu(whole.astype(np.float64), conversion)
    assert np.abs(density_from_hu(whole, conversion) - real).max() < 1e-6


@pytest.mark.parametrize("conversion", ["lung-densitometry", "schneider2000-monotone"])
def test_monotone_where_it_says_so(conversion: str):
    assert hu_conversion(conversion).is_monotone
    steps = np.diff(density_from_hu(np.arange(-1024, 3072), conversion))
    assert steps.min() >= 0.0


def test_the_published_relation_falls_only_where_connective_tissue_ends():
    steps = np.diff(density_from_hu(np.arange(-1024, 3072), "schneider2000"))
    falling = np.flatnonzero(steps < 0.0) - 1024
    assert falling.tolist() == [100]
    assert steps.min() == pytest.approx(-0.0431, abs=1e-4)


def test_infinite_numbers_are_refused():
    with pytest.raises(InputError, match="CT numbers must be finite"):
        density_from_hu(np.array([0.0, np.nan]))


@pytest.mark.parametrize("density", [0.26, 0.95, 1.05, 1.06, 1.4])
def test_density_to_hu_and_back(density: float):
    hu = hu_from_density(density)
    assert density_from_hu(np.array([hu]))[0] == pytest.approx(density, abs=1e-6)


def test_density_outside_the_table_is_refused():
    with pytest.raises(InputError, match=r"density must be at most 2\.835 g/mL, found 8 g/mL"):
        hu_from_density(8.0)
    with pytest.raises(InputError, match=r"density must be at least 0\.00121 g/mL, found 0 g/mL"):
        hu_from_density(0.0)
    assert hu_from_density(1.03, "schneider2000") == pytest.approx(14.0)


@pytest.mark.parametrize("name", tissue_names())
def test_mass_fractions_sum_to_one(name: str):
    assert sum(tissue(name).composition.values()) == pytest.approx(1.0, abs=1e-6)


def test_densities_and_their_sources():
    assert tissue("water").density_g_ml == 1.0
    assert tissue("lung").density_g_ml == 0.26
    assert [q.value for q in tissue("liver").densities] == [1.06, 1.05, 1.03, 1.00]
    assert tissue("liver").densities[0].source == "assumption"
    assert [q.source for q in mass_conventions()] == [
        *("jnm2016ho", "taranis", "radulator", "korean-planner"),
    ]


def test_density_never_falls_with_the_ct_number_unless_another_conversion_is_chosen():
    """The published relation falls at 100 HU, where contrast medium can lift liver."""
    hu = np.arange(-1024, 3072)
    assert np.all(np.diff(density_from_hu(hu)) >= 0)
    assert hu_conversion(DEFAULT_HU_CONVERSION).is_monotone
    assert not hu_conversion("schneider2000").is_monotone


@pytest.mark.parametrize("conversion", hu_conversion_names())
def test_each_point_of_a_conversion_is_met_going_and_coming(conversion: str):
    """At a tabulated density the CT number is the lowest that has it."""
    relation = hu_conversion(conversion)
    for hu, rho in zip(relation.hu, relation.density_g_ml, strict=True):
        assert density_from_hu(np.array([hu]), conversion)[0] == pytest.approx(rho, rel=1e-6)
        back = hu_from_density(float(rho), conversion)
        assert back <= hu + 1e-9
        assert density_from_hu(np.array([back]), conversion)[0] == pytest.approx(rho, rel=1e-6)


def test_the_middle_of_a_segment_is_its_middle():
    relation = hu_conversion(DEFAULT_HU_CONVERSION)
    rising = np.flatnonzero(np.diff(relation.density_g_ml) > 0)
    for low in rising:
        middle = float(relation.density_g_ml[low : low + 2].mean())
        if middle > relation.density_g_ml[:low].max(initial=0.0):
            expected = float(relation.hu[low : low + 2].mean())
            assert hu_from_density(middle) == pytest.approx(expected)


def test_a_flat_part_gives_its_lower_end(monkeypatch: pytest.MonkeyPatch):
    """A density that several CT numbers have: the lowest of them."""
    points = np.array([-1000.0, -900, 0, 100, 200]), np.array([0.1, 0.1, 1, 1, 1.2])
    flat = HuConversion("x", *points, "", "")
    monkeypatch.setattr(materials, "hu_conversion", lambda name: flat)
    found = [hu_from_density(rho) for rho in (0.1, 0.55, 1.0, 1.1, 1.2)]
    assert found == pytest.approx([-1000, -450, 0, 150, 200])
    assert flat.is_monotone


def test_slices_and_single_numbers_convert_alike():
    hu = np.arange(-1000, 1000, 40, dtype=np.int16)
    block = np.stack([hu.reshape(2, -1), hu[::-1].reshape(2, -1)])
    assert np.array_equal(density_from_hu(block)[0].ravel(), density_from_hu(hu))
    assert density_from_hu(np.array(0.0)).shape == ()


@pytest.mark.parametrize(
    ("name", "excitation_ev", "density_g_ml", "oxygen"),
    [
        ("adipose", 64.8, 0.95, 0.278), ("air", 85.7, 1.205e-3, 0.231781),
        ("bone", 112.0, 1.92, 0.435), ("liver", 74.8, 1.06, 0.716), ("lung", 75.2, 0.26, 0.749),
        ("muscle", 74.6, 1.05, 0.71), ("soft-tissue", 74.7, 1.06, 0.708),
        ("water", 75.0, 1.0, 0.888106),
    ],
)  # fmt: skip
def test_a_tissue_is_that_of_icru_44(name, excitation_ev, density_g_ml, oxygen):
    """Hubbell and Seltzer 1995, Table 2: excitation energy and composition."""
    found = tissue(name)
    assert found.mean_excitation_ev == excitation_ev
    assert found.density_g_ml == pytest.approx(density_g_ml, rel=0.01)
    assert found.composition["O"] == pytest.approx(oxygen, abs=0.005)
    assert found.name == name
