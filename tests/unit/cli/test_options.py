"""Each option of the command line reaches the field it names, and each number its own label."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opensirt import workflow
from opensirt.cli import study
from opensirt.cli.console import constant_from
from opensirt.cli.kernel import voxel_size_from
from opensirt.errors import InputError
from opensirt.physics.nuclides import nuclide
from opensirt.plan import activity as calculators
from tests.command_line import call, call_json, refusal

RUN = ("run", "study", "--product", "glass-y90", "--model", "mird")


class SeenError(InputError):
    """Raised in place of the work, once the options are known."""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `run` hands to the job, which is not done."""
    found: dict[str, Any] = {}

    def instead(where: Path, options: Any, **more: Any) -> None:
        found.update(more, options=options, study=where)
        raise SeenError("seen")

    monkeypatch.setattr(workflow, "run_study", instead)
    return found


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("--engine", "local"), "engine", "local"),
        (("--indication", "hcc"), "indication", "hcc"),
        (("--intent", "lobectomy"), "intent", "lobectomy"),
        (("--bilirubin-mg-dl", 1.3), "bilirubin_mg_dl", 1.3),
        (("--good-liver",), "compromised_liver", False),
        (("--compromised-liver",), "compromised_liver", True),
        (("--previous-lung-dose-gy", 7.5), "previous_lung_dose_gy", 7.5),
        (("--lung-shunt", 0.07), "lung_shunt_fraction", 0.07),
        (("--lung-mass-g", 912), "lung_mass_g", 912),
        (("--density-g-ml", 1.05), "density_g_ml", 1.05),
        (("--residual", 0.04), "residual_fraction", 0.04),
        (("--dose-constant", "49.67"), "dose_constant_gy_kg_per_gbq", 49.67),
        (("--dose-constant", "icrp107-betas"), "dose_constant_gy_kg_per_gbq", "icrp107-betas"),
        (("--height-cm", 181), "height_cm", 181),
        (("--weight-kg", 64), "weight_kg", 64),
        (("--bsa-formula", "mosteller"), "bsa_formula", "mosteller"),
        (("--image", "treatment-activity"), "image", "treatment-activity"),
        (("--assume-aligned",), "assume_aligned", True),
        (("--compare-engines",), "compare_engines", True),
        (("--vials", 3), "vials", 3),
        (("--hours-since-calibration", -24.5), "hours_since_calibration", -24.5),
        (("--activity-per-sphere", "reviews"), "activity_per_sphere", "reviews"),
        (("--activity-per-sphere", 55), "activity_per_sphere", 55.0),
        (("--identity", "keep"), "identity", "keep"),
        (("--choose", "ct=LIVER"), "choose", {"ct": "LIVER"}),
        (("--choose", "ct=a = b"), "choose", {"ct": "a = b"}),
        (("--role", "Lesion 3=tumour"), "roles", {"Lesion 3": "tumour"}),
    ],
)
def test_options_of_run_reach_their_field(
    seen: dict[str, Any], words: tuple[Any, ...], field: str, value: Any
) -> None:
    assert refusal(*RUN) == "seen"
    plain = seen["options"]
    assert refusal(*RUN, *words) == "seen"
    options = seen["options"]
    assert getattr(options, field) == value
    assert getattr(plain, field) != value
    others = set(type(options).__dataclass_fields__) - {field}
    assert {name for name in others if getattr(options, name) != getattr(plain, name)} == set()


@pytest.mark.parametrize(
    ("option", "kind", "value"),
    [
        ("--tumour-dose-gy", "tumour", 120.0),
        ("--perfused-dose-gy", "perfused", 110.0),
        ("--normal-dose-gy", "normal", 40.0),
        ("--activity-gbq", "activity", 2.5e9),
    ],
)
def test_a_prescription_is_for_what_its_option_names(
    seen: dict[str, Any], option: str, kind: str, value: float
) -> None:
    assert refusal(*RUN, option, 2.5 if kind == "activity" else value) == "seen"
    prescription = seen["options"].prescription
    assert prescription.kind.startswith(kind)
    assert prescription.value == pytest.approx(value)


