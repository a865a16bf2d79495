"""The pictures of a report, drawn with matplotlib and returned as PNG bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as MplFigure
from matplotlib.image import imsave
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Transform

from opensirt.dose.dvh import Dvh
from opensirt.image import Region
from opensirt.report.display import Scene
from opensirt.report.outlines import Window, draw_outlines

__all__ = [
    "DPI",
    "ROLE_COLOURS",
    "SINGLE_TUMOUR",
    "Picture",
    "dvh_picture",
    "planes_picture",
    "png_bytes",
    "tumour_tiles",
]

ROLE_COLOURS = {
    "liver": "#4cc9f0", "tumour": "#ffffff", "perfused": "#80ed99", "necrosis": "#adb5bd",
    "lungs": "#9d8df1", "lung-left": "#9d8df1", "lung-right": "#9d8df1",
    "gallbladder": "#70e000", "stomach": "#ffb703", "bowel": "#fb8500",
}  # fmt: skip
ISODOSE_COLOURS = ("#3a86ff", "#06d6a0", "#ffd60a", "#fb5607", "#ff006e")
SINGLE_TUMOUR = "single-tumour"
"""Role of a histogram that is drawn thin, among many."""
TILE_HALF_MM = 45.0
TILE_COLUMNS_LEAST, TILE_COLUMNS = 2, 5
BACKING, BACKGROUND = 7.0, "#4b5563"
"""Width (points) and colour of what outlines lie on in the legend, so that white ones are white."""
TOP_OF_COLOURS = 0.8
"""Part of the highest dose that has the brightest colour, so that a hot spot does not dim all."""
BEYOND = 4
"""Voxels around a cut-out that its edges are drawn from."""
WIDTH_IN, DPI = 8.0, 165
"""Of a picture across the page, so that its letters are as large as those of the text."""
BAR_IN, BAR_WIDE_IN, GAP_IN, TITLE_IN, LEGEND_IN = 0.7, 0.12, 0.06, 0.4, 0.5
"""Beside the tiles, between, above and below them."""
TILE_IN = (WIDTH_IN - BAR_IN) / TILE_COLUMNS
STYLES = ("-", (0, (5, 2)), "-.", (0, (1, 1.5)))
"""Of curves, so that one that lies on another still shows."""
RUN_LENGTHS = 3
"""Strategy of zlib: four times as quick as the usual one for these pictures, and 4 % larger."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with the words that belong to it."""

    name: str
    title: str
    caption: str
    png: bytes
    width_fraction: float = 1.0
    """Share of the page's width to show it on."""


def planes_picture(scene: Scene, focus: Region) -> Picture:
    """Axial, coronal and sagittal planes through the middle of `focus`, fused with dose."""
    slices = _index_of(scene, focus)
    n, r, c = scene.grid.shape
    height = WIDTH_IN * max(n, r) / (2 * c + r) + 0.8  # planes side by side, titles, legend
    figure = MplFigure(figsize=(WIDTH_IN, height), dpi=DPI, layout="constrained", facecolor="white")
    places = figure.add_gridspec(1, 3, width_ratios=(c, c, r))  # one scale in mm for all three
    drawn = []
    for axis, name in enumerate(("Axial", "Coronal", "Sagittal")):
        axes = figure.add_subplot(places[0, axis])
        _draw_plane(axes, scene, axis, slices[axis])
        axes.set_title(f"{name}, {_plane_label(scene, axis, slices[axis])}", fontsize=11)
        drawn.append(axes)
    _add_colour_bar(figure, scene, ax=drawn, fraction=0.03, pad=0.01, aspect=30)
    _add_legends(figure, scene)
    caption = (
        f"Absorbed dose (colour and isodose lines, Gy) on the {scene.background_name}, through the "
        f"centre of {focus.name}. The patient's right is on the left of axial and coronal planes."
    )
    return Picture("planes", f"Dose through {focus.name}", caption, png_bytes(figure))


