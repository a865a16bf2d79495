"""The commands that are killed, each on the smallest case, and its physics remembered.

Everything that a command reads and writes is done each time. What it computes in between, which is
most of its time and touches no file of its home, comes from the first run.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

__all__ = ["COMMANDS", "Command", "Memory", "prepare_process"]

COARSE_MM = 25.0
LIBRARIES = (
    "highdicom", "matplotlib.pyplot", "opensirt.cli.app", "opensirt.workflow", "rich.progress",
    "typer._adapters", "typst",
)  # fmt: skip
"""Imported once, before the first fork."""
COMPUTED = {
    "opensirt.workflow.run": ("_dose", "check_engines", "build_report"),
    "opensirt.workflow.results": ("render_html", "render_pdf"),
    "opensirt.io.dicom_results": (
        "build_activity_map", "build_measurement_report", "build_rt_structures",
        "build_segmentation",
    ),
    "opensirt.workflow.demo": ("make_phantom", "simulate_spect", "simulate_pet"),
    "opensirt.workflow.dosing": ("calculate",),
}  # fmt: skip
"""Functions, where they are called, whose result holds for every run of one command."""


@dataclass(frozen=True, slots=True)
class Command:
    """Words of a command line after `opensirt`, from the folder it is called in."""

    words: tuple[str, ...]
    out: str
    """The folder or file it is asked for."""
    beside: tuple[str, ...] = ()
    """Further files it writes."""
    overwrite: tuple[str, ...] = ()
    """Words that let it replace results."""
    inputs: Callable[[Path], None] = lambda home: None
    """Writes what it reads."""

    def job(self, home: Path, again: bool, said: Path) -> Callable[[], None]:
        """Runs it in `home`; what it prints goes to a file."""

        def run() -> None:
            from opensirt.cli.app import main

            os.chdir(home)
            output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            sys.argv = ["opensirt", *self.words, *(self.overwrite if again else ())]
            main()

        return run


def _study(home: Path) -> None:
    from tests import cases
    from tests.case_files import write_small_case

    grid = cases.grid((16.0, 16.0, 16.0))
    regions = cases.outlines(grid)
    case = replace(cases.small_case(), images=cases.images(regions), regions=regions)
    write_small_case(home / "study", case)


def _maps(home: Path) -> None:
    import numpy as np

    from opensirt.units import Unit
    from tests.case_files import write_map

    (home / "study").mkdir()
    activity = np.zeros((8, 8, 8), np.float32)
    activity[3:5, 3:5, 3:5] = 1e6
    write_map(home / "study" / "activity.nii.gz", activity, unit=Unit.BQ_PER_ML)
    write_map(home / "study" / "density.nii.gz", np.ones_like(activity))


_MAPS = ("--activity", "study/activity.nii.gz", "--density", "study/density.nii.gz")
_RUN = ("run", "study/case.toml", "--out", "out")
_ONE_DOSE = ("dose", *_MAPS, "--nuclide", "y90", "--out", "dose.nii.gz")
COMMANDS = {
    "run": Command(
        (*_RUN, "--product", "resin-y90", "--model", "partition", "--engine", "local"),
        "out",
        overwrite=("--overwrite",),
        inputs=_study,
    ),
    "demo": Command(("demo", "--voxel-mm", str(COARSE_MM), "--out", "out"), "out"),
    "dose": Command((*_ONE_DOSE, "--engine", "local"), "dose.nii.gz", inputs=_maps),
    "dose-monte-carlo": Command(
        (*_ONE_DOSE, "--engine", "monte-carlo", "--histories", "1000", "--threads", "1"),
        "dose.nii.gz",
        ("dose-relative-error.nii.gz",),
        inputs=_maps,
    ),
}


def prepare_process() -> None:
    """Import everything, make the demo's patient coarse, and see that no thread was started.

    Raises
    ------
    RuntimeError
        With threads about; a fork would lack them.
    """
    for name in LIBRARIES:
        importlib.import_module(name)
    _make_demo_coarse()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"expected a process with one thread, found {threads}")


def _make_demo_coarse() -> None:
    """Two lesions instead of forty, and few slices in each image."""
    from opensirt.phantoms import imaging, liver_net
    from opensirt.workflow import demo

    mix = liver_net._mix
    coarse: dict[str, Any] = {"voxel_mm": COARSE_MM, "matrix": 16}
    spect = replace(imaging.default_spect(), **coarse)
    pet = replace(imaging.default_pet(), **coarse)
    liver_net._mix = lambda table: replace(mix(table), count=2)
    demo.SHOWN_TUMOURS = (1,)
    demo.simulate_spect = partial(imaging.simulate_spect, settings=spect)
    demo.simulate_pet = partial(imaging.simulate_pet, settings=pet)


class Memory:
    """Results of `COMPUTED`, in the order of their calls: kept by one job, given to the others."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def kept(self, job: Callable[[], Any]) -> Callable[[], None]:
        """A job that computes and leaves what it computed."""
        results: list[bytes] = []

        def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
            def computed(*args: Any, **more: Any) -> Any:
                result = function(*args, **more)
                results.append(pickle.dumps(result))
                return result

            return computed

        def run() -> None:
            try:
                self._with(wrapped, job)
            finally:
                self.file.write_bytes(pickle.dumps(results))

        return run

    def used(self, job: Callable[[], Any]) -> Callable[[], None]:
        """A job that takes what was computed before."""
        results: Sequence[bytes] = pickle.loads(self.file.read_bytes())
        given = iter(results)

        def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **more: pickle.loads(next(given))

        return lambda: self._with(wrapped, job)

    def _with(self, wrapped: Callable[..., Any], job: Callable[[], Any]) -> None:
        with ExitStack() as stack:
            for module, names in COMPUTED.items():
                for name in names:
                    real = getattr(importlib.import_module(module), name)
                    stack.enter_context(mock.patch(f"{module}.{name}", wrapped(real)))
            job()
