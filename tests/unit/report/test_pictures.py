"""The pictures: sound PNG files of a sensible size, isodose levels, the histogram's end."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.image import imread

from opensirt.dose.dvh import dose_volume_histogram
from opensirt.errors import CaseError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.report import dvh_picture, figures, make_scene, planes_picture, tumour_tiles
from opensirt.report.display import Scene, isodose_levels_gy
from opensirt.report.figures import ROLE_COLOURS
from opensirt.units import Unit
from tests.cases import small_case


@pytest.fixture(scope="module")
def case():
    return small_case()


@pytest.fixture(scope="module")
def dose(case):
    """A dose that falls off around the middle of the liver, 200 Gy at most."""
    on = case.image("ct").volume.grid
    places = [np.arange(n) - (n - 1) / 2 for n in on.shape]
    squared = sum(np.meshgrid(*[p**2 for p in places], indexing="ij"))
    return Volume((200 * np.exp(-squared / 200)).astype(np.float32), on, Unit.GY)


@pytest.fixture(scope="module")
def scene(case, dose):
    tumours = tuple(r for r in case.regions if r.role == "tumour")
    return make_scene(
        case.image("ct").volume, dose, case.regions, (case.regions["liver"], *tumours)
    )


def pixels(png: bytes):
    return imread(io.BytesIO(png), format="png")


def test_pictures_are_png_of_a_sensible_size(case, dose, scene):
    tumours = [r for r in case.regions if r.role == "tumour"]
    curves = [
        (r.name, r.role, dose_volume_histogram(dose, r.onto(dose.grid))) for r in case.regions
    ]
    for picture in (
        planes_picture(scene, tumours[0]),
        tumour_tiles(scene, tumours, 1, 1),
        dvh_picture(curves),
    ):
        height, width, channels = pixels(picture.png).shape
        assert 200 <= height <= 2400
        assert 400 <= width <= 2400
        assert channels in (3, 4)
        assert 5_000 < len(picture.png) < 3_000_000
        assert picture.title
        assert picture.caption


def test_a_picture_of_twenty_tumours_fits_a_page(case, scene):
    picture = tumour_tiles(scene, [case.regions["Tumour A"]] * 20, 1, 2)
    height, width, _ = pixels(picture.png).shape
    assert (height / 120, width / 120) <= (12, 12)
    assert picture.title == "Each tumour (1 of 2)"


def test_pictures_of_one_dose_are_the_same_bytes(case, scene):
    tumour = case.regions["Tumour A"]
    assert planes_picture(scene, tumour).png == planes_picture(scene, tumour).png


@pytest.mark.parametrize(
    ("maximum_gy", "levels"),
    [
        (0.0, ()),
        (float("nan"), ()),
        (100.0, (5, 10, 20, 50)),
        (250.0, (10, 20, 50, 100, 200)),
        (0.7, (0.02, 0.05, 0.1, 0.2, 0.5)),
        (1e5, (2e3, 5e3, 1e4, 2e4, 5e4)),
    ],
)
def test_isodose_levels_are_round_and_below_the_maximum(maximum_gy, levels):
    found = isodose_levels_gy(maximum_gy)
    assert found[-len(levels) :] == pytest.approx(levels) if levels else found == ()
    assert all(level < 0.9 * maximum_gy for level in found)
    assert len(found) <= 5


def test_the_scene_shows_patient_right_on_the_left_and_keeps_the_dose(scene, dose):
    assert scene.grid.spacing_mm == pytest.approx((2, 2, 2))
    assert scene.levels_gy == isodose_levels_gy(float(scene.dose_gy.max()))
    assert float(scene.dose_gy.max()) == pytest.approx(200, rel=0.03)
    x_first, x_last = (scene.grid.to_patient([0, 0, n])[0] for n in (0, scene.grid.shape[2] - 1))
    assert x_first < x_last
    assert scene.background_name == "CT"
    assert scene.background_range == (-160, 240)


def test_the_scene_shows_a_hot_spot_where_it_lies(case):
    """A block of dose beside the middle on every axis, seen at its own place in the patient."""
    on = case.image("ct").volume.grid
    low = np.asarray(on.shape) // 3
    hot = np.zeros(on.shape, np.float32)
    hot[tuple(slice(n, n + 3) for n in low)] = 100.0
    scene = make_scene(
        case.image("ct").volume, Volume(hot, on, Unit.GY), case.regions, (case.regions["liver"],)
    )
    index = np.argwhere(scene.dose_gy > 50.0).mean(axis=0)
    assert scene.grid.to_patient(index) == pytest.approx(on.to_patient(low + 1.0), abs=2.0)


def test_the_curve_drawn_ends_at_zero_volume_and_starts_at_one(case, dose):
    curve = dose_volume_histogram(dose, case.regions["Tumour A"].onto(dose.grid))
    doses_gy, fraction = curve.cumulative()
    assert (doses_gy[0], fraction[0]) == (0.0, 1.0)
    assert np.all(np.diff(fraction) <= 0)
    assert doses_gy[-1] == curve.maximum_gy
    assert curve.v(curve.maximum_gy * 1.0001) == 0.0


def test_the_drawn_curve_falls_to_zero(case, dose, monkeypatch):
    """The last point drawn is (maximum, 0 %): the line comes down to the axis."""
    from matplotlib.axes import Axes

    drawn = []
    plot = Axes.plot

    def remember(self, x, y, *more, **words):
        drawn.append((float(x[-1]), float(y[-1])))
        return plot(self, x, y, *more, **words)

    monkeypatch.setattr(Axes, "plot", remember)
    curve = dose_volume_histogram(dose, case.regions["liver"].onto(dose.grid))
    dvh_picture([("liver", "liver", curve)])
    assert drawn == [(curve.maximum_gy, 0.0)]


def test_a_tile_of_a_tumour_below_a_pixel_says_so(case, scene):
    on = case.image("ct").volume.grid
    mask = np.zeros(on.shape, np.float32)
    mask[30, 30, 30] = 1e-3
    tiny = Region.from_mask("speck", "tumour", mask, on)
    assert len(tumour_tiles(scene, [tiny], 1, 1).png) > 2_000


def test_a_scene_needs_something_to_look_at(case, dose):
    on = case.image("ct").volume.grid
    nothing = Region.from_mask("nothing", "liver", np.zeros(on.shape, np.float32), on)
    with pytest.raises(CaseError, match="a report needs at least one region that is not empty"):
        make_scene(case.image("ct").volume, dose, Regions((nothing,)), (nothing,))


def test_the_legend_shows_an_outline_in_the_colour_that_it_has_in_the_picture():
    """White on a dark ground: the legend lies on white paper, the outlines on a dark image."""
    from matplotlib.figure import Figure

    grid = Grid.regular((4, 4, 4), (2.0, 2.0, 2.0))
    nothing = np.zeros(grid.shape, np.float32)
    roles = ("tumour", "liver")
    regions = Regions(tuple(Region.from_mask(r, r, nothing + 1, grid) for r in roles))
    scene = Scene(grid, nothing, (0.0, 1.0), "CT", nothing, regions, ())
    figure = Figure()
    figures._add_legends(figure, scene)
    handles = figure.legends[0].legend_handles
    assert [handle.get_color() for handle in handles] == [ROLE_COLOURS[role] for role in roles]
    backing = handles[0].get_path_effects()[0]
    assert backing._gc["foreground"] == figures.BACKGROUND != ROLE_COLOURS["tumour"] == "#ffffff"