def tumour_tiles(scene: Scene, tumours: Sequence[Region], part: int, parts: int) -> Picture:
    """One axial cut-out through the centre of each tumour."""
    rows = math.ceil(len(tumours) / TILE_COLUMNS)
    columns = min(TILE_COLUMNS, max(TILE_COLUMNS_LEAST, len(tumours)))
    width, height = TILE_IN * columns + BAR_IN, (TILE_IN + TITLE_IN) * rows + LEGEND_IN
    figure = MplFigure(figsize=(width, height), dpi=DPI, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))  # one for all: each takes as long as its tile
    for position, tumour in enumerate(tumours):
        row, column = divmod(position, TILE_COLUMNS)
        left, top = column * TILE_IN, (row + 1) * (TILE_IN + TITLE_IN) - TILE_IN
        _draw_tile(axes, scene, tumour, left, top)
    axes.set(xlim=(0.0, width), ylim=(height, 0.0), aspect="auto")
    bar = (TILE_IN * columns, LEGEND_IN, BAR_WIDE_IN, height - LEGEND_IN - TITLE_IN)
    place = [inches / whole for inches, whole in zip(bar, (width, height) * 2, strict=True)]
    _add_colour_bar(figure, scene, cax=figure.add_axes((place[0], place[1], place[2], place[3])))
    _add_legends(figure, scene, with_regions=False, columns=columns + 1)
    several = f" ({part} of {parts})" if parts > 1 else ""
    caption = (
        f"Axial cut-outs, {2 * TILE_HALF_MM:.0f} mm wide, through the centre of each tumour, "
        "outlined in white, with the volume of the whole outline, necrosis included."
    )
    name, title = f"tumours-{part}", f"Each tumour{several}"
    return Picture(name, title, caption, png_bytes(figure), width / WIDTH_IN)


def _draw_tile(axes: Any, scene: Scene, tumour: Region, left: float, top: float) -> None:
    """A cut-out and its title, on axes in inches that go down from the upper left corner."""
    side = TILE_IN - GAP_IN
    index = _index_of(scene, tumour)
    half = TILE_HALF_MM / scene.grid.spacing_mm[2]
    scale = side / (2 * half)
    place = Affine2D().translate(half - index[2], half - index[1]).scale(scale)
    place = place.translate(left, top) + axes.transData
    seen = Rectangle((left, top), side, side, transform=axes.transData)
    window = _around(scene, index, half)
    for artist in _draw_plane(axes, scene, 0, index[0], window, line_width=1.0, transform=place):
        artist.set_clip_path(seen)
    title = f"{_plain(tumour.name)}\n{_size(scene, tumour)}"
    axes.text(left + side / 2, top - GAP_IN, title, fontsize=9.5, ha="center", va="bottom")


def dvh_picture(curves: Sequence[tuple[str, str, Dvh]]) -> Picture:
    """Cumulative dose-volume histograms; `curves` holds (name, role, Dvh)."""
    figure = MplFigure(figsize=(WIDTH_IN, 4.2), dpi=DPI, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    palette = ("#d00000", "#1d4ed8", "#15803d", "#7c3aed", "#b45309", "#0e7490", "#be185d")
    thin = 0
    for name, role, curve in curves:
        dose_gy, fraction = curve.cumulative()
        dose_gy, fraction = np.append(dose_gy, curve.maximum_gy), np.append(fraction, 0.0)
        if role == SINGLE_TUMOUR:
            label = None if thin else "single tumours"
            thin += 1
            axes.plot(dose_gy, 100 * fraction, color="#d00000", lw=0.6, alpha=0.35, label=label)
        else:
            number = sum(line.get_linewidth() > 1 for line in axes.lines)
            axes.plot(
                dose_gy,
                100 * fraction,
                color=palette[number % len(palette)],
                lw=2,
                ls=STYLES[number % len(STYLES)],
                label=_plain(name),
            )
    axes.set(xlabel="Absorbed dose (Gy)", ylabel="Volume receiving at least this dose (%)")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 102)
    axes.grid(color="#e5e7eb")
    axes.legend(frameon=False, fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    caption = "Cumulative dose-volume histograms of the whole voxels that stand for each region."
    return Picture("dvh", "Dose-volume histograms", caption, png_bytes(figure))


def _draw_plane(
    axes: Any,
    scene: Scene,
    axis: int,
    index: int,
    window: Window | None = None,
    *,
    line_width: float = 1.2,
    transform: Transform | None = None,
) -> list[Artist]:
    """A plane, or the rows and columns of it in a window; x and y are voxels of the plane.

    `transform`: from those to the figure, where the axes count something else.
    """
    low, high = scene.background_range
    picture = _cut(scene.background, axis, index)
    dose = _cut(scene.dose_gy, axis, index)
    rows, columns = window or (slice(0, picture.shape[0]), slice(0, picture.shape[1]))
    picture, dose = picture[rows, columns], dose[rows, columns]
    levels = [level for level in scene.levels_gy if dose.min() < level < dose.max()]
    place = {
        "extent": (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5),
        "interpolation": "bilinear",
        "transform": transform or axes.transData,
    }
    drawn = [axes.imshow(picture, cmap="gray", vmin=low, vmax=high, **place)]
    drawn.append(axes.imshow(dose, cmap=_wash(), vmin=0, vmax=_top_gy(scene), **place))
    if levels:
        colours = [_level_colour(scene, level) for level in levels]
        x, y = np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop)
        look = {"colors": colours, "linewidths": line_width, "transform": place["transform"]}
        drawn.append(axes.contour(x, y, dose, levels=levels, **look))
    drawn += draw_outlines(
        axes, scene.regions, ROLE_COLOURS, axis, index, (rows, columns), 0.9 * line_width, transform
    )
    axes.set_axis_off()
    return drawn


