"""What stands in the pictures: the right plane, the right way up, with the right words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage
from PIL import Image

from opensirt.dose.dvh import dose_volume_histogram
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.report import display, dvh_picture, figures, make_scene, planes_picture, tumour_tiles
from opensirt.report.display import Scene
from opensirt.units import Unit

SHOWN = Grid.regular((20, 30, 40), (2.0, 2.0, 2.0), (-50.0, 10.0, 100.0))


def block(name: str, role: str, low, high, on: Grid = SHOWN) -> Region:
    mask = np.zeros(on.shape, np.float32)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = 1.0
    return Region.from_mask(name, role, mask, on)


LESION = block("T$1$", "tumour", (4, 10, 20), (7, 15, 27))
"""0.84 mL around voxel (5, 12, 23): x -4, y 34, z 110 mm."""
WHOLE = block("liver", "liver", (2, 5, 5), (12, 25, 35))
"""48 mL around voxel (6.5, 14.5, 19.5)."""


def scene() -> Scene:
    """Every voxel another value; 40 Gy at most."""
    numbers = np.arange(np.prod(SHOWN.shape), dtype=np.float32).reshape(SHOWN.shape)
    return Scene(
        grid=SHOWN,
        background=numbers,
        background_range=(-160.0, 240.0),
        background_name="CT",
        dose_gy=numbers / numbers.max() * 40.0,
        regions=Regions((LESION, WHOLE)),
        levels_gy=(5.0, 10.0, 20.0),
    )


@pytest.fixture
def drawn(monkeypatch):
    """The figures in the order of their making, none of them painted."""
    made = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: made.append(figure) or b"")
    return made


def test_the_colour_bar_reads_the_dose_that_the_colours_stand_for(drawn):
    """The colours of the picture and of its bar have one scale, and end below the maximum."""
    of = scene()
    planes_picture(of, LESION)
    (bar,) = [axes for axes in drawn[0].axes if axes.get_ylabel() == "Absorbed dose (Gy)"]
    tops = {round(float(panel.images[1].get_clim()[1]), 3) for panel in drawn[0].axes[:3]}
    assert tops == {round(float(bar._colorbar.norm.vmax), 3)}
    assert bar._colorbar.norm.vmin == 0.0


def test_three_planes_through_the_lesion_with_the_head_up(drawn):
    of = scene()
    picture = planes_picture(of, LESION)
    panels = drawn[0].axes[:3]
    assert drawn[0].get_size_inches() == pytest.approx((8.0, 8.0 * 30 / (2 * 40 + 30) + 0.8))
    assert [panel.get_title() for panel in panels] == [
        "Axial, z = 110 mm", "Coronal, y = 34 mm", "Sagittal, x = -4 mm",
    ]  # fmt: skip
    for values, layer, limits in (
        (of.background, 0, (-160.0, 240.0)),
        (of.dose_gy, 1, (0.0, 32.0)),
    ):
        planes = (values[5], values[::-1, 12], values[::-1, :, 23])
        for panel, plane in zip(panels, planes, strict=True):
            image = panel.images[layer]
            assert np.array_equal(image.get_array(), plane)
            assert image.get_clim() == pytest.approx(limits)
            assert image.origin == "upper"
    assert picture.title == "Dose through T$1$"
    assert "on the CT, through the centre of T$1$. The patient's right is on the left" in (
        picture.caption
    )


def test_isodoses_and_outlines_have_the_colours_of_the_legend(drawn):
    """Slice 5 of 20 runs from 10 to 12 Gy: only the line of 10 Gy could cross, and does not."""
    planes_picture(scene(), LESION)
    axial, coronal = drawn[0].axes[:2]
    assert len(axial.collections) == 2
    assert list(coronal.collections[0].levels) == [5.0, 10.0, 20.0]
    for outlines in (axial.collections, coronal.collections[1:]):
        shades = [to_hex(lines.get_edgecolor()[0]) for lines in outlines]
        assert shades == [figures.ROLE_COLOURS["tumour"], figures.ROLE_COLOURS["liver"]]
        assert [len(lines.get_paths()) for lines in outlines] == [1, 1]
    words = {text.get_text(): line for text, line in _legend(drawn[0])}
    assert list(words) == ["5 Gy", "10 Gy", "20 Gy", "tumour", "liver"]
    colours = [words[f"{level} Gy"].get_color() for level in (5, 10, 20)]
    assert colours == list(figures.ISODOSE_COLOURS[:3])
    assert words["liver"].get_color() == figures.ROLE_COLOURS["liver"]
    assert drawn[0].axes[3].get_ylabel() == "Absorbed dose (Gy)"


def _legend(figure):
    (legend,) = figure.legends
    return zip(legend.get_texts(), legend.get_lines(), strict=True)


def test_an_outline_that_the_plane_does_not_meet_is_not_drawn(drawn):
    """The lesion ends at slice 6, the plane is slice 10: the liver alone."""
    planes_picture(scene(), block("T2", "tumour", (9, 10, 20), (12, 15, 27)))
    axial = drawn[0].axes[0]
    assert axial.get_title() == "Axial, z = 120 mm"
    (lines,) = axial.collections
    assert to_hex(lines.get_edgecolor()[0]) == figures.ROLE_COLOURS["liver"]


TILE, GAP, TITLE = 1.46, 0.06, 0.4
"""Inches of a tile, of which the gap is white, and of the title above it."""


def test_each_tile_is_90_mm_about_its_lesion_with_the_back_below(drawn):
    """The lesion's voxel (row 12, column 23) in the middle, 2 mm a voxel, 1.4 inches for 90 mm."""
    picture = tumour_tiles(scene(), [LESION, WHOLE], 2, 3)
    axes = drawn[0].axes[0]
    assert (picture.name, picture.title) == ("tumours-2", "Each tumour (2 of 3)")
    assert "90 mm wide" in picture.caption
    assert np.array_equal(axes.images[0].get_array(), scene().background[5])
    height = drawn[0].get_size_inches()[1]
    inches = axes.images[0].get_transform() + drawn[0].dpi_scale_trans.inverted()
    for (column, row), (x, y) in (
        ((23, 12), ((TILE - GAP) / 2, TITLE + (TILE - GAP) / 2)),
        ((23 - 22.5, 12 - 22.5), (0.0, TITLE)),
        ((23 + 22.5, 12 + 22.5), (TILE - GAP, TITLE + TILE - GAP)),
    ):
        assert inches.transform((column, row)) == pytest.approx((x, height - y), abs=1e-6)
    assert [text.get_text() for text in axes.texts] == ["T\\$1\\$\n0.84 mL", "liver\n48 mL"]
    assert [text.get_text() for text, _ in _legend(drawn[0])] == ["5 Gy", "10 Gy", "20 Gy"]