def test_what_was_given_is_in_gbq_at_an_instant_with_its_zone(seen: dict[str, Any]) -> None:
    words = (*RUN, "--given-gbq", 1.4, "--injected")
    assert refusal(*words, "2025-01-10T12:00:00+02:00") == "seen"
    given = seen["options"].given
    assert given.activity_bq == pytest.approx(1.4e9)
    assert given.injected.isoformat() == "2025-01-10T12:00:00+02:00"
    for text in ("2025-01-10T12:00:00", "yesterday"):
        assert refusal(*words, text).startswith("--injected needs a time with zone")
    zone = ("--time-zone", "Europe/Berlin")
    assert refusal(*words, "2025-07-10T12:00", *zone) == "seen"
    assert seen["options"].given.injected.isoformat() == "2025-07-10T12:00:00+02:00"
    assert seen["options"].time_zone == "Europe/Berlin"
    assert "comes twice or not at all" in refusal(*words, "2025-10-26T02:30", *zone)
    assert "found one of them" in refusal(*RUN, "--given-gbq", 1.4)
    assert "must be above 0" in refusal(*RUN, "--given-gbq", 0, "--injected", "2025-01-10T12:00Z")


def test_bad_input_ends_with_two_and_nothing_on_stdout(seen: dict[str, Any]) -> None:
    outcome = call(*RUN)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (2, "", "opensirt: seen\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [("50", 50.0), ("4.938e1", 49.38), ("icrp107-all-electrons", "icrp107-all-electrons")],
)
def test_a_constant_is_a_number_where_it_reads_as_one(text: str, value: float | str) -> None:
    assert constant_from(text) == value
    assert isinstance(constant_from(text), type(value))


@pytest.mark.parametrize(("text", "sizes"), [("3", (3.0, 3.0, 3.0)), ("1.5,2,4", (1.5, 2.0, 4.0))])
def test_voxel_sizes_keep_their_order(text: str, sizes: tuple[float, float, float]) -> None:
    assert voxel_size_from(text) == sizes


def test_the_table_of_an_activity_tells_drawn_up_from_delivered() -> None:
    """120 Gy in 500 g without shunt at 50 Gy kg/GBq: 1.2 GBq delivered, of 1.5 drawn up."""
    said = call(
        "activity", "mird", "--product", "glass-y90", "--perfused-mass-g", 500, "--dose-gy", 120,
        "--lung-shunt", 0, "--dose-constant", 50, "--residual", 0.2,
    ).stdout  # fmt: skip
    rows = {line.split("│")[1].strip(): line.split("│")[2].strip()
            for line in said.splitlines() if line.count("│") == 3}  # fmt: skip
    assert rows["activity to draw up (GBq)"] == "1.500"
    assert rows["delivered activity (GBq)"] == "1.200"
    assert rows["perfused volume dose (Gy)"] == "120.0"


def test_bsa_takes_height_for_height_and_weight_for_weight() -> None:
    result = call_json(
        "activity", "bsa", "--product", "resin-y90", "--height-cm", 190, "--weight-kg", 55,
        "--tumour-volume-ml", 250, "--normal-volume-ml", 1750, "--lung-shunt", 0,
    )  # fmt: skip
    surface = 0.007184 * 190**0.725 * 55**0.425
    assert result["bsa_m2"] == pytest.approx(surface, rel=2e-4)
    assert result["activity_gbq"] == pytest.approx(surface - 0.2 + 250 / 2000, rel=1e-3)


