"""Time and memory of `run_study`, the whole job, by the size of the CT and the number of regions.

    python bench/run_size.py [--only NUMBER] [--form nifti|dicom] [--out bench/results]

A study with CT, SPECT and label maps (or, with --form dicom, series and a structure set): liver of
1.7 L, two lungs, and as many lesions, spheres of 10 to 20 mm in the liver that touch or lie apart,
as make the number of regions. Study and run have a process of their own each; the time is that of
the call, imports left out, and memory is the peak resident size of the process, imports included.
The sizes are those that have a goal; --only takes one of them, from 0, and --shape and --regions
make another.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from convolution import processor, resident_mib

from opensirt.backend import thread_count
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.io.phantom_study import PhantomStudy, write_phantom_study
from opensirt.phantoms.imaging import blurred_onto
from opensirt.units import BQ_PER_MBQ, Unit
from opensirt.workflow.options import RunOptions
from opensirt.workflow.run import run_study


@dataclass(frozen=True)
class Size:
    """Grids (slice, row, column; mm), regions, and the goal on two cores: seconds and GB."""

    ct: tuple[int, int, int]
    ct_mm: tuple[float, float, float]
    spect: tuple[int, int, int]
    spect_mm: float
    regions: int
    goal_seconds: float = 0.0
    goal_gb: float = 0.0

    @property
    def name(self) -> str:
        """Columns, rows, slices and regions."""
        return " x ".join(str(n) for n in reversed(self.ct)) + f", {self.regions} regions"


CLINICAL = ((300, 512, 512), (1.5, 0.8, 0.8), (100, 128, 128), 4.0)
CUBE = ((128, 128, 128), (3.0, 3.0, 3.0), (128, 128, 128), 3.0)
SIZES = (Size(*CUBE, 200, 20, 0), Size(*CLINICAL, 40, 25, 2), Size(*CLINICAL, 200, 40, 3))
LIVER_MM = (-80.0, 0.0, -30.0), (62.0, 70.0, 93.5)
"""Centre (slice, row, column) and semi-axes: 1.70 L."""
LUNGS_MM = tuple(((82.0, 0.0, side), (90.0, 72.0, 52.0)) for side in (-70.0, 70.0))
BODY_MM = (118.0, 165.0)
RADII_MM = (5.0, 10.0)
ORGANS = 3
"""Liver and two lungs; the other regions are lesions."""
TUMOUR_TO_NORMAL, SHUNT = 5.0, 0.05
FWHM_MM = 12.0
COUNTS = 5e7
SCOUT = (150 * BQ_PER_MBQ, 3600.0, 1200.0)

Floats = npt.NDArray[np.float32]
Point = tuple[float, float, float]


def centred(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    """An axial grid around the origin."""
    first = [-(n - 1) / 2 * s for n, s in zip(shape, spacing_mm, strict=True)]
    return Grid.regular(shape, spacing_mm, first[::-1])


def ellipsoid(grid: Grid, name: str, role: str, centre: Point, semi_axes: Point) -> Region:
    """The voxels of `grid` whose centres lie in an ellipsoid (slice, row, column; mm)."""
    box, lines = [], []
    for axis in range(3):
        place = grid.matrix[2 - axis, 3] + np.arange(grid.shape[axis]) * grid.spacing_mm[axis]
        part = ((place - centre[axis]) / semi_axes[axis]) ** 2
        used = np.flatnonzero(part <= 1.0)
        box.append(slice(int(used[0]), int(used[-1]) + 1))
        lines.append(part[box[-1]].astype(np.float32))
    inside = lines[0][:, None, None] + lines[1][:, None] + lines[2] <= 1.0
    return Region(name, role, grid, (box[0], box[1], box[2]), inside.astype(np.float32))


def spheres(number: int) -> list[tuple[Point, float]]:
    """Centres and radii (mm) of spheres inside the liver that do not overlap."""
    rng, placed = np.random.default_rng(7), []
    middle, axes = (np.asarray(part) for part in LIVER_MM)
    points, radii = np.zeros((0, 3)), np.zeros(0)
    for radius in sorted(rng.uniform(*RADII_MM, number), reverse=True):
        while True:
            point = middle + rng.uniform(-1, 1, 3) * (axes - radius)
            deep = (((point - middle) / (axes - radius)) ** 2).sum() < 1.0
            if deep and (np.linalg.norm(points - point, axis=1) >= radii + radius).all():
                break
        points, radii = np.vstack([points, point]), np.append(radii, radius)
        placed.append(((float(point[0]), float(point[1]), float(point[2])), float(radius)))
    return placed


def lesions(grid: Grid, number: int) -> list[Region]:
    """Lesions; a voxel that two touching spheres share belongs to the first."""
    taken = np.zeros(grid.shape, dtype=np.bool_)
    found = []
    for index, (centre, radius) in enumerate(spheres(number), start=1):
        region = ellipsoid(grid, f"Tumour {index}", "tumour", centre, (radius,) * 3)
        left = np.where(taken[region.box], np.float32(0), region.fractions)
        taken[region.box] |= region.fractions > 0
        found.append(Region(region.name, region.role, grid, region.box, left).trimmed())
    return found


def write_study(size: Size, form: str, folder: Path) -> None:
    """The study of one size in `folder`."""
    grid = centred(size.ct, size.ct_mm)
    liver = ellipsoid(grid, "Liver", "liver", *LIVER_MM)
    sides = ("lung-right", "lung-left")
    lungs = [ellipsoid(grid, s, s, *place) for s, place in zip(sides, LUNGS_MM, strict=True)]
    tumours = lesions(grid, size.regions - ORGANS)
    regions = Regions((liver, *lungs, *tumours))
    study = PhantomStudy(
        name="size",
        variant=size.name,
        ct=Volume(ct_values(grid, liver, lungs), grid, Unit.HU),
        spect=Volume(counts(size, grid, liver, lungs, tumours), spect_grid(size), Unit.COUNTS),
        regions=regions,
        truth={},
        scout=SCOUT,
    )
    write_phantom_study(folder, study, dicom=form == "dicom", nifti=form == "nifti")


def spect_grid(size: Size) -> Grid:
    """The grid of the SPECT."""
    return centred(size.spect, (size.spect_mm,) * 3)


def ct_values(grid: Grid, liver: Region, lungs: list[Region]) -> npt.NDArray[np.int16]:
    """HU with noise: air, body, lungs, liver."""
    rng = np.random.default_rng(1)
    values = np.full(grid.shape, -1000, dtype=np.int16)
    y = grid.matrix[1, 3] + np.arange(grid.shape[1]) * grid.spacing_mm[1]
    x = grid.matrix[0, 3] + np.arange(grid.shape[2]) * grid.spacing_mm[2]
    values[:, np.hypot(y[:, None] / BODY_MM[0], x / BODY_MM[1]) < 1.0] = 40
    for region, hu in ((lungs[0], -750), (lungs[1], -750), (liver, 60)):
        values[region.box][region.fractions > 0] = hu
    for plane in values:
        plane += rng.normal(0, 12, plane.shape).astype(np.int16)
    return values


def counts(
    size: Size, grid: Grid, liver: Region, lungs: list[Region], tumours: list[Region]
) -> Floats:
    """Blurred counts without noise on the grid of the SPECT."""
    uptake = np.zeros(grid.shape, dtype=np.float32)
    uptake[liver.box] = liver.fractions
    for tumour in tumours:
        uptake[tumour.box][tumour.fractions > 0] = TUMOUR_TO_NORMAL
    in_lungs = SHUNT / (1 - SHUNT) * float(uptake.sum(dtype=np.float64))
    in_lungs /= sum(float(lung.fractions.sum()) for lung in lungs)
    for lung in lungs:
        uptake[lung.box][lung.fractions > 0] = in_lungs
    seen = blurred_onto(Volume(uptake, grid, Unit.BQ_PER_ML), spect_grid(size), FWHM_MM)
    return np.rint(seen * (COUNTS / seen.sum())).astype(np.float32)


def run(folder: Path, form: str) -> dict[str, Any]:
    """Seconds of `run_study` and of its steps, and the peak resident size after each, MiB."""
    start = time.perf_counter()
    steps = [("reading files", 0.0, resident_mib("VmHWM"))]

    def step(what: str, done: float) -> None:
        if steps[-1][0] != what:
            steps.append((what, time.perf_counter() - start, resident_mib("VmHWM")))

    study = folder / "study" / ("nifti/case.toml" if form == "nifti" else "dicom")
    run_study(study, RunOptions("resin-y90", "partition"), to=folder / "out", progress=step)
    seconds, peak = time.perf_counter() - start, resident_mib("VmHWM")
    ends = [*(s[1:] for s in steps[1:]), (seconds, peak)]
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time(),
        "peak_mib": peak,
        "steps": [
            {"step": name, "seconds": end - began, "peak_mib": high}
            for (name, began, _), (end, high) in zip(steps, ends, strict=True)
        ],
        "regions_mib": (folder / "out" / "nifti" / "regions.seg.nrrd").stat().st_size / 2**20,
    }


def measure(size: Size, form: str) -> dict[str, Any]:
    """One size: the study and the run, each in a process of its own."""
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--folder", folder, "--form", form]
        command += ["--shape", *map(str, reversed(size.ct)), "--regions", str(size.regions)]
        subprocess.run([*command, "--part", "study"], check=True)
        done = subprocess.run([*command, "--part", "run"], capture_output=True, text=True)
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[-1], "other_load": load}
        return {**json.loads(done.stdout), "other_load": load}


def size_of(shape: list[int], regions: int) -> Size:
    """A size with a goal, or one of these columns, rows and slices over the same patient."""
    for size in SIZES:
        if (list(reversed(size.ct)), size.regions) == (shape, regions):
            return size
    columns, rows, slices = shape
    step = (CLINICAL[0][0] * CLINICAL[1][0] / slices, 409.6 / rows, 409.6 / columns)
    return Size((slices, rows, columns), step, *CLINICAL[2:], regions)


def as_markdown(found: dict[str, Any]) -> str:
    """The measurements as a page."""
    lines = [
        "# The whole job by size",
        "",
        f"`run_study` with voxel-convolution on {found['threads']} threads, {found['processor']};"
        f" study as {found['form']}. Memory is the peak resident size of the process, interpreter"
        " and libraries included (1 GB = 953.7 MiB).",
        "",
        "| CT and regions | seconds | goal | CPU seconds | peak MiB | goal | segmentation MiB"
        " | load before |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, run_ in found["sizes"].items():
        goal = found["goals"][name]
        goals = [f"{goal[0]:g}" if goal[0] else "", f"{goal[1] * 953.7:.0f}" if goal[1] else ""]
        if "failed" in run_:
            lines.append(f"| {name} | {run_['failed']} | {goals[0]} | | | {goals[1]} | | |")
            continue
        lines.append(
            f"| {name} | {run_['seconds']:.1f} | {goals[0]} | {run_['cpu_seconds']:.1f}"
            f" | {run_['peak_mib']:.0f} | {goals[1]} | {run_['regions_mib']:.2f}"
            f" | {run_['other_load']:g} |"
        )
    whole = {name: r for name, r in found["sizes"].items() if "steps" in r}
    lines += ["", "Seconds by step, and the peak until its end, MiB:", ""]
    lines += [f"| step | {' | '.join(whole)} |", "|---|" + "---|" * len(whole)]
    for index, first in enumerate(next(iter(whole.values()))["steps"] if whole else ()):
        cells = (
            f"{r['steps'][index]['seconds']:.1f}, {r['steps'][index]['peak_mib']:.0f}"
            for r in whole.values()
        )
        lines.append(f"| {first['step']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "Made by `python bench/run_size.py`."]) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="time and memory of the whole job by size")
    parser.add_argument("--only", type=int, choices=range(len(SIZES)))
    parser.add_argument("--shape", type=int, nargs=3, help="columns, rows, slices of the CT")
    parser.add_argument("--regions", type=int, default=40)
    parser.add_argument("--form", choices=("nifti", "dicom"), default="nifti")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--part", choices=("study", "run"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "study":
        size = size_of(options.shape, options.regions)
        write_study(size, options.form, options.folder / "study")
        return
    if options.part == "run":
        print(json.dumps(run(options.folder, options.form)))
        return
    sizes = SIZES if options.only is None else SIZES[options.only : options.only + 1]
    if options.shape:
        sizes = (size_of(options.shape, options.regions),)
    found = {
        "form": options.form,
        "threads": thread_count(),
        "processor": processor(),
        "goals": {size.name: (size.goal_seconds, size.goal_gb) for size in sizes},
        "sizes": {},
    }
    for size in sizes:
        found["sizes"][size.name] = measure(size, options.form)
        print(size.name, json.dumps(found["sizes"][size.name]), file=sys.stderr, flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    name = "run_size" if options.form == "nifti" else f"run_size_{options.form}"
    (options.out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.out / f"{name}.md").write_text(as_markdown(found))


if __name__ == "__main__":
    main()
