"""What a newcomer would overlook is refused or said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import opensirt as sirt
from opensirt.asking import speaking_to
from opensirt.case import Treatment
from opensirt.errors import CaseError, InputError
from opensirt.findings import AcceptedStop
from opensirt.image import Region, Regions
from opensirt.workflow import RunOptions, kernel_to_file, run_study
from opensirt.workflow.setting import make_setting
from tests.case_files import write_small_case
from tests.cases import small_case


def with_lungs(*roles: str):
    """The small case with a lung on one side, or on both."""
    case = small_case()
    lungs = case.regions["lungs"]
    whole = lungs.whole()
    side = np.arange(whole.shape[2]) < whole.shape[2] // 2
    parts = {"lung-right": whole * side, "lung-left": whole * ~side, "lungs": whole * side}
    found = [Region.from_mask(f"Lunge {r}", r, parts[r], lungs.grid) for r in roles]
    kept = [region for region in case.regions if region.role != "lungs"]
    return sirt.prepare_case(replace(case, regions=Regions((*kept, *found))))


def test_one_lung_of_two_is_not_measured_for_both() -> None:
    with pytest.raises(CaseError, match=r"one of the two lungs .* 'Lunge lung-right' \(lung-right"):
        make_setting(with_lungs("lung-right"))
    with speaking_to("command line"), pytest.raises(CaseError) as refused:
        make_setting(with_lungs("lung-left"))
    assert str(refused.value).endswith(
        "; outline the other, give --lung-shunt and --lung-mass-g, or, where the patient has but "
        "one, give --role 'Lunge lung-left=lungs'"
    )
    both = make_setting(with_lungs("lung-right", "lung-left")).lung.shunt_fraction
    assert both == pytest.approx(make_setting(sirt.prepare_case(small_case())).lung.shunt_fraction)
    assert make_setting(with_lungs("lungs")).lung.shunt_fraction < 0.7 * both
    case = with_lungs("lung-left")
    decided = frozenset(("lung_shunt_fraction", "lung_mass_g"))
    given = replace(case, assumptions=replace(case.assumptions, decided=decided))
    assert make_setting(given).lung.shunt_fraction == 0.05


def test_outlines_in_the_liver_without_a_role_are_named() -> None:
    case = small_case()
    other = case.regions["Tumour A"].named("L1", "other")
    outside = case.regions["lungs"].named("x", "other")
    regions = Regions((*(r for r in case.regions if r.name != "Tumour A"), other, outside))
    said = make_setting(sirt.prepare_case(replace(case, regions=regions))).findings
    (found,) = [finding for finding in said if finding.code == "regions-without-role"]
    assert found.severity == "warn"
    assert found.text.startswith("1 outline inside the liver without a role count as liver: 'L1'.")


def test_what_was_given_beside_a_plan_on_the_image_before_is_said(tmp_path: Path) -> None:
    given = Treatment("resin-y90", 1e9, datetime(2026, 1, 12, 9, tzinfo=UTC))
    options = RunOptions("resin-y90", "partition", engine="local", given=given)
    done = run_study(write_small_case(tmp_path / "study"), options, to=tmp_path / "out")
    assert "given-not-used" in [finding.code for finding in done.report.findings]


@pytest.mark.parametrize(
    "words", ["YOUR NAME: REASON", "Your Name: agreed by the board", "A B: reason"]
)
def test_a_stop_is_not_accepted_by_the_words_of_a_message(words: str) -> None:
    with pytest.raises(InputError, match="put your own name and why in place"):
        AcceptedStop.parse(words)


@pytest.mark.parametrize("density_g_ml", [260.0, 1e-6])
def test_a_kernel_of_no_matter_is_refused(tmp_path: Path, density_g_ml: float) -> None:
    with pytest.raises(InputError, match="density of a kernel must be from"):
        kernel_to_file(
            nuclide_name="y90", voxel_mm=(3.0, 3.0, 3.0), medium="lung", extent=None,
            density_g_ml=density_g_ml, engine="voxel-convolution", to=tmp_path / "k.npz",
        )  # fmt: skip