def test_the_demo_says_how_far_found_is_from_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """16 found for 20 true is -20 %, not +25 %."""
    made = SimpleNamespace(
        run=None, study=Path("s"), seconds=1.0, peak_memory_mb=2.0, as_dict=dict,
        comparisons=[SimpleNamespace(quantity="dose", true=20.0, recovered=16.0)],
    )  # fmt: skip
    monkeypatch.setattr(workflow, "run_demo", lambda *args, **more: made)
    monkeypatch.setattr(study, "_show_run", lambda outcome: None)
    monkeypatch.setattr(study, "_end", lambda outcome: None)
    (row,) = [line for line in call("demo").stdout.splitlines() if "dose" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["dose", "20", "16", "-20.0%"]


def test_columns_of_the_histogram_table_hold_their_own_figure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    figures = {"mean_dose_gy": 1.0, "d98_gy": 2.0, "d95_gy": 3.0, "d70_gy": 4.0, "d50_gy": 5.0}
    row = {"name": "liver", "volume_ml": 7.0, "volume_with_dose_ml": 6.5, **figures, "d2_gy": 6.0}
    left = [{"what": "contours of 'artery'", "why": "climbs"}]
    monkeypatch.setattr(
        workflow,
        "histograms_from_files",
        lambda dose, regions: {"regions": [row], "left_out": left},
    )
    lines = call("dvh", "--dose", "d.nii", "--regions", "r.nii").stdout.splitlines()
    assert any("artery" in line and "climbs" in line for line in lines)
    head = next(line for line in lines if "region" in line)
    body = next(line for line in lines if "liver" in line)
    columns = [cell.strip() for cell in head.replace("┃", "│").strip("│").split("│")]
    cells = [cell.strip() for cell in body.strip("│").split("│")]
    assert dict(zip(columns, cells, strict=True)) == {
        "region": "liver", "mL": "7.00", "with dose": "6.50", "mean (Gy)": "1", "D98": "2",
        "D95": "3", "D70": "4", "D50": "5", "D2": "6",
    }  # fmt: skip


def test_product_model_study_and_folder_are_the_ones_named(seen: dict[str, Any]) -> None:
    assert refusal(*RUN, "--out", "there", "--overwrite") == "seen"
    options = seen["options"]
    assert (options.product, options.model) == ("glass-y90", "mird")
    assert (seen["study"], seen["to"], seen["overwrite"]) == (Path("study"), Path("there"), True)
    assert refusal(*RUN) == "seen"
    assert (seen["to"], seen["overwrite"]) == (Path("opensirt-out"), False)
    assert seen["options"].engine == "voxel-convolution"
    assert seen["options"].allow_stop is None
    assert refusal(*RUN, "--allow-stop", "Dr A. Example: agreed") == "seen"
    accepted = seen["options"].allow_stop
    assert (accepted.name, accepted.reason) == ("Dr A. Example", "agreed")


@pytest.mark.parametrize(
    ("words", "purpose", "lesion"),
    [((), None, None), (("--prescribe-for", "each"), "each", None),
     (("--index-lesion", "Tumour 3"), "index", "Tumour 3")],
)  # fmt: skip
def test_a_tumour_dose_is_for_what_was_said(
    seen: dict[str, Any], words: tuple[str, ...], purpose: str | None, lesion: str | None
) -> None:
    assert refusal(*RUN, "--tumour-dose-gy", 120, *words) == "seen"
    prescription = seen["options"].prescription
    assert (prescription.purpose, prescription.index_lesion) == (purpose, lesion)


CALCULATORS = {
    "mird": ("--perfused-mass-g", 500, "--dose-gy", 120),
    "partition": ("--tumour-mass-g", 100, "--tumour-to-normal", 5, "--normal-mass-g", 900,
                  "--normal-dose-gy", 40),
    "bsa": ("--height-cm", 170, "--weight-kg", 70, "--tumour-volume-ml", 300,
            "--normal-volume-ml", 1200),
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (("--lung-shunt", 0.07), "lung_shunt_fraction", 0.07),
        (("--lung-mass-g", 912), "lung_mass_g", 912),
        (("--residual", 0.04), "residual_fraction", 0.04),
        (("--dose-constant", "49.67"), "dose_constant_gy_kg_per_gbq", 49.67),
        (("--indication", "hcc"), "indication", "hcc"),
        (("--intent", "lobectomy"), "intent", "lobectomy"),
        (("--bilirubin-mg-dl", 1.3), "bilirubin_mg_dl", 1.3),
        (("--good-liver",), "compromised_liver", False),
        (("--compromised-liver",), "compromised_liver", True),
        (("--previous-lung-dose-gy", 7.5), "previous_lung_dose_gy", 7.5),
        (("--whole-normal-mass-g", 1300), "whole_normal_mass_g", 1300),
        (("--whole-liver-mass-g", 1600), "whole_liver_mass_g", 1600),
        (("--vials", 2), "vials", 2),
        (("--hours-since-calibration", 30), "hours_since_calibration", 30),
        (("--activity-per-sphere", "reviews"), "activity_per_sphere", "reviews"),
    ],
)
@pytest.mark.parametrize("model", CALCULATORS)
def test_options_of_each_calculator_reach_their_field(
    monkeypatch: pytest.MonkeyPatch, model: str, words: tuple[Any, ...], field: str, value: Any
) -> None:
    found: list[Any] = []

    def instead(*given: Any, **more: Any) -> None:
        found.append(given[-1])
        raise SeenError("seen")

    monkeypatch.setattr(calculators, f"activity_{model}", instead)
    said = ("activity", model, "--product", "resin-y90", *CALCULATORS[model])
    assert refusal(*said) == refusal(*said, *words) == "seen"
    plain, options = found
    assert getattr(options, field) == value
    assert getattr(plain, field) != value
    others = set(type(options).__dataclass_fields__) - {field}
    assert {name for name in others if getattr(options, name) != getattr(plain, name)} == set()


