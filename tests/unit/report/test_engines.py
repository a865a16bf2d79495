"""Engines beside one another: every cell, and the picture in the patient's own directions."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.dose.comparison import (
    EngineComparison,
    EngineDose,
    GammaResult,
    RegionComparison,
)
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.report import engine_maps
from opensirt.report.engine_maps import difference_picture
from opensirt.report.engines import comparison_table, engine_table, facts_of
from opensirt.units import Unit

REFERENCE = "monte-carlo"


def row(engine: str, name: str, mean: float, true: float, **more) -> RegionComparison:
    """Of the reference: D95 off by another twentieth, D50 by another tenth than the mean."""
    off = mean / true - 1.0
    words = {
        "d95_difference_gy": 0.5, "d95_difference_fraction": off + 0.05,
        "d50_difference_gy": -0.25, "d50_difference_fraction": off + 0.1,
        "reference_error_fraction": 0.02, "verdict": "agrees",
        "gamma_pass_fractions": (0.91, 0.955), "mean_difference_fraction": off,
    }  # fmt: skip
    return RegionComparison(
        engine=engine, name=name, role="other", volume_ml=10.0, mean_dose_gy=mean,
        reference_mean_dose_gy=true, mean_difference_gy=mean - true,
        tolerance_fraction=0.05, **(words | more),
    )  # fmt: skip


def comparison(**change) -> EngineComparison:
    nothing = {
        "mean_difference_fraction": None, "d95_difference_fraction": None,
        "d50_difference_fraction": None, "reference_error_fraction": None,
        "gamma_pass_fractions": (None, None), "verdict": "negligible",
    }  # fmt: skip
    parts = {
        "reference": REFERENCE,
        "engines": ("local", "voxel-convolution"),
        "criteria": ("1 %, 1 mm", "3 %, 3 mm"),
        "regions": (
            row("local", "liver", 42.0, 40.0, verdict="differs"),
            row("local", "lungs", 9.0, 10.0, verdict="uncertain"),
            row("local", "spleen", 0.02, 0.01, **nothing),
            row("voxel-convolution", "liver", 40.8, 40.0),
            row("voxel-convolution", "lungs", 9.9, 10.0),
            row("voxel-convolution", "spleen", 0.03, 0.01, **nothing),
        ),
        "gamma": (
            GammaResult("local", "1 %, 1 mm", 0.81, 900),
            GammaResult("local", "3 %, 3 mm", 0.87, 900),
            GammaResult("voxel-convolution", "1 %, 1 mm", 0.93, 900),
            GammaResult("voxel-convolution", "3 %, 3 mm", 0.99, 900),
        ),
    }
    return EngineComparison(**(parts | change))


def test_all_engines_in_one_table():
    table = comparison_table(comparison())
    assert table.columns == (
        "Region", "monte-carlo\nmean (Gy)", "local\nmean", "D95", "voxel-convolution\nmean", "D95",
    )  # fmt: skip
    assert table.rows == (
        ("liver", "40 ± 0.8", "+5.0 % ▲", "+10.0 %", "+2.0 %", "+7.0 %"),
        ("lungs", "10 ± 0.2", "-10.0 % ?", "-5.0 %", "-1.0 %", "+4.0 %"),
        ("spleen", "0.01", "–", "–", "–", "–"),
        ("gamma at most 1 (1 %, 1 mm)", "", "81.0 %", "", "93.0 %", ""),
        ("gamma at most 1 (3 %, 3 mm)", "", "87.0 %", "", "99.0 %", ""),
    )
    assert table.caption.startswith("Differences from monte-carlo. ▲ beyond the tolerance")


def test_one_engine_against_the_reference():
    table = engine_table(comparison(), "local")
    assert table.columns == (
        "Region", "local (Gy)", "monte-carlo (Gy)", "Mean", "D95", "D50",
        "Gamma 1 %, 1 mm", "Gamma 3 %, 3 mm",
    )  # fmt: skip
    assert table.rows[:2] == (
        ("liver ▲", "42", "40", "+2 Gy (+5.0 %)", "+0.5 Gy (+10.0 %)", "-0.25 Gy (+15.0 %)",
         "91.0 %", "95.5 %"),
        ("lungs ?", "9", "10", "-1 Gy (-10.0 %)", "+0.5 Gy (-5.0 %)", "-0.25 Gy (+0.0 %)",
         "91.0 %", "95.5 %"),
    )  # fmt: skip
    assert table.rows[2][3:] == ("+0.01 Gy", "+0.5 Gy", "-0.25 Gy", "–", "–")
    assert "whole map: 81.0 % (1 %, 1 mm), 87.0 % (3 %, 3 mm)." in table.caption
    other = engine_table(comparison(), "voxel-convolution")
    assert other.title == "voxel-convolution against monte-carlo"
    assert "whole map: 93.0 % (1 %, 1 mm), 99.0 % (3 %, 3 mm)." in other.caption


def test_the_head_of_the_page():
    facts = {
        "local": {"maximum_dose_gy": 512.25, "seconds": 0.034},
        REFERENCE: {
            "maximum_dose_gy": 498.0, "seconds": 61.5, "histories": 2_000_000,
            "mean_relative_error": 0.0123,
        },
    }  # fmt: skip
    assert [(r.label, r.value, r.note) for r in facts_of(comparison(), facts)] == [
        (
            "Reference",
            "monte-carlo",
            "2,000,000 histories, mean relative error 1.23% where the dose is high",
        ),
        ("Compared", "local, voxel-convolution", ""),
        ("Time of local", "0.03 s", "highest dose 512.2 Gy"),
        ("Time of monte-carlo", "61.50 s", "highest dose 498 Gy"),
    ]


AXES = Grid.regular((12, 14, 16), (3.0, 4.0, 5.0), (-20.0, 7.0, 130.0))
HOT, HEAD, BACK, LEFT = (5, 6, 7), (8, 6, 7), (5, 9, 7), (5, 6, 11)


def patient(on: Grid) -> tuple[list[EngineDose], Volume, Regions]:
    """100 Gy with 50 Gy headward, 40 Gy behind and 30 Gy on the left, on any grid of the place.

    Where the other engine differs: by 20, -10, 5 and -40 %. Air of 900 Gy is no hot spot, and 1 Gy
    is below what is drawn.
    """
    places = {HOT: (100.0, 1.2), HEAD: (50.0, 0.9), BACK: (40.0, 1.05), LEFT: (30.0, 0.6)}
    reference = np.zeros(on.shape, np.float32)
    other, density = reference.copy(), np.full(on.shape, 1.05, np.float32)
    drawn = reference.copy()

    def at(place):
        index = np.rint(on.to_index(AXES.to_patient(place))).astype(int)
        return tuple(int(n) for n in index)

    for place, (gray, factor) in places.items():
        reference[at(place)], other[at(place)] = gray, gray * factor
    reference[at((1, 1, 1))] = other[at((1, 1, 1))] = 900.0
    density[at((1, 1, 1))] = 0.001
    reference[at((5, 6, 8))], other[at((5, 6, 8))] = 1.0, 2.0
    density[at((5, 7, 8))] = 0.3
    drawn[at(HOT)] = drawn[at(LEFT)] = 1.0
    doses = [
        EngineDose("local", Volume(other, on, Unit.GY)),
        EngineDose("voxel-superposition", Volume(reference, on, Unit.GY)),
    ]
    outline = Region.from_mask("T1", "tumour", drawn, on)
    return doses, Volume(density, on, Unit.G_PER_ML), Regions((outline,))


def turned() -> Grid:
    """The same voxels as (column from the left, slice from the head, row from the back)."""
    last = np.asarray(AXES.shape) - 1
    back = np.array([[0, -1, 0, last[0]], [0, 0, -1, last[1]], [-1, 0, 0, last[2]], [0, 0, 0, 1]])
    return Grid.from_matrix((16, 12, 14), AXES.matrix @ back)


@pytest.mark.parametrize("on", [AXES, turned()], ids=["axial", "turned"])
def test_differences_lie_where_the_patient_has_them(on, monkeypatch):
    """Axial: 15 mm are 4 rows and 3 columns about rows 6 to 9, columns 7 to 11, from (2, 4).

    Coronal, the head up: slices 5 to 8 are rows 6 to 3 of 12, and 5 rows more on either side.
    """
    made = []
    monkeypatch.setattr(engine_maps, "png_bytes", lambda figure: made.append(figure) or b"")
    doses, density, regions = patient(on)
    picture = difference_picture(doses, "voxel-superposition", density, regions)
    panels = made[0].axes
    assert [panels[n].get_title() for n in range(4)] == [
        "voxel-superposition (reference)", "local", "", "",
    ]  # fmt: skip
    assert [panels[n].get_ylabel() for n in range(4)] == ["axial", "", "coronal", ""]
    spots = {
        0: {(4, 3): 100.0, (7, 3): 40.0, (4, 7): 30.0},
        1: {(4, 3): 20.0, (7, 3): 5.0, (4, 7): -40.0},
        2: {(6, 3): 100.0, (3, 3): 50.0, (6, 7): 30.0},
        3: {(6, 3): 20.0, (3, 3): -10.0, (6, 7): -40.0},
    }
    for number, expected in spots.items():
        gray, over = panels[number].images
        shown = over.get_array()
        assert shown.shape == ((12, 11), (12, 11), (12, 11), (12, 11))[number]
        found = {(int(r), int(c)): float(shown[r, c]) for r, c in np.argwhere(~shown.mask)}
        assert found == {place: pytest.approx(value, abs=1e-3) for place, value in expected.items()}
        assert over.get_clim() == ((0.0, 80.0) if number % 2 == 0 else (-30.0, 30.0))
        assert gray.get_clim() == (0.0, 2.8)
        assert over.get_extent() == [0, 55, 48 if number < 2 else 36, 0]
        assert len(panels[number].collections) == 1
    assert float(panels[0].images[0].get_array()[5, 4]) == pytest.approx(0.3)
    assert panels[4].get_xlabel() == "dose (Gy)"
    assert panels[5].get_xlabel() == "difference from voxel-superposition (%)"
    assert "above 2% of the highest" in picture.caption
    assert "Speckle" not in picture.caption


def test_the_noise_of_a_reference_is_said(monkeypatch):
    monkeypatch.setattr(engine_maps, "png_bytes", lambda figure: b"")
    (other, base), density, regions = patient(AXES)
    noise = Volume(np.full(AXES.shape, 0.02, np.float32), AXES, Unit.FRACTION)
    noisy = EngineDose("voxel-superposition", base.dose, noise)
    picture = difference_picture([other, noisy], noisy.engine, density, regions)
    assert picture.caption.endswith(" Speckle is the statistical error of the reference.")
    other = EngineDose("local", other.dose, noise)
    assert "Speckle" not in difference_picture([other, base], base.engine, density, regions).caption
