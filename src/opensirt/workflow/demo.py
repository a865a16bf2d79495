"""Digital patients on disk, and the whole job on one of them held against its truth."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from opensirt.io.archive import staged_directory
from opensirt.io.phantom_study import PhantomStudy, treated_at, write_phantom_study
from opensirt.phantoms import make_phantom, phantom_names, simulate_pet, simulate_spect
from opensirt.phantoms.imaging import default_pet, default_spect
from opensirt.physics.nuclides import nuclide
from opensirt.units import BQ_PER_GBQ, G_PER_KG
from opensirt.workflow.options import RunOptions
from opensirt.workflow.run import RunResult, run_study
from opensirt.workflow.study import Progress

__all__ = ["Comparison", "DemoResult", "phantom_names", "run_demo", "write_phantom"]

PATIENT = "liver-net"
DEMO_OPTIONS = RunOptions(product="resin-y90", model="partition", image="planning-activity")
SHOWN_TUMOURS = (1, 5, 15, 30)
"""Numbers of the lesions compared one by one; they are numbered from the largest."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity, as the digital patient was made and as the job found it."""

    quantity: str
    true: float
    recovered: float


@dataclass(frozen=True, slots=True, eq=False)
class DemoResult:
    """What the demo made and how it compares."""

    study: Path
    run: RunResult
    comparisons: tuple[Comparison, ...]
    seconds: float
    peak_memory_mb: float | None
    """None where the system does not say."""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "study": str(self.study),
            "paths": {name: str(path) for name, path in self.run.paths.items()},
            "comparisons": [asdict(item) for item in self.comparisons],
            "seconds": self.seconds,
            "peak_memory_mb": self.peak_memory_mb,
            "results": self.run.report.results,
        }


def write_phantom(
    name: str,
    to: str | Path,
    *,
    voxel_mm: float | None = None,
    seed: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write a digital patient as a DICOM study and as NIfTI, with ``truth.json``.

    The planning SPECT and the PET after an injection of 1 GBq are simulated with blur and noise.
    """
    step = progress or (lambda what, done: None)
    step("making the digital patient", 0.05)
    patient = make_phantom(name, voxel_mm=voxel_mm, seed=seed)
    scout, scan = default_spect(), default_pet()
    step("simulating SPECT and PET", 0.4)
    study = PhantomStudy(
        name=name,
        variant=f"{patient.ct.grid.spacing_mm} mm, seed {seed}",
        ct=patient.ct,
        spect=simulate_spect(patient.tracer, seed=seed),
        regions=patient.regions,
        truth=patient.truth,
        scout=(scout.injected_bq, scout.delay_s, scout.duration_s),
        pet=simulate_pet(
            patient.activity, injected_bq=BQ_PER_GBQ, injected=treated_at(), seed=seed
        ),
        treatment=(BQ_PER_GBQ, scan.delay_s, scan.duration_s),
        maps={"true_activity": patient.activity, "true_density": patient.density},
    )
    step("writing the study", 0.6)
    folder = write_phantom_study(Path(to), study, overwrite=overwrite)
    step("study written", 1.0)
    return {
        "name": name,
        "paths": {
            "dicom": str(folder / "dicom"),
            "nifti": str(folder / "nifti" / "case.toml"),
            "truth": str(folder / "truth.json"),
        },
        "truth": dict(patient.truth),
    }


def run_demo(
    to: str | Path,
    *,
    voxel_mm: float | None = None,
    seed: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> DemoResult:
    """Make the digital NET patient, plan it from its DICOM, compare with what is true.

    Writes ``study/`` and ``plan/`` into `to`, both or none.
    """
    start = time.perf_counter()
    step = progress or (lambda what, done: None)
    with staged_directory(Path(to), overwrite=overwrite) as folder:
        made = write_phantom(
            PATIENT,
            folder / "study",
            voxel_mm=voxel_mm,
            seed=seed,
            progress=lambda what, done: step(what, 0.35 * done),
        )
        run = run_study(
            folder / "study" / "dicom",
            DEMO_OPTIONS,
            to=folder / "plan",
            progress=lambda what, done: step(what, 0.35 + 0.65 * done),
        )
    paths = {name: Path(to) / path.relative_to(folder) for name, path in run.paths.items()}
    return DemoResult(
        study=Path(to) / "study",
        run=replace(run, paths=paths),
        comparisons=tuple(_compare(made["truth"], run)),
        seconds=time.perf_counter() - start,
        peak_memory_mb=_peak_memory_mb(),
    )


def _compare(truth: Mapping[str, Any], run: RunResult) -> list[Comparison]:
    plan = run.plan
    regions = {row["name"]: row for row in truth["regions"]}
    found = {dose.name: dose for dose in run.report.doses}
    gray_g = plan.delivered_activity_bq / BQ_PER_GBQ * _constant(plan.nuclide) * G_PER_KG
    normal, lungs = regions["Normal liver"], regions["Lungs"]

    def true_dose(activity_fraction: float, mass_g: float) -> float:
        return gray_g * activity_fraction / mass_g

    viable_ml = sum(t["viable_volume_ml"] for t in truth["tumours"])
    found_ml = sum(dose.volume_ml for dose in run.report.doses if dose.role == "tumour")
    rows = [
        Comparison("lung shunt fraction", truth["lung_shunt_fraction"], plan.lung.shunt_fraction),
        Comparison("lung mass (g)", lungs["mass_g"], plan.lung.mass_g),
        Comparison(
            "liver volume (mL)", regions["Liver"]["volume_ml"], found["whole liver"].volume_ml
        ),
        Comparison("viable tumour volume (mL)", viable_ml, found_ml),
        Comparison(
            "tumour-to-normal ratio",
            truth["tumour_to_normal"]["viable_by_volume"],
            plan.tumour_to_normal or 0.0,
        ),
        Comparison(
            "lung dose (Gy)",
            true_dose(truth["lung_shunt_fraction"], lungs["mass_g"]),
            plan.lung.dose_gy,
        ),
        Comparison(
            "normal liver dose (Gy)",
            true_dose(normal["activity_fraction"], normal["mass_g"]),
            found["whole normal liver"].mean_dose_gy,
        ),
    ]
    for number in SHOWN_TUMOURS:
        row = truth["tumours"][number - 1]
        name = row["name"]
        if name in found:
            label = f"{name} dose, {row['diameter_mm']:.0f} mm (Gy)"
            true = true_dose(row["activity_fraction"], row["viable_mass_g"])
            rows.append(Comparison(label, true, found[name].mean_dose_gy))
    return rows


def _constant(name: str) -> float:
    return nuclide(name).dose_constant_gy_kg_per_gbq


def _peak_memory_mb() -> float | None:
    """Highest resident memory of this process so far, MB; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
