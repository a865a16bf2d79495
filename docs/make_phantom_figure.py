"""Draw docs/img/liver-net.png: CT of the digital patient with its SPECT, PET and outlines.

Run: python docs/make_phantom_figure.py
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from PIL import Image

from opensirt.image import Region, Volume
from opensirt.phantoms import DigitalPatient, make_phantom, simulate_pet, simulate_spect

OUT = Path(__file__).parent / "img" / "liver-net.png"
WINDOW_HU = (-160, 240)
OUTLINES = {"liver": "#ffb347", "perfused": "#6fd3ff", "lungs": "#bfe3f0", "tumour": "#ffffff"}
Array = npt.NDArray[np.generic]


def plane_of(values: Array, axis: int, index: int) -> Array:
    """One plane as radiologists see it: patient's right on the left, head or front on top."""
    part = np.take(values, index, axis=axis)
    return part[::-1] if axis == 1 else part


def extent_of(volume: Volume, axis: int) -> tuple[float, float, float, float]:
    low = volume.grid.to_patient([-0.5] * 3)
    high = volume.grid.to_patient(np.asarray(volume.grid.shape) - 0.5)
    if axis == 1:
        return low[0], high[0], low[2], high[2]
    return low[0], high[0], high[1], low[1]


def outline(axes: Axes, region: Region, axis: int, index: int) -> None:
    plane = plane_of(region.whole(), axis, index)
    if plane.max() < 0.5:
        return
    left, right, bottom, top = extent_of(Volume(region.whole(), region.grid, None), axis)  # type: ignore[arg-type]
    rows, columns = plane.shape
    x = left + (np.arange(columns) + 0.5) / columns * (right - left)
    y = top + (np.arange(rows) + 0.5) / rows * (bottom - top)
    axes.contour(x, y, plane, [0.5], colors=OUTLINES[region.role], linewidths=0.8)


def draw(
    axes: Axes, patient: DigitalPatient, overlay: Volume | None, axis: int, place_mm: float
) -> None:
    """A coronal (axis 1) or axial (axis 0) plane, with an overlay or with outlines."""
    ct = patient.ct
    point = (0.0, place_mm, 0.0) if axis == 1 else (0.0, 0.0, place_mm)
    index = round(float(ct.grid.to_index(point)[axis]))
    axes.imshow(
        plane_of(ct.values, axis, index), cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1],
        extent=extent_of(ct, axis), interpolation="bilinear",
    )  # fmt: skip
    if overlay is None:
        for region in patient.regions:
            if region.role in OUTLINES:
                outline(axes, region, axis, index)
    else:
        other = round(float(overlay.grid.to_index(point)[axis]))
        plane = plane_of(overlay.values, axis, other).astype(float)
        top = float(np.percentile(overlay.values[overlay.values > 0.05 * overlay.values.max()], 99))
        axes.imshow(
            plane, cmap="inferno", vmin=0, vmax=top, extent=extent_of(overlay, axis),
            alpha=np.clip(plane / top * 2.2, 0, 0.75), interpolation="bilinear",
        )  # fmt: skip
    axes.set_xlim(-185, 185)
    axes.set_ylim((-124, 234) if axis == 1 else (128, -128))
    axes.set_axis_off()


def main() -> None:
    patient = make_phantom("liver-net")
    spect = simulate_spect(patient.tracer, seed=2)
    pet = simulate_pet(
        patient.activity, injected_bq=2e9, injected=datetime(2026, 1, 12, 9, tzinfo=UTC), seed=3
    )
    figure, grid = plt.subplots(
        2, 3, figsize=(9.6, 5.75), facecolor="black", height_ratios=(358, 256)
    )
    titles = ("CT, regions, 40 lesions", "Tc-99m-MAA SPECT on CT", "Y-90 PET on CT")
    for column, (title, overlay) in enumerate(zip(titles, (None, spect, pet), strict=True)):
        draw(grid[0, column], patient, overlay, 1, -20.0)
        draw(grid[1, column], patient, overlay, 0, 12.0)
        grid[0, column].set_title(title, color="white", fontsize=10)
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.95, wspace=0.02, hspace=0.02)
    OUT.parent.mkdir(exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=95, facecolor="black")
    Image.open(drawn).convert("RGB").quantize(256).save(OUT, optimize=True)
    print(f"{OUT} ({OUT.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main()