def _around(scene: Scene, index: tuple[int, int, int], half: float) -> Window:
    """Rows and columns of an axial cut-out, and a little more on every side."""
    reach = math.ceil(half) + BEYOND
    sides = zip(index[1:], scene.grid.shape[1:], strict=True)
    rows, columns = (slice(max(0, i - reach), min(n, i + reach + 1)) for i, n in sides)
    return rows, columns


def _cut(values: npt.NDArray[np.float32], axis: int, index: int) -> npt.NDArray[np.float32]:
    """A plane of the array, with the head up in coronal and sagittal planes."""
    plane: npt.NDArray[np.float32] = np.take(values, index, axis=axis)
    return plane if axis == 0 else plane[::-1]


def _wash() -> ListedColormap:
    """Dose colours that fade to nothing where there is no dose."""
    from matplotlib import colormaps

    colours = colormaps["inferno"](np.linspace(0.15, 1.0, 256))
    colours[:, 3] = np.clip(np.linspace(0.0, 1.6, 256), 0.0, 0.55)
    return ListedColormap(colours)


def _top_gy(scene: Scene) -> float:
    """Dose of the brightest colour."""
    return TOP_OF_COLOURS * (float(scene.dose_gy.max()) or 1.0)


def _add_colour_bar(figure: MplFigure, scene: Scene, **place: Any) -> None:
    """The scale of the dose colours, on the gray that they lie on in the pictures."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(0.0, _top_gy(scene)), _wash())
    bar = figure.colorbar(scale, extend="max", **place)
    bar.set_label("Absorbed dose (Gy)", fontsize=10)
    bar.ax.tick_params(labelsize=10)
    bar.ax.set_facecolor("0.35")


def _level_colour(scene: Scene, level: float) -> str:
    return ISODOSE_COLOURS[scene.levels_gy.index(level) % len(ISODOSE_COLOURS)]


def _add_legends(
    figure: MplFigure, scene: Scene, with_regions: bool = True, columns: int = 6
) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patheffects import Normal, Stroke

    handles = [
        Line2D([], [], color=_level_colour(scene, level), label=f"{level:g} Gy")
        for level in scene.levels_gy
    ]
    if with_regions:
        solid = {"dash_offset": 0, "dash_list": None}
        roles = dict.fromkeys(r.role for r in scene.regions if r.role in ROLE_COLOURS)
        handles += [
            Line2D(
                [],
                [],
                ls="--",
                label=role,
                color=ROLE_COLOURS[role],
                path_effects=[
                    Stroke(linewidth=BACKING, foreground=BACKGROUND, dashes=solid),
                    Normal(),
                ],
            )
            for role in roles
        ]
    place = "outside lower center" if figure.get_layout_engine() else "lower center"
    figure.legend(handles=handles, loc=place, ncols=columns, fontsize=10, frameon=False)


def _index_of(scene: Scene, region: Region) -> tuple[int, int, int]:
    """Voxel of the scene at the centre of volume, clipped to the grid."""
    index = np.rint(scene.grid.to_index(region.centroid_mm)).astype(int)
    s, r, c = (int(v) for v in np.clip(index, 0, np.asarray(scene.grid.shape) - 1))
    return s, r, c


def _size(scene: Scene, tumour: Region) -> str:
    shown = scene.regions[tumour.name] if tumour.name in scene.regions else tumour.onto(scene.grid)
    if shown.is_empty:
        return "too small to show"
    volume = f"{tumour.volume_ml:.0f}" if tumour.volume_ml >= 10 else f"{tumour.volume_ml:.2g}"
    return f"{volume} mL"


def _plain(text: str) -> str:
    """A name for matplotlib, which would read what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def _plane_label(scene: Scene, axis: int, index: int) -> str:
    x, y, z = scene.grid.to_patient([index if a == axis else 0 for a in range(3)])
    return (f"z = {z:.0f} mm", f"y = {y:.0f} mm", f"x = {x:.0f} mm")[axis]


def png_bytes(figure: MplFigure) -> bytes:
    """The figure as a PNG file, painted once (`savefig` paints twice to lay it out)."""
    stream = io.BytesIO()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    imsave(
        stream,
        np.asarray(canvas.buffer_rgba()),
        format="png",
        dpi=figure.dpi,
        metadata={"Software": "opensirt"},
        pil_kwargs={"compress_type": RUN_LENGTHS},
    )
    return stream.getvalue()
