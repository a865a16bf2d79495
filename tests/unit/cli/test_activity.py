"""`opensirt activity`: keys of the JSON as published, numbers by hand, forms of the options."""

from __future__ import annotations

import pytest

from tests.command_line import call, call_json, refusal

KEYS = {
    "model", "product", "activity_gbq", "delivered_activity_gbq", "activity_mci", "lung", "tumours",
    "normal", "perfused", "whole_normal", "whole_liver", "indication", "intent", "spheres",
    "bsa_m2", "dose_constant_gy_kg_per_gbq", "findings",
}  # fmt: skip
CONTRACT = {
    "activity_gbq", "delivered_activity_gbq", "lung", "tumours", "normal", "bsa_m2",
    "dose_constant_gy_kg_per_gbq", "findings",
}  # fmt: skip
K = 50.0
MIRD = (
    "activity", "mird", "--product", "glass-y90", "--perfused-mass-g", 500, "--dose-constant", K
)  # fmt: skip
PARTITION = (
    "activity", "partition", "--product", "resin-y90", "--normal-mass-g", 1200,
    "--lung-shunt", 0.04, "--lung-mass-g", 900, "--residual", 0.02, "--dose-constant", K,
    "--indication", "mcrc", "--intent", "unilobar",
)  # fmt: skip
BSA = (
    "activity", "bsa", "--product", "resin-y90", "--height-cm", 170, "--weight-kg", 70,
    "--tumour-volume-ml", 300, "--normal-volume-ml", 1200,
)  # fmt: skip
TUMOURS = ("--tumour-mass-g", 100, 50, "--tumour-to-normal", 5, 3)
MANY = {
    "spread": TUMOURS,
    "commas": ("--tumour-mass-g", "100,50", "--tumour-to-normal", "5,3"),
    "repeated": (
        "--tumour-mass-g", 100, "--tumour-mass-g", 50,
        "--tumour-to-normal", 5, "--tumour-to-normal", 3,
    ),
    "equals": ("--tumour-mass-g=100,50", "--tumour-to-normal=5,3"),
}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [(*MIRD, "--dose-gy", 120), (*PARTITION, *TUMOURS, "--tumour-dose-gy", 100), BSA],
    ids=["mird", "partition", "bsa"],
)
def test_json_has_the_published_keys(words):
    result = call_json(*words)
    assert set(result) == KEYS
    assert CONTRACT <= KEYS
    assert set(result["lung"]) == {"dose_gy", "shunt_fraction", "mass_g"}
    assert set(result["normal"]) == {"dose_gy"}
    for finding in result["findings"]:
        assert set(finding) == {"severity", "code", "text", "source"}
        assert finding["severity"] in ("stop", "warn", "note")


def test_mird_by_hand():
    """A = D M / (K (1 - L) (1 - R)) = 120 x 0.5 / (50 x 0.9 x 0.95)."""
    result = call_json(
        *MIRD, "--dose-gy", 120, "--lung-shunt", 0.1, "--residual", 0.05, "--lung-mass-g", 800
    )
    delivered_gbq = 120 * 0.5 / (K * 0.9)
    assert result["delivered_activity_gbq"] == pytest.approx(delivered_gbq, rel=1e-9)
    assert result["activity_gbq"] == pytest.approx(delivered_gbq / 0.95, rel=1e-9)
    assert result["lung"]["dose_gy"] == pytest.approx(delivered_gbq * 0.1 * K / 0.8, rel=1e-9)
    assert result["perfused"]["dose_gy"] == pytest.approx(120, rel=1e-9)
    assert (result["tumours"], result["bsa_m2"]) == ([], None)


def test_mird_from_an_activity():
    result = call_json(*MIRD, "--activity-gbq", 2, "--lung-shunt", 0, "--residual", 0.25)
    assert result["activity_gbq"] == 2
    assert result["perfused"]["dose_gy"] == pytest.approx(K * 1.5 / 0.5)


