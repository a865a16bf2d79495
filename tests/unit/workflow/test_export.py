"""What the DICOM objects are written from: the right image, and numbers of known regions alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.case import Case, StudyImage
from opensirt.dose.dvh import Dvh
from opensirt.findings import AcceptedStop, Finding
from opensirt.image import Regions, Volume
from opensirt.plan.plan import Prescription
from opensirt.units import Unit
from opensirt.workflow import export
from tests.unit.quantify.samples import GRID, lesion, liver
from tests.unit.report.samples import region, sample_plan

STOP = Finding("stop", "lung-dose-limit", "54 Gy.")
OTHER = Finding("stop", "activity-beyond-vials", "7 GBq.")


def image(role: str, unit: Unit = Unit.COUNTS) -> StudyImage:
    return StudyImage(role, Volume(np.ones(GRID.shape, np.float32), GRID, unit), role)


CT, SPECT, PET = image("ct", Unit.HU), image("planning-activity"), image("treatment-activity")


@pytest.mark.parametrize(
    ("images", "chosen"),
    [((CT, SPECT), CT), ((SPECT,), SPECT), ((SPECT, PET), PET), ((CT, CT, SPECT), SPECT)],
)
def test_outlines_belong_to_the_ct_or_else_to_the_activity(images, chosen):
    assert export.outline_image(Case("a", images)) is chosen


@pytest.fixture
def told(monkeypatch):
    facts = {}
    monkeypatch.setattr(export, "write_dicom_results", lambda folder, **more: facts.update(more))
    monkeypatch.setattr(
        export.DicomContext, "for_case", lambda case, **more: facts.update(context_of=(case, more))
    )
    return facts


def test_numbers_of_regions_that_are_written_and_curves_that_have_a_dose(told, tmp_path):
    """The organ is no region of the outlines; the lesion's curve is empty of dose."""
    case = Case("a", (CT, SPECT))
    doses = (region("liver", "liver", 40.0, 36.0), region("elsewhere", "other", 9.0, 5.0))
    curves = (
        ("liver", Dvh("liver", np.array([20.0, 10.0]), np.array([4.0, 6.0]))),
        ("T1", Dvh("T1", np.array([0.0]), np.array([0.8]))),
        ("elsewhere", Dvh("elsewhere", np.array([9.0]), np.array([5.0]))),
    )
    dose, activity = CT.volume, SPECT.volume
    identity = SimpleNamespace(source="header")
    regions = Regions((liver(), lesion()))
    export.write_dicom(
        tmp_path, case, sample_plan(), dose, activity, regions, doses, curves, identity=identity
    )
    assert told["context_of"] == (case, {"image": CT, "patient_from": "header", "is_given": False})
    assert (told["dose"], told["activity"], told["regions"]) == (dose, activity, regions)
    assert list(told["region_doses"]) == ["liver"]
    assert [curve.name for curve in told["dvhs"]] == ["liver"]
    assert told["plan_summary"].label == "SIRT partition"
    assert told["dose_comment"] == ""
    export.write_dicom(tmp_path, case, sample_plan(), dose, activity, regions, doses, curves)
    assert told["context_of"][1] == {"image": None, "patient_from": None, "is_given": False}


@pytest.mark.parametrize(
    ("prescription", "gray"),
    [
        (Prescription("tumour-dose", 120.0), 120.0),
        (Prescription("perfused-dose", 60.0), 60.0),
        (Prescription("activity", 2e9), None),
        (Prescription("binding-limit"), None),
    ],
)
def test_only_a_dose_is_a_prescribed_dose(prescription, gray):
    plan = sample_plan(prescription=prescription, model="mird")
    found = export._summary(plan, (), None)
    assert found.prescribed_dose_gy == gray
    assert found.label == "SIRT mird"


def test_a_plan_on_a_stop_says_each_stop_once_and_what_is_drawn_up():
    plan = replace(sample_plan(), activity_bq=2.3456e9)
    accepted = AcceptedStop("Dr A. Example", "agreed")
    found = export._summary(plan, (STOP, OTHER, STOP), accepted).description
    assert found == (
        "STOP (lung-dose-limit, activity-beyond-vials) accepted by Dr A. Example: agreed. "
        "Y-90 resin microspheres, partition model, 2.346 GBq to draw up"
    )


def test_stored_histograms_are_as_fine_as_a_reader_needs_beside_a_hot_voxel() -> None:
    doses = np.append(9000.0, np.linspace(120.0, 80.0, 999))
    stored = export._histogram("T1", Dvh("T1", doses, np.full(1000, 0.1)))
    at_95 = stored.dose_gy[np.argmin(np.abs(stored.volume_ml - 95.0))]
    assert at_95 == pytest.approx(82.0, rel=0.005)


def test_what_was_given_has_no_rt_plan_and_its_objects_say_what_they_are(told, tmp_path):
    case, regions = Case("a", (CT, PET)), Regions((liver(),))
    maps = (CT.volume, PET.volume, regions, (), ())
    for accepted in (None, AcceptedStop("Dr A. Example", "agreed")):
        given = sample_plan(is_given=True)
        export.write_dicom(tmp_path, case, given, *maps, stops=(STOP,), accepted=accepted)
        assert told["plan_summary"] is None
        assert told["title"] == "SIRT verification"
        assert told["context_of"][1]["is_given"] is True
        assert told["dose_comment"].startswith("Verification of what was given, with stops")
        assert len(told["dose_comment"]) <= 64
    export.write_dicom(tmp_path, case, sample_plan(), *maps)
    assert told["plan_summary"] is not None
    assert told["title"] == "SIRT plan"