@pytest.mark.parametrize(
    ("words", "attribute", "value"),
    [(("--formula", "mosteller"), "formula", "mosteller"),
     (("--treated-fraction", 0.6), "treated_fraction", 0.6)],
)  # fmt: skip
def test_a_part_of_the_liver_and_a_formula_are_those_of_the_body(
    monkeypatch: pytest.MonkeyPatch, words: tuple[Any, ...], attribute: str, value: Any
) -> None:
    found: list[Any] = []

    def instead(product: str, body: Any, options: Any) -> None:
        found.append(body)
        raise SeenError("seen")

    monkeypatch.setattr(calculators, "activity_bsa", instead)
    said = ("activity", "bsa", "--product", "resin-y90", *CALCULATORS["bsa"])
    assert refusal(*said) == refusal(*said, *words) == "seen"
    plain, body = found
    assert getattr(body, attribute) == value
    assert (body.height_cm, body.weight_kg) == (plain.height_cm, plain.weight_kg) == (170, 70)
    assert (body.tumour_volume_ml, body.normal_volume_ml) == (300, 1200)


def test_the_mass_of_perfused_normal_liver_reaches_the_single_compartment() -> None:
    words = ("activity", "mird", "--product", "glass-y90", *CALCULATORS["mird"])
    assert call_json(*words)["normal"] == {"dose_gy": None}
    known = call_json(*words, "--normal-mass-g", 400, "--lung-shunt", 0)
    assert known["normal"]["dose_gy"] == pytest.approx(120)


def test_a_constant_by_name_is_that_of_the_nuclide() -> None:
    """Betas of Ho-166 alone give less per GBq than the constant of the maker."""
    words = (
        "activity",
        "mird",
        "--product",
        "ho166-plla",
        *CALCULATORS["mird"][:2],
        "--dose-gy",
        40,
    )
    plain = call_json(*words)["dose_constant_gy_kg_per_gbq"]
    named = call_json(*words, "--dose-constant", "icrp107-betas")["dose_constant_gy_kg_per_gbq"]
    ho166 = nuclide("ho166")
    by_hand = ho166.energies.beta_mev * 1.602176634e-4 * ho166.half_life_s / math.log(2)
    assert plain == pytest.approx(15.87)
    assert named == pytest.approx(by_hand, rel=1e-9)
    assert named < plain