@pytest.mark.parametrize("form", MANY)
def test_partition_by_hand_in_every_form_of_its_options(form):
    """For each tumour: the one with the lowest ratio decides, D_N = 100 / 3."""
    words = ("--tumour-dose-gy", 100, "--prescribe-for", "each")
    result = call_json(*PARTITION, *MANY[form], *words)
    normal_gy = 100 / 3
    delivered_gbq = normal_gy * (5 * 0.1 + 3 * 0.05 + 1.2) / (K * 0.96)
    assert result["delivered_activity_gbq"] == pytest.approx(delivered_gbq, rel=1e-9)
    assert result["activity_gbq"] == pytest.approx(delivered_gbq / 0.98, rel=1e-9)
    assert [t["dose_gy"] for t in result["tumours"]] == pytest.approx([5 * normal_gy, 100])
    assert [t["mass_g"] for t in result["tumours"]] == [100, 50]
    assert result["normal"]["dose_gy"] == pytest.approx(normal_gy)
    assert result["lung"]["dose_gy"] == pytest.approx(K * delivered_gbq * 0.04 / 0.9)
    assert result["lung"]["mass_g"] == 900


@pytest.mark.parametrize(
    ("words", "normal_gy", "code"),
    [
        (("--normal-dose-gy", 40), 40, 0),
        (("--activity-gbq", 2), 2 * 0.98 * K * 0.96 / (5 * 0.1 + 3 * 0.05 + 1.2), 3),
    ],
)
def test_partition_from_a_normal_dose_and_from_an_activity(words, normal_gy, code):
    """40 Gy keep the limit of 40 Gy, 50.9 Gy break it."""
    result = call_json(*PARTITION, *TUMOURS, *words, code=code)
    assert result["normal"]["dose_gy"] == pytest.approx(normal_gy)
    assert result["tumours"][0]["dose_gy"] == pytest.approx(5 * normal_gy)


@pytest.mark.parametrize(
    ("formula", "surface_m2"),
    [
        ("dubois", 0.007184 * 170**0.725 * 70**0.425),
        ("mosteller", (170 * 70 / 3600) ** 0.5),
    ],
)
def test_bsa_by_hand(formula, surface_m2):
    result = call_json(*BSA, "--formula", formula)
    assert result["bsa_m2"] == pytest.approx(surface_m2, rel=2e-4)
    assert result["activity_gbq"] == pytest.approx(surface_m2 - 0.2 + 300 / 1500, rel=2e-4)


def test_bsa_with_a_shunt_follows_the_maker():
    """12 % shunt: the maker cuts the activity by 20 %."""
    full, reduced = call_json(*BSA), call_json(*BSA, "--lung-shunt", 0.12)
    assert reduced["activity_gbq"] == pytest.approx(0.8 * full["activity_gbq"])


