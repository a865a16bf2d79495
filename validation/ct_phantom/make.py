"""Y-90 in a CT-like phantom: regional means and gamma of every engine against Monte Carlo.

``python validation/ct_phantom/make.py [--histories N] [--threads N] [--engines ...]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from validation.common import Estimate, Maps, Settings, estimate, mass_kg, options, run
from validation.ct_phantom.phantom import Phantom, build
from validation.report import COLOURS, LABELS, figure, plus_minus, settings_line, table, write

from opensirt.dose.gamma import GammaCriteria, gamma_index
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit

CRITERIA = (
    GammaCriteria(0.01, 1.0, 0.10),
    GammaCriteria(0.02, 2.0, 0.10),
    GammaCriteria(0.03, 3.0, 0.10),
)
SOFT_GOAL, OTHER_GOAL = 0.01, 0.02
"""Regional mean of fast against full: soft tissue; lung and bone; or two standard errors."""
STANDARD_ERRORS = 2.0


def dose_maps(phantom: Phantom, engines: tuple[str, ...], settings: Settings) -> dict[str, Maps]:
    """Maps by engine."""
    return {e: run(e, phantom.where, nuclide("y90"), settings) for e in engines}


def region_means(phantom: Phantom, maps: Maps) -> dict[str, Estimate]:
    """Energy over mass of each region, Gy."""
    kg = mass_kg(phantom.where)
    found = {}
    for name, mask in phantom.regions.items():
        weight = kg[mask] / kg[mask].sum()
        found[name] = estimate(maps, lambda gray, m=mask, w=weight: float(gray[m] @ w))
    return found


def is_soft(region: str) -> bool:
    """Whether the 1 % goal holds for a region, and not the 2 % of lung and bone."""
    return not region.startswith(("lung", "ribs"))


def misses(full: dict[str, Estimate], fast: dict[str, Estimate]) -> list[str]:
    """Regions where fast and full differ by more than the goal and two standard errors."""
    found = []
    for name, reference in full.items():
        ratio = fast[name].over(reference)
        goal = SOFT_GOAL if is_soft(name) else OTHER_GOAL
        if abs(ratio.value - 1.0) > max(goal, STANDARD_ERRORS * ratio.error):
            found.append(f"{name}: {plus_minus(ratio)}")
    return found


def region_lines(phantom: Phantom, means: dict[str, dict[str, Estimate]]) -> list[str]:
    """Means in Gy per GBq in the body of the first engine, and ratios of the others."""
    first = next(iter(means))
    gbq = phantom.where.activity.total() / 1e9
    body = []
    for name, mask in phantom.regions.items():
        base = means[first][name]
        volume = float(mask.sum()) * phantom.where.voxel_ml
        cells = [name, f"{volume:.2f}", plus_minus(Estimate(base.value / gbq, base.error / gbq), 3)]
        for engine in list(means)[1:]:
            cells.append(plus_minus(means[engine][name].over(base), 3))
        body.append(cells)
    header = ["region", "mL", f"{LABELS[first]}, Gy/GBq"]
    return table(header + [f"{LABELS[e]}, ratio" for e in list(means)[1:]], body)


def gamma_lines(phantom: Phantom, found: dict[str, Maps]) -> list[str]:
    """Share of voxels with gamma up to 1 against the fast mode's map."""
    if "fast" not in found:
        return ["Gamma needs the fast mode, which was not run."]
    grid = phantom.where.activity
    reference = grid.with_values(found["fast"].mean.astype(np.float32), Unit.GY)
    repeats = found["fast"].gray.shape[0]
    error = found["fast"].gray.std(axis=0, ddof=1, dtype=np.float64) / np.sqrt(repeats)
    body = []
    for engine, maps in found.items():
        if engine in ("fast", "full"):
            continue  # full: too few histories per voxel for a map
        dose = grid.with_values(maps.mean.astype(np.float32), Unit.GY)
        cells = [LABELS[engine]]
        for criteria in CRITERIA:
            passed = gamma_index(dose, reference, criteria, error).pass_fraction
            cells.append(f"{100 * passed:.1f} %")
        body.append(cells)
    level = float(error[reference.values > 0.5 * reference.values.max()].mean())
    share = level / float(reference.values.max())
    head = "## Gamma against the fast mode"
    note = (
        f"Standard error of the reference above half its maximum: {100 * share:.2f} % of the "
        "maximum; two standard errors widen the dose criterion."
    )
    return [head, "", note, "", *table(["engine", *(c.label for c in CRITERIA)], body)]


def draw(phantom: Phantom, found: dict[str, Maps], means: dict[str, dict[str, Estimate]]) -> None:
    """Left: coronal dose of the best map. Right: ratios of regional means."""
    best = "fast" if "fast" in found else next(iter(found))
    first = next(iter(means))
    with figure("ct_phantom") as (drawing, (left, right)):
        row = 60
        density = phantom.where.density.values[:, row, :]
        gray = found[best].mean[:, row, :] / (phantom.where.activity.total() / 1e9)
        extent = (-128, 128, -96, 96)
        left.imshow(density, cmap="gray", origin="lower", extent=extent, vmax=2.2)
        shown = np.ma.masked_less(gray, 0.01 * gray.max())
        image = left.imshow(shown, cmap="inferno", origin="lower", extent=extent, alpha=0.75)
        drawing.colorbar(image, ax=left, label="Gy/GBq", shrink=0.7)
        left.set(xlabel="x (mm)", ylabel="z (mm)", title=f"coronal section, {LABELS[best]}")
        names = list(phantom.regions)
        right.axvspan(0.99, 1.01, color="0.9")
        for engine in list(means)[1:]:
            ratios = [means[engine][n].over(means[first][n]) for n in names]
            x, error = [r.value for r in ratios], [r.error for r in ratios]
            style = {"color": COLOURS[engine], "fmt": "o", "label": LABELS[engine]}
            right.errorbar(x, range(len(names)), xerr=error, capsize=2, **style)
        right.set_yticks(range(len(names)), names)
        right.invert_yaxis()
        right.set(xlabel=f"regional mean over {LABELS[first]}", xlim=(0.4, 1.6))
        right.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2)


def main() -> None:
    """Table and figure."""
    settings, engines = options(__doc__, histories=400_000, fast_share=500)
    phantom = build()
    found = dose_maps(phantom, engines, settings)
    means = {engine: region_means(phantom, maps) for engine, maps in found.items()}
    parts = [[settings_line(settings)], region_lines(phantom, means)]
    if "full" in means and "fast" in means:
        missed = misses(means["full"], means["fast"])
        parts.append([f"- Fast over full beyond the goals: {'; '.join(missed) or 'nowhere'}."])
    parts.append(gamma_lines(phantom, found))
    write(__file__, "Y-90 in a CT-like phantom, 128 x 128 x 96 voxels of 2 mm", parts)
    draw(phantom, found, means)


if __name__ == "__main__":
    main()