@pytest.mark.parametrize(("count", "columns"), [(1, 2), (2, 2), (4, 4), (5, 5), (7, 5)])
def test_tiles_are_five_in_a_row(count, columns, drawn):
    """Tiles beside a bar of 0.7 inches, titles above, a legend of 0.5 below; nothing beyond."""
    picture = tumour_tiles(scene(), [LESION] * count, 1, 1)
    size = (TILE * columns + 0.7, (TILE + TITLE) * (1 if count < 6 else 2) + 0.5)
    assert drawn[0].get_size_inches() == pytest.approx(size)
    assert picture.width_fraction == pytest.approx(size[0] / 8.0)
    assert picture.title == "Each tumour"
    axes = drawn[0].axes[0]
    assert not axes.axison
    assert [text.get_position() for text in axes.texts] == [
        pytest.approx((TILE * (i % 5) + 0.7, (TILE + TITLE) * (i // 5) + TITLE - GAP))
        for i in range(count)
    ]
    to_inches = drawn[0].dpi_scale_trans.inverted()
    seen = [box.transformed(to_inches) for box in map(clipping, axes.images)]
    assert [(b.x0, size[1] - b.y1, b.width, b.height) for b in seen[::2]] == [
        pytest.approx((TILE * (i % 5), (TILE + TITLE) * (i // 5) + TITLE, 1.4, 1.4), abs=1e-6)
        for i in range(count)
    ]
    assert len(axes.collections) >= 2 * count
    assert {clipping(lines).bounds for lines in axes.collections} == {
        b.bounds for b in map(clipping, axes.images)
    }


def clipping(artist):
    """Where an artist is seen, in pixels of the figure."""
    path = artist.get_clip_path()
    if path is None:
        return artist.get_clip_box()
    return path.get_fully_transformed_path().get_extents()


def test_nothing_of_a_picture_of_one_tumour_is_cut_off():
    """The ink keeps a hair away from every edge."""
    picture = tumour_tiles(scene(), [LESION], 1, 1)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
    edges = (pixels[0], pixels[-1], pixels[:, -1])
    assert [int(edge.min()) for edge in edges] == [255, 255, 255]
    assert pixels.min() < 50


def test_histograms_are_volume_in_per_cent_against_dose(drawn):
    """A quarter of the liver at 30 Gy, the rest at 10 Gy; of two lesions one has a label."""
    gray = np.full(SHOWN.shape, 10.0, np.float32)
    gray[:, 5:10] = 30.0
    dose = Volume(gray, SHOWN, Unit.GY)
    curve = dose_volume_histogram(dose, WHOLE)
    lesion = dose_volume_histogram(dose, LESION)
    dvh_picture(
        [
            ("A", figures.SINGLE_TUMOUR, lesion),
            ("B", figures.SINGLE_TUMOUR, lesion),
            ("all $tumours$", "tumour", lesion),
            ("liver", "liver", curve),
        ]
    )
    (axes,) = drawn[0].axes
    thin, other, together, whole = axes.lines
    assert [line.get_linewidth() for line in axes.lines] == [0.6, 0.6, 2, 2]
    assert thin.get_label() == "single tumours"
    assert other.get_label().startswith("_")
    assert (together.get_label(), whole.get_label()) == ("all \\$tumours\\$", "liver")
    assert together.get_color() != whole.get_color()
    x, y = whole.get_xdata(), whole.get_ydata()
    assert np.interp([5.0, 20.0], x, y) == pytest.approx([100.0, 25.0], abs=0.5)
    assert (x[0], x[-1], y[-1]) == (0.0, pytest.approx(30.0), 0.0)
    assert axes.get_xlabel() == "Absorbed dose (Gy)"
    assert axes.get_ylabel() == "Volume receiving at least this dose (%)"


def test_the_scene_goes_30_mm_beyond_what_it_shows():
    """A block of x 16 to 20, y 1 to 13, z -6 to 30 mm: so many voxels of 2 mm, and 30 mm more."""
    on = Grid.regular((10, 12, 14), (9.0, 3.0, 1.0), (10.5, -3.5, -10.5))
    focus = block("liver", "liver", (1, 2, 6), (5, 6, 10), on)
    image = Volume(np.full(on.shape, 7.0, np.float32), on, Unit.COUNTS)
    dose = Volume(np.full(on.shape, -1.0, np.float32), on, Unit.GY)
    of = make_scene(image, dose, Regions((focus,)), (focus,))
    assert of.grid.to_patient([0, 0, 0]) == pytest.approx((-14.0, -29.0, -36.0))
    assert of.grid.shape == (49, 37, 33)
    assert (of.background_name, float(of.dose_gy.min())) == ("activity image", 0.0)
    assert float(of.background[0, 0, 0]) == 0.0
    air = make_scene(Volume(image.values, on, Unit.HU), dose, Regions((focus,)), (focus,))
    assert float(air.background[0, 0, 0]) == -1000.0


@pytest.mark.parametrize(("maximum_gy", "highest"), [(110.0, 50.0), (112.0, 100.0), (230.0, 200.0)])
def test_a_level_next_to_the_maximum_is_not_drawn(maximum_gy, highest):
    """100 Gy are more than nine tenths of 110 Gy, and less of 112 Gy."""
    assert display.isodose_levels_gy(maximum_gy)[-1] == highest
    assert len(display.isodose_levels_gy(maximum_gy)) == 5


def test_counts_are_shown_up_to_all_but_the_brightest_of_two_hundred():
    counts = np.arange(1001, dtype=np.float32)
    assert display._window(Unit.COUNTS, counts) == (0.0, pytest.approx(995.0))
    assert display._window(Unit.COUNTS, 0 * counts) == (0.0, 1e-6)
    assert display._window(Unit.HU, counts) == (-160.0, 240.0)


def test_a_picture_is_painted_once_and_is_what_matplotlib_saves(monkeypatch):
    """The same pixels and resolution as `savefig`, with one pass over the images, not two."""
    made = []
    monkeypatch.setattr(figures, "png_bytes", lambda figure: made.append(figure) or b"")
    for _ in range(2):
        planes_picture(scene(), LESION)
    monkeypatch.undo()
    passes = []
    kept = AxesImage.draw
    monkeypatch.setattr(AxesImage, "draw", lambda self, r: (passes.append(self), kept(self, r))[1])
    ours = figures.png_bytes(made[0])
    assert len(passes) == len(set(passes)) == 6
    theirs = io.BytesIO()
    made[1].savefig(theirs, format="png")
    with Image.open(io.BytesIO(ours)) as a, Image.open(theirs) as b:
        assert np.array_equal(np.asarray(a), np.asarray(b))
        assert a.info["dpi"] == b.info["dpi"]
        assert a.info["Software"] == "opensirt"