@pytest.mark.parametrize(
    ("words", "normal_gy"),
    [
        ((), 100 * 150 / 650),
        (("--prescribe-for", "mean"), 100 * 150 / 650),
        (("--prescribe-for", "index"), 20),
        (("--index-lesion", "tumour 2"), 100 / 3),
        (("--prescribe-for", "each"), 100 / 3),
    ],
)
def test_what_a_tumour_dose_is_for(words, normal_gy):
    """100 g at 5 and 50 g at 3 times normal liver: the mean by mass is 650 / 150."""
    result = call_json(*PARTITION, *TUMOURS, "--tumour-dose-gy", 100, *words)
    assert result["normal"]["dose_gy"] == pytest.approx(normal_gy)


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        ((*PARTITION, *TUMOURS, "--normal-dose-gy", 39), 0, None),
        ((*PARTITION, *TUMOURS, "--normal-dose-gy", 41), 3, "perfused-normal-dose-limit"),
        ((*MIRD, "--dose-gy", 120), 0, None),
        ((*MIRD, "--activity-gbq", 21), 3, "activity-beyond-vials"),
        ((*MIRD, "--activity-gbq", 21, "--vials", 2, "--perfused-mass-g", 1000), 0, None),
        ((*MIRD, "--activity-gbq", 7, "--lung-shunt", 0.1), 3, "lung-dose-limit"),
        (
            (*MIRD, "--dose-gy", 120, "--lung-shunt", 0.1, "--previous-lung-dose-gy", 49),
            3, "lung-dose-cumulative-limit",
        ),
        (
            (*MIRD, "--dose-gy", 160, "--indication", "hcc", "--intent", "unilobar"),
            3, "perfused-dose-limit",
        ),
        (
            (*MIRD, "--dose-gy", 160, "--indication", "hcc", "--intent", "unilobar",
             "--whole-liver-mass-g", 1500, "--bilirubin-mg-dl", 0.8),
            0, None,
        ),
        (
            (*MIRD, "--dose-gy", 160, "--indication", "hcc", "--intent", "unilobar",
             "--whole-liver-mass-g", 1500),
            3, "whole-normal-dose-limit-unknown-mass",
        ),
        (
            (*PARTITION, *TUMOURS, "--activity-gbq", 2, "--product", "glass-y90",
             "--whole-normal-mass-g", 1210),
            3, "whole-normal-dose-limit",
        ),
        ((*BSA, "--lung-shunt", 0.19, "--lung-mass-g", 300), 3, "lung-dose-limit"),
        (
            ("activity", "mird", "--product", "glass-y90", "--perfused-mass-g", 2, "--dose-gy", 9),
            3, "mass-implausible",
        ),
    ],
)  # fmt: skip
def test_a_stop_ends_with_three_after_the_results(words, code, found):
    result = call_json(*words, code=code)
    stops = [f["code"] for f in result["findings"] if f["severity"] == "stop"]
    assert (found in stops) if found else stops == []
    printed = call(*words)
    assert printed.code == code
    assert "activity to draw up (GBq)" in printed.stdout
    assert ("\nstop  " in printed.stdout) == (code == 3)


def test_calculators_have_the_findings_of_run():
    """Cold tumour, little liver, a shunt and a residual that look like percentages."""
    result = call_json(
        "activity", "partition", "--product", "glass-y90", "--tumour-mass-g", 100,
        "--tumour-to-normal", 0.5, "--normal-mass-g", 1.8, "--activity-gbq", 0.1,
        "--lung-shunt", 0.5, "--residual", 0.3,
    )  # fmt: skip
    codes = {finding["code"] for finding in result["findings"]}
    assert {
        "tumour-colder-than-liver", "perfused-normal-small", "lung-shunt-high", "residual-high",
        "indication-not-chosen", "intent-not-chosen", "limits-not-checked",
    } <= codes  # fmt: skip


def test_names_of_figures_are_understood():
    words = (*PARTITION, *TUMOURS, "--normal-dose-gy", 30)
    by_name = call_json(*words, "--activity-per-sphere", "reviews", "--dose-constant", "49.67")
    by_number = call_json(*words, "--activity-per-sphere", 50)
    assert by_name["spheres"]["activity_per_sphere_bq"] == 50
    assert by_number["spheres"]["activity_per_sphere_bq"] == 50
    assert by_name["dose_constant_gy_kg_per_gbq"] == 49.67
    later = call_json(*words, "--activity-per-sphere", 50, "--hours-since-calibration", 64.1)
    assert later["spheres"]["count"] == pytest.approx(2 * by_number["spheres"]["count"])
    line = refusal(*words, "--activity-per-sphere", "lab")
    assert line.startswith("activity_per_sphere_bq 'lab' of resin-y90 is unknown; choose one of")


