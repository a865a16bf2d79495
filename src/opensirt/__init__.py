"""opensirt: planning and dosimetry of selective internal radiation therapy.

The seven verbs of the job are loaded on first use, so that ``import opensirt`` stays quick::

    import opensirt as sirt

    case = sirt.prepare_case(sirt.read_case("study/"))
    activity = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, activity, model="partition", product="resin-y90")
    dose = sirt.compute_dose(case, plan.scale(activity), engine="voxel-convolution")
    report = sirt.build_report(case, plan, dose)
    sirt.write_results(case, plan, dose, report, to="out/")

``sirt.region_doses(case, dose)`` and ``sirt.histograms(case, dose)`` give figures without a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensirt._version import __version__

__all__ = [
    "__version__",
    "build_report",
    "compute_dose",
    "histograms",
    "make_plan",
    "prepare_case",
    "quantify_activity",
    "read_case",
    "region_doses",
    "write_results",
]

if TYPE_CHECKING:
    from opensirt.workflow import (
        build_report,
        compute_dose,
        histograms,
        make_plan,
        prepare_case,
        quantify_activity,
        read_case,
        region_doses,
        write_results,
    )


def __getattr__(name: str) -> Any:
    if name in __all__:
        from opensirt import workflow

        return getattr(workflow, name)
    raise AttributeError(f"module 'opensirt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
