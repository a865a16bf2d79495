"""Tumour-to-normal ratios of concentrations."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import InputError, RegionError, UnitMismatchError
from opensirt.image import Volume
from opensirt.quantify import liver_compartments, tumour_to_normal
from opensirt.units import Unit
from tests.unit.quantify.samples import GRID, block, lesion, liver, perfused, regions, volume


def image(t1: float = 8.0, t2: float = 4.0) -> Volume:
    counts = np.full(GRID.shape, 2.0, np.float32)
    counts[4:6, 4:6, 7:9] = t1
    counts[4:6, 4:6, 2:4] = t2
    return volume(counts)


def test_ratio_of_each_lesion_and_overall() -> None:
    """Counts 8 and 4 over 2; equal volumes, so 3 overall; 20 counts/mL in normal liver."""
    parts = liver_compartments(regions(lesion(), lesion("T2", column=2)))
    found = tumour_to_normal(image(), parts)
    assert [t.ratio for t in found.tumours] == pytest.approx([4.0, 2.0])
    assert [t.mean for t in found.tumours] == pytest.approx([80.0, 40.0])
    assert found.normal_mean == pytest.approx(20.0)
    assert found.overall == pytest.approx(3.0)
    assert found.findings == ()


def test_concentration_images_give_the_same_ratio() -> None:
    parts = liver_compartments(regions(lesion()))
    counts = image(t2=2.0)
    found = tumour_to_normal(volume(counts.values * 10, Unit.BQ_PER_ML), parts)
    assert found.tumours[0].ratio == pytest.approx(4.0)
    assert found.normal_mean == pytest.approx(20.0)


def test_overall_is_weighted_by_size() -> None:
    """0.8 mL at ratio 4 and 0.4 mL at ratio 1: (3.2 + 0.4) / 1.2 = 3."""
    small = block("T2", "tumour", (4, 6), (4, 6), (2, 3))
    parts = liver_compartments(regions(lesion(), small))
    assert tumour_to_normal(image(t2=2.0), parts).overall == pytest.approx(3.0)


def test_only_the_perfused_viable_part_counts() -> None:
    """Columns 7 and 8; column 8 is outside the perfused volume, half of column 7 necrotic."""
    narrow = block("lobe", "perfused", (2, 8), (2, 8), (1, 8))
    dead = block("dead", "necrosis", (4, 5), (4, 6), (7, 8))
    counts = np.full(GRID.shape, 2.0, np.float32)
    counts[4:6, 4:6, 8] = 100.0
    counts[4, 4:6, 7] = 50.0
    counts[5, 4:6, 7] = 6.0
    parts = liver_compartments(regions(narrow, dead, lesion()))
    found = tumour_to_normal(volume(counts), parts)
    assert found.tumours[0].ratio == pytest.approx(3.0)
    assert found.tumours[0].volume_ml == pytest.approx(0.2)


def test_density_makes_it_a_ratio_per_gram() -> None:
    """A lesion of density 1.2 in liver of 1.0: 8/2 per mL is 3.33 per gram; 0.96 g."""
    density = np.full(GRID.shape, 1.0, np.float32)
    density[4:6, 4:6, 7:9] = 1.2
    parts = liver_compartments(regions(lesion()))
    found = tumour_to_normal(image(t2=2.0), parts, density=volume(density, Unit.G_PER_ML))
    assert found.tumours[0].ratio == pytest.approx(4 / 1.2)
    assert found.tumours[0].mass_g == pytest.approx(0.96)
    assert found.overall == pytest.approx(4 / 1.2)


def test_overall_is_weighted_by_mass_where_density_is_known() -> None:
    """T1 1 g/mL and T2 2 g/mL, 0.8 mL each, counts 8 and 4 over 2: ratios per gram 4 and 1.

    By mass (0.8 x 4 + 1.6 x 1) / 2.4 = 2; by volume it would be 2.5.
    """
    density = np.full(GRID.shape, 1.0, np.float32)
    density[4:6, 4:6, 2:4] = 2.0
    parts = liver_compartments(regions(lesion(), lesion("T2", column=2)))
    found = tumour_to_normal(image(), parts, density=volume(density, Unit.G_PER_ML))
    assert [t.ratio for t in found.tumours] == pytest.approx([4.0, 1.0])
    assert found.overall == pytest.approx(2.0)


def test_a_lesion_is_measurable_from_one_resolution_width_on() -> None:
    """0.8 mL is a sphere of (6 x 0.8 / pi)^(1/3) cm = 11.518 mm."""
    parts = liver_compartments(regions(lesion()))
    measurable = []
    for width_mm in (None, 11.5, 11.6):
        found = tumour_to_normal(image(t2=2.0), parts, resolution_mm=width_mm)
        assert found.tumours[0].diameter_mm == pytest.approx(11.518, abs=1e-3)
        measurable.append(found.is_measurable(found.tumours[0]))
    assert measurable == [True, True, False]


def test_lesions_below_the_resolution_are_named() -> None:
    """0.8 mL is a sphere of 11.5 mm: below 3 x 5 mm, and below 12 mm itself."""
    parts = liver_compartments(regions(lesion()))
    note = tumour_to_normal(image(t2=2.0), parts, resolution_mm=5.0).findings[0]
    assert (note.severity, note.code) == ("note", "partial-volume")
    warn = tumour_to_normal(image(t2=2.0), parts, resolution_mm=12.0).findings[0]
    assert warn.severity == "warn"
    assert "1 lesions are smaller than 3 x the image resolution of 12 mm (1 below" in warn.text
    assert tumour_to_normal(image(t2=2.0), parts, resolution_mm=3.0).findings == ()


def test_no_lesion_has_no_overall_ratio() -> None:
    found = tumour_to_normal(image(), liver_compartments(regions(perfused())))
    assert found.overall is None
    assert found.tumours == ()


def test_impossible_input() -> None:
    parts = liver_compartments(regions(lesion()))
    with pytest.raises(UnitMismatchError, match="an uptake ratio needs counts or Bq/mL, got Gy"):
        tumour_to_normal(volume(1.0, Unit.GY), parts)
    with pytest.raises(InputError, match="perfused normal liver holds 0 counts"):
        tumour_to_normal(volume(0.0), parts)
    with pytest.raises(RegionError, match="has no mass on the density map"):
        tumour_to_normal(image(), parts, density=volume(0.0, Unit.G_PER_ML))
    only = liver_compartments(regions(lesion().named("p", "perfused"), lesion()))
    assert only.perfused_normal.is_empty
    with pytest.raises(RegionError, match="there is no perfused normal liver"):
        tumour_to_normal(image(), only)
    assert liver().volume_ml == pytest.approx(36.0)