def test_printed_for_people():
    outcome = call(*PARTITION, *TUMOURS, "--normal-dose-gy", 40)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "tumour 1 dose (Gy)" in outcome.stdout
    assert "200.0" in outcome.stdout
    assert "dose constant (Gy kg/GBq)" in outcome.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (MIRD, "expected one of --dose-gy, --activity-gbq, found none"),
        (
            (*MIRD, "--dose-gy", 100, "--activity-gbq", 2),
            "expected one prescription, found perfused-dose and activity; give only one of them",
        ),
        (
            (*MIRD, "--dose-gy", 100, "--lung-shunt", 1.2),
            "the lung shunt fraction must be from 0 to below 1 (1.2 % is 0.012), got 1.2",
        ),
        (
            (*MIRD, "--dose-gy", 100, "--residual", -0.1),
            "the residual fraction must be from 0 to below 1 (5 % is 0.05), got -0.1",
        ),
        (
            (*MIRD, "--dose-gy", "nan"),
            "a prescription by perfused-dose needs a value above 0, got nan",
        ),
        (
            ("activity", "mird", "--product", "glass-y90", "--perfused-mass-g", -5, "--dose-gy", 9),
            "the perfused mass (g) must be above 0, got -5.0",
        ),
        (
            (
                "activity",
                "mird",
                "--product",
                "glass-y90",
                "--perfused-mass-g",
                5,
                "--dose-gy",
                9,
                "--dose-constant",
                0.05,
            ),
            "the dose constant of y90 is 49.77 Gy kg/GBq, got 0.05 Gy kg/GBq; "
            "check the number and its unit",
        ),
        (
            ("activity", "mird", "--product", "wood", "--perfused-mass-g", 5, "--dose-gy", 9),
            "product 'wood' is unknown; choose one of glass-y90, ho166-plla, resin-y90",
        ),
        (
            (*PARTITION, "--tumour-mass-g", 100, 50, "--tumour-to-normal", 4, "--activity-gbq", 1),
            "each tumour needs a mass and a ratio, got 2 masses and 1 ratios",
        ),
        (
            (*BSA, "--formula", "haycock"),
            "surface formula 'haycock' is unknown; choose one of dubois, mosteller",
        ),
        (
            tuple("glass-y90" if word == "resin-y90" else word for word in BSA),
            "the BSA formula is made for resin-y90, not for glass-y90; "
            "use model 'mird' or 'partition'",
        ),
    ],
)
def test_bad_input_is_one_line(words, line):
    assert refusal(*words) == line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("activity", "mird", "--product", "glass-y90", "--dose-gy", 9), "--perfused-mass-g"),
        (("activity", "mird", "--product", "glass-y90", "--perfused-mass-g", "x"), "--perfused"),
        ((*PARTITION, *TUMOURS, "--liver-dose-gy", 9), "--liver-dose-gy"),
        (("activity", "voxel"), "voxel"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(words, said):
    assert said in refusal(*words)


def test_findings_are_in_the_order_of_run_and_a_stop_is_told_last():
    words = (
        "activity", "mird", "--product", "resin-y90", "--perfused-mass-g", 500, "--dose-gy", 100,
        "--indication", "hcc", "--intent", "lobectomy",
    )  # fmt: skip
    outcome = call(*words)
    order = [line.split()[0] for line in outcome.stdout.splitlines()]
    found = [word for word in order if word in ("stop", "warn", "note")]
    assert found == sorted(found, key=["stop", "warn", "note"].index)
    assert {"stop", "warn", "note"} == set(found)
    assert outcome.code == 3
    assert outcome.stderr == (
        "opensirt: the activity is stopped by perfused-normal-dose-limit-unknown-mass; do not "
        "treat with it\n"
    )
    assert "not judged: no lung shunt given" in outcome.stdout
    known = call(*words, "--normal-mass-g", 900, "--lung-shunt", 0.04)
    assert "unknown-mass" not in known.stderr
    assert "not judged: no lung shunt given" not in known.stdout
