"""`opensirt doctor`: what this installation can do."""

from __future__ import annotations

import platform
import shutil
from typing import Any

import typer

from opensirt.cli.console import JSON_OPTION, emit, progress, table

__all__ = ["doctor"]


def doctor(
    warm: bool = typer.Option(
        False, "--warm", help="Make the machine code of every engine now, not in the first job."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Versions, processor, GPU, and whether kernels compile."""
    from opensirt.backend import compiled_kernels, gpu_status, thread_count
    from opensirt.dose.engine import dose_engines
    from opensirt.plan.model import planning_models
    from opensirt.provenance import package_versions

    kernels, gpu = compiled_kernels(), gpu_status()
    result: dict[str, Any] = {
        "versions": package_versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": thread_count(),
        "compiled_kernels": kernels,
        "gpu": gpu,
        "dose_engines": dose_engines.names(),
        "planning_models": planning_models.names(),
        "dicom_validator": shutil.which("dciodvfy") is not None,
    }

    if warm and kernels["works"]:
        from opensirt.workflow import make_machine_code

        with progress() as step:
            compiled, seconds = make_machine_code(step)
        result["warm"] = {"compiled": compiled, "seconds": round(seconds, 1)}

    def show() -> None:
        rows = [[name, version] for name, version in package_versions().items()]
        rows += [
            ["system", f"{result['system']}, {result['threads']} threads"],
            ["compiled kernels", "yes" if kernels["works"] else f"no: {kernels['error']}"],
            ["GPU", gpu["device"] if gpu["available"] else f"{gpu['mode']} ({gpu['reason']})"],
            ["dose engines", ", ".join(dose_engines.names())],
            ["planning models", ", ".join(planning_models.names())],
        ]
        if "warm" in result:
            made = result["warm"]
            rows.append(["machine code", f"{made['compiled']} made in {made['seconds']} s"])
        table("opensirt on this machine", ["what", "found"], rows)

    emit(result, as_json, show)
    if not kernels["works"]:
        raise typer.Exit(2)
