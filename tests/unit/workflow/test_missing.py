"""All that a run misses is said at once, each thing with its cure; nothing else is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.asking import speaking_to
from opensirt.case import Assumptions, Case, LeftOut, Patient, Treatment
from opensirt.errors import CaseError
from opensirt.findings import Finding
from opensirt.image import Regions
from opensirt.workflow import RunOptions
from opensirt.workflow.missing import require_known
from tests import cases

ON = cases.grid((8.0, 8.0, 8.0))
REGIONS = cases.outlines(ON)
CT, SPECT = cases.images(REGIONS)
PET = replace(SPECT, role="treatment-activity")
OUTLINE = "the CT shows tissue like lung: if it is, outline it and call it lungs, or give lung_"


def case(
    *roles: str, ct: bool = True, spect: bool = True, known: Assumptions | None = None, **more
) -> Case:
    """The small case with the regions of these roles alone, and nothing assumed."""
    kept = Regions(tuple(region for region in REGIONS if region.role in roles))
    images = tuple(image for image, used in ((CT, ct), (SPECT, spect)) if used)
    return Case(
        "a", **({"images": images, "regions": kept} | more), assumptions=known or Assumptions()
    )


def missed(of: Case, model: str = "partition", **more) -> str:
    """As the command line says it."""
    with speaking_to("command line"), pytest.raises(CaseError) as refused:
        require_known(of, RunOptions("resin-y90", model, **more))
    return str(refused.value)


def test_nothing_is_missing_where_all_is_there() -> None:
    require_known(case("liver", "tumour", "lungs"), RunOptions("resin-y90", "partition"))
    require_known(case("liver", "lungs"), RunOptions("resin-y90", "mird"))
    stopped = Finding("stop", "x", "another nuclide")
    require_known(case(findings=(stopped,)), RunOptions("resin-y90", "mird"))


def test_everything_at_once_is_one_numbered_line() -> None:
    said = missed(case("perfused", ct=False, spect=False), "bsa")
    assert said.startswith("6 things are missing: (1) expected one image with role 'planning-act")
    parts = [
        "(2) no region has the role liver: give --role NAME=liver, or [regions.roles]",
        "(3) the lung shunt is not known",
        "with --lung-shunt; (4) the lung mass is not known",
        "with --lung-mass-g; (5) there is no CT and no assumed density",
        "--density-g-ml; (6) ",
        "model 'bsa' needs height and weight; give --height-cm and --weight-kg, or height_cm and",
    ]
    places = [said.index(part) for part in parts]
    assert places == sorted(places)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (case("tumour", "lungs"), "no region has the role liver: give --role NAME=liver, or"),
        (case("liver", "lungs"), "role tumour: give --role NAME=tumour, or [regions.roles] in"),
        (case("liver", "lungs"), "--model mird needs no tumour; without --role NAME=perfused all"),
        (
            case("lungs"),
            "no region has the role liver or tumour: give --role 'NAME OF LIVER=liver' --role ",
        ),
        (case(ct=False, known=Assumptions(1.06, 0.0)), "the study has no regions, so no liver or"),
        (
            case("liver", "tumour", known=Assumptions(None, None, 900.0)),
            "the lung shunt is not known",
        ),
        (case("liver", "tumour", known=Assumptions(None, 0.05)), "the lung mass is not known"),
        (
            case("liver", "tumour", ct=False, known=Assumptions(None, 0.05, 900.0)),
            "there is no CT and no assumed density; give density_g_ml under [assumptions] or with",
        ),
    ],
)
def test_one_thing_missing_is_one_sentence(of: Case, said: str) -> None:
    text = missed(of)
    assert said in text
    assert "things are missing" not in text


def test_no_shunt_needs_no_lung_mass() -> None:
    of = case("liver", "tumour", known=Assumptions(None, 0.0))
    require_known(of, RunOptions("resin-y90", "partition"))


def test_lungs_that_the_ct_shows_are_to_be_outlined() -> None:
    """The made-up CT has 880 mL at -740 HU; without them there is nothing to outline."""
    said = missed(case("liver", "tumour"))
    assert said.count(OUTLINE) == 2
    dense = replace(CT, volume=CT.volume.with_values(CT.volume.values.clip(-300)))
    said = missed(case("liver", "tumour", images=(dense, SPECT)))
    assert "outline them" not in said
    assert "no CT shows the lungs" in said


def test_names_that_nearly_say_their_role_are_typed_out() -> None:
    names = {"liver": "Leber MH", "Tumour A": "L1", "Tumour B": "L2", "lungs": "Lunge MH"}
    renamed = Regions(tuple(r.named(names.get(r.name, r.name), "other") for r in REGIONS))
    said = missed(case(regions=renamed))
    assert "give --role 'Leber MH=liver' --role 'L[0-9]*=tumour', or" in said
    assert said.count("give --role 'Lunge MH=lungs' if those are they, or give lung_") == 2
    assert "the study has Leber MH, perfused right, L1, L2, Lunge MH" in said


def test_a_perfused_volume_that_nearly_says_so_is_typed_out() -> None:
    regions = tuple(
        region.named("Perf. Vol." if region.role == "perfused" else region.name, "other")
        for region in REGIONS
    )
    said = missed(case(regions=Regions(regions)), "mird")
    assert "; without --role 'Perf. Vol.=perfused' all of the liver is taken as perfused" in said


def test_an_outline_without_a_role_may_be_the_lungs() -> None:
    """Of the outlines that say no role at all; "Leber MH" is none of them."""
    names = {"lungs": "Thorax MH", "liver": "Leber MH"}
    regions = [r.named(names[r.name], "other") for r in REGIONS if r.name in names]
    said = missed(case(regions=Regions(tuple(regions))), "mird")
    cure = "give --role NAME=lungs if they are among Thorax MH, or the CT shows tissue like lung: "
    assert said.count(cure) == 2
    assert "give --role 'Leber MH=liver', or" in said


def test_without_a_ct_lungs_have_no_mass_and_that_is_said_beside_the_density() -> None:
    """In one line, not in a second refusal once the density is given."""
    outlined = ("liver", "tumour", "lungs")
    said = missed(case(*outlined, ct=False))
    assert said.startswith("2 things are missing: (1) the lung mass is not known: no CT shows the")
    assert "; (2) there is no CT and no assumed density" in said
    for known in (
        Assumptions(None, None, 900.0),
        Assumptions(None, 0.0, decided=frozenset({"lung_shunt_fraction"})),
    ):
        assert missed(case(*outlined, ct=False, known=known)).startswith("there is no CT and no")


def test_a_region_that_was_lost_is_told_where_it_is_missed() -> None:
    """Each reason once, as several regions may be lost by one."""
    lost = tuple(LeftOut(f"region {n}", "its contours climb", "liver") for n in range(3))
    assert missed(case("lungs", left_out=lost), "mird").endswith(
        "; left out: its contours climb; without --role NAME=perfused all of the liver is taken as "
        "perfused"
    )


def test_regions_that_cannot_be_used_are_not_called_absent() -> None:
    """The reasons, each once and two at most; what is no region gives none."""
    why = ("in another frame of reference", "in another frame of reference", "empty", "third")
    lost = tuple(LeftOut("contours", reason, of_regions=True) for reason in why)
    of = case(ct=False, known=Assumptions(1.06, 0.0), left_out=(LeftOut("file 1", "a dose"), *lost))
    said = "the study has no regions that can be used, so no liver or tumour: "
    assert missed(of) == said + "in another frame of reference; empty"
    of = case(ct=False, known=Assumptions(1.06, 0.0), left_out=(LeftOut("file 1", "a dose"),))
    assert missed(of).endswith("so no liver or tumour; add a structure set or segmentation")


@pytest.mark.parametrize(
    ("patient", "said"),
    [
        (Patient(), "give --height-cm and --weight-kg, or height_cm and weight_kg under [patient]"),
        (Patient(height_cm=170.0), "give --weight-kg, or weight_kg under [patient] in case.toml"),
        (Patient(weight_kg=70.0), "give --height-cm, or height_cm under [patient] in case.toml"),
    ],
)
def test_a_body_of_the_bsa_model(patient: Patient, said: str) -> None:
    text = missed(case("liver", "lungs", patient=patient), "bsa")
    assert said in text
    assert text.endswith("; volumes are those of the study")
    require_known(case("liver", "lungs", patient=patient), RunOptions("resin-y90", "mird"))


def test_what_was_given_is_asked_for_the_image_after_treatment_alone() -> None:
    both = case("liver", "lungs", images=(CT, SPECT, PET))
    require_known(both, RunOptions("resin-y90", "mird"))
    assert "or give --given-gbq and --injected" in missed(both, "mird", image="treatment-activity")
    after = case("liver", "lungs", images=(CT, PET))
    assert "what was given is not stated" in missed(after, "mird")
    dated = replace(after, treatment=Treatment("resin-y90", 1e9))
    require_known(dated, RunOptions("resin-y90", "mird"))
    assert "expected one image with role 'treatment-activity'" in missed(
        case("liver", "lungs"), "mird", image="treatment-activity"
    )
