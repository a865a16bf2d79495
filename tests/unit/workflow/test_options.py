"""How the choices of a run change its case: what was typed comes first, and one image is used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from opensirt.case import Assumptions, Case, Patient, StudyImage, Treatment
from opensirt.errors import CaseError, InputError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from opensirt.workflow import RunOptions, study

GRID = Grid.regular((1, 1, 1), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
PLANNED, TREATED = "planning-activity", "treatment-activity"
READ = Treatment("resin-y90", 1.1e9)
TYPED = Treatment("resin-y90", 1.7e9, datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


def image(role: str, label: str = "x") -> StudyImage:
    unit = Unit.HU if role == "ct" else Unit.COUNTS
    return StudyImage(role, Volume(np.zeros(GRID.shape, np.float32), GRID, unit), label)


def case(*roles: str, **change) -> Case:
    base = Case(
        id="a",
        images=tuple(image(role, f"{role} {n}") for n, role in enumerate(roles)),
        assumptions=Assumptions(1.04, 0.06, 990.0),
        patient=Patient("F", 165.0, 64.0),
        treatment=READ,
    )
    return replace(base, **change)


def options(**change) -> RunOptions:
    return RunOptions("resin-y90", "partition", **change)


def test_what_is_typed_comes_before_what_the_study_says_and_is_known_as_typed() -> None:
    found = options(
        density_g_ml=1.08, lung_shunt_fraction=0.0, lung_mass_g=850.0, height_cm=171.0, given=TYPED
    ).apply_to(case(PLANNED))
    assert found.assumptions == Assumptions(
        1.08, 0.0, 850.0, frozenset(("density_g_ml", "lung_shunt_fraction", "lung_mass_g"))
    )
    assert found.patient == Patient("F", 171.0, 64.0)
    assert found.treatment == TYPED
    heavy = options(weight_kg=80.5, lung_mass_g=870.0).apply_to(case(PLANNED))
    assert heavy.patient == Patient("F", 165.0, 80.5)
    assert heavy.assumptions == Assumptions(1.04, 0.06, 870.0, frozenset(("lung_mass_g",)))


def test_what_is_not_typed_stays_as_the_study_says() -> None:
    found = options().apply_to(case(PLANNED))
    assert found.assumptions == Assumptions(1.04, 0.06, 990.0)
    assert (found.patient, found.treatment) == (Patient("F", 165.0, 64.0), READ)
    unknown = options(given=TYPED).apply_to(case(PLANNED, treatment=None))
    assert unknown.treatment == TYPED


@pytest.mark.parametrize("density_g_ml", [0.09, 3.1])
def test_a_density_of_no_tissue_is_refused(density_g_ml: float) -> None:
    with pytest.raises(InputError, match=r"tissue density must be from 0\.1 to 3 g/mL"):
        options(density_g_ml=density_g_ml).apply_to(case(PLANNED))


@pytest.mark.parametrize(
    ("roles", "asked", "kept"),
    [
        (("ct", PLANNED, TREATED), None, ("ct", PLANNED)),
        (("ct", PLANNED, TREATED), PLANNED, ("ct", PLANNED)),
        (("ct", PLANNED, TREATED), TREATED, ("ct", TREATED)),
        (("ct", TREATED), None, ("ct", TREATED)),
        ((PLANNED,), None, (PLANNED,)),
        ((PLANNED, PLANNED, TREATED), None, (PLANNED, TREATED)[1:]),
    ],
)
def test_one_activity_image_is_used(roles, asked, kept) -> None:
    found = study._with_one_activity_image(case(*roles), asked)
    assert tuple(each.role for each in found.images) == kept


def test_an_image_that_is_not_there_is_named() -> None:
    with pytest.raises(CaseError, match=f"one image with role '{TREATED}', found no"):
        study._with_one_activity_image(case("ct", PLANNED), TREATED)
    with pytest.raises(CaseError, match=f"one image with role '{PLANNED}', found no"):
        study._with_one_activity_image(case("ct"), None)
    with pytest.raises(InputError, match=f"^image must be {PLANNED} or {TREATED}, found 'ct'"):
        study._with_one_activity_image(case("ct", PLANNED), "ct")
    with pytest.raises(InputError, match="identity must be remove or keep, got 'all'"):
        options(identity="all")


def test_the_constant_of_a_run_is_the_products_or_the_one_chosen() -> None:
    own = nuclide("ho166").dose_constant_gy_kg_per_gbq
    assert RunOptions("ho166-plla", "mird").nuclide().dose_constant_gy_kg_per_gbq == own
    assert RunOptions("ho166-plla", "mird").facts().dose_constant_gy_kg_per_gbq == own
    chosen = options(dose_constant_gy_kg_per_gbq=49.38)
    assert chosen.nuclide().name == "y90"
    assert chosen.facts().dose_constant_gy_kg_per_gbq == pytest.approx(49.38)


def test_the_record_holds_what_was_given_and_when() -> None:
    record = options(given=TYPED, bsa_formula="mosteller").as_dict()
    assert record["given"] == {
        "product": "resin-y90", "activity_bq": 1.7e9, "injected": "2026-03-02T09:30:00+00:00",
    }  # fmt: skip
    assert record["bsa_formula"] == "mosteller"
    assert record["prescription"] == {"kind": "binding-limit", "value": None}
    assert not {"choose", "roles", "image", "height_cm"} & set(record)


def test_a_file_that_was_chosen_by_name_is_not_named_in_the_record():
    choose = {"regions": "RS_DOE_JANE.dcm", "ct": "CT AC", "mr": "1.2.840.113"}
    found = RunOptions("resin-y90", "mird", choose=choose).as_dict()["choose"]
    assert found == {"regions": "a file, by its name", "ct": "CT AC", "mr": "1.2.840.113"}
