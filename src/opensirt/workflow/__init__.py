"""The seven verbs of the job, and the job itself: the only place where files meet science."""

from opensirt.plan.inputs import ClinicalFacts
from opensirt.plan.plan import Prescription, prescription_from
from opensirt.workflow.demo import DemoResult, phantom_names, run_demo, write_phantom
from opensirt.workflow.dosing import MonteCarloOptions, dose_from_files
from opensirt.workflow.figures import histograms, region_doses
from opensirt.workflow.files import histograms_from_files
from opensirt.workflow.kernels import KernelStatistics, kernel_to_file
from opensirt.workflow.options import RunOptions
from opensirt.workflow.planning import compute_dose, make_plan, quantify_activity
from opensirt.workflow.results import build_report, write_results
from opensirt.workflow.run import RunResult, run_study
from opensirt.workflow.study import describe_case, prepare_case, read_case
from opensirt.workflow.warm import make_machine_code

__all__ = [
    "ClinicalFacts",
    "DemoResult",
    "KernelStatistics",
    "MonteCarloOptions",
    "Prescription",
    "RunOptions",
    "RunResult",
    "build_report",
    "compute_dose",
    "describe_case",
    "dose_from_files",
    "histograms",
    "histograms_from_files",
    "kernel_to_file",
    "make_machine_code",
    "make_plan",
    "phantom_names",
    "prepare_case",
    "prescription_from",
    "quantify_activity",
    "read_case",
    "region_doses",
    "run_demo",
    "run_study",
    "write_phantom",
    "write_results",
]
