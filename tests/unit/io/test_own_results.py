"""Results of opensirt among the files of a study: no input, unless nothing else is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from opensirt.image import Region, Regions
from opensirt.io.dicom_common import DicomContext, save
from opensirt.io.dicom_frames import Instance
from opensirt.io.dicom_segmentation import write_segmentation
from opensirt.io.dicom_structures import build_rt_structures, write_rt_structures
from opensirt.io.own_results import (
    DIGITAL_PATIENT,
    STUDY_TIME,
    drawn_outlines,
    is_own_result,
    nearest_to_drawn,
)
from opensirt.io.study import read_study
from opensirt.quantify.compartments import liver_compartments
from tests.unit.io import dicom_factory as make
from tests.unit.io.test_folder import SMALL, ct, reasons, why

PARTS = ("whole liver", "perfused normal liver", "necrosis", "T1 viable", "lungs")
OUTLINES = ("Liver", "Lungs (outline)", "T1 whole", "Necrosis (outline)")
ROLES = {"whole liver": "liver", "Liver": "liver", "T1 viable": "tumour", "T1 whole": "tumour"}


def square(grid, name, low, high, role="other"):
    """Voxels from `low` to `high` of rows and columns, in every slice."""
    mask = np.zeros(grid.shape, dtype=bool)
    mask[:, low:high, low:high] = True
    return Region.from_mask(name, role, mask, grid)


def save_results(folder, case, *, patient="SECRET-ID"):
    """Regions of a plan as opensirt writes them: on the dose grid, and as drawn."""
    source = pydicom.dcmread(next(folder.rglob("*.dcm")), stop_before_pixels=True)
    source.PatientID = patient
    context = DicomContext.for_case(
        case, image=case.image("ct"), patient_from=source, uid_seed="results"
    )
    grid = case.image("ct").volume.grid
    drawn = Regions(tuple(square(grid, n, 1, 4, ROLES.get(n, "other")) for n in OUTLINES))
    counted = Regions((
        *(square(grid, n, 1, 3, ROLES.get(n, "other")) for n in PARTS), *drawn,
    ))  # fmt: skip
    out = folder / "opensirt"
    out.mkdir()
    write_rt_structures(out / "structures.dcm", counted, context)
    write_segmentation(out / "segmentation.dcm", counted, context)
    save(build_rt_structures(drawn, context, name="outlines"), out / "outlines.dcm", implicit=True)
    return out


def hospital(folder, case):
    """The hospital's own structure set: one liver of 5 x 5 voxels."""
    context = DicomContext.for_case(case, image=case.image("ct"), uid_seed="hospital")
    liver = Regions((square(case.image("ct").volume.grid, "Liver", 0, 5, "liver"),))
    dataset = build_rt_structures(liver, context)
    dataset.Manufacturer = dataset.ManufacturerModelName = "Somebody"
    dataset.PatientID, dataset.StructureSetLabel = "SECRET-ID", "hospital"
    dataset.SeriesDescription = "RS"
    save(dataset, folder / "hospital.dcm", implicit=True)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    make.save(ct(), tmp_path / "ct")
    return tmp_path


def test_results_beside_the_regions_of_the_hospital_are_left_out(study):
    case = read_study(study)
    hospital(study, case)
    alone = read_study(study)
    save_results(study, case)
    found = read_study(study)
    assert [(r.name, r.volume_ml) for r in found.regions] == [
        (r.name, r.volume_ml) for r in alone.regions
    ]
    assert why(found, "structures.dcm").startswith("a result of opensirt, left out; to use it, cho")
    assert [(f.severity, f.code) for f in found.findings] == [("note", "own-regions-left-out")]
    assert "3 objects with regions are of opensirt itself" in found.findings[0].text


def test_a_result_that_is_chosen_is_used_as_the_outlines_it_holds(study):
    case = read_study(study)
    hospital(study, case)
    save_results(study, case)
    found = read_study(study, choose={"regions": "structures.dcm"})
    assert [(r.name, r.role) for r in found.regions] == [
        ("Liver", "liver"), ("Lungs", "lungs"), ("T1", "tumour"), ("Necrosis", "necrosis"),
    ]  # fmt: skip
    assert why(found, "'T1 viable'").startswith("parts that a plan gave doses for")
    assert why(found, "hospital.dcm") == "other regions were chosen"


@pytest.mark.parametrize(
    ("left", "used"),
    [
        (("structures", "segmentation", "outlines"), "outlines"),
        (("structures", "segmentation"), "segmentation"),
        (("structures",), "structures"),
    ],
)
def test_without_other_regions_the_results_nearest_to_the_outlines_are_used(study, left, used):
    out = save_results(study, read_study(study))
    for path in out.iterdir():
        if path.stem not in left:
            path.unlink()
    found = read_study(study)
    assert [(r.name, r.role) for r in found.regions] == [
        ("Liver", "liver"), ("Lungs", "lungs"), ("T1", "tumour"), ("Necrosis", "necrosis"),
    ]  # fmt: skip
    assert [(f.severity, f.code) for f in found.findings] == [("warn", "own-regions-used")]
    assert not any(f"{used}.dcm" in what for what, why in reasons(found).items() if "use it" in why)
    assert sum("to use it" in text for text in reasons(found).values()) == len(left) - 1


def test_results_under_a_pseudonym_cannot_be_chosen(study):
    case = read_study(study)
    hospital(study, case)
    save_results(study, case, patient="case-1")
    found = read_study(study)
    assert why(found, "structures.dcm") == "a result of opensirt, left out"
    assert [f.code for f in found.findings] == ["own-regions-left-out"]


@pytest.mark.parametrize(
    ("facts", "own"),
    [
        ({}, True),
        ({"Manufacturer": "Somebody"}, True),  # the model says it too
        ({"Manufacturer": "Somebody", "ManufacturerModelName": "System 1"}, True),  # its series too
        (
            {
                "Manufacturer": "Somebody", "ManufacturerModelName": "System 1",
                "SeriesDescription": "Regions",
            },
            False,
        ),
        ({"SeriesDescription": f"Regions, {DIGITAL_PATIENT}"}, False),
        ({"InstanceCreationDate": "20260105", "InstanceCreationTime": "090000"}, False),
        ({"InstanceCreationDate": "20260105", "InstanceCreationTime": "090001"}, True),
    ],
)  # fmt: skip
def test_what_a_header_must_state(study, facts, own):
    case = read_study(study)
    path = save_results(study, case) / "structures.dcm"
    header = pydicom.dcmread(path)
    for keyword, value in facts.items():
        setattr(header, keyword, value)
    assert is_own_result(Instance(path, header)) is own
    assert STUDY_TIME.isoformat() == "2026-01-05T09:00:00+00:00"


def test_names_of_a_set_that_no_plan_wrote_stay(study):
    """Without a compartment that nobody outlines, "necrosis" and "lungs" are outlines."""
    grid = read_study(study).image("ct").volume.grid
    kept, parts = drawn_outlines(
        [square(grid, n, 1, 3) for n in ("necrosis", "lungs", "T1 viable", "T1 (outline)", "T1")],
        "a set",
    )
    assert [r.name for r in kept] == ["necrosis", "lungs", "T1 viable", "T1", "T1 (2)"]
    assert parts == ()


def test_every_compartment_of_a_plan_is_known(study):
    """The names that quantification gives, but for lesions, are those left out here."""
    grid = read_study(study).image("ct").volume.grid
    parts = liver_compartments(Regions((
        square(grid, "L", 0, 6, "liver"), square(grid, "P", 0, 5, "perfused"),
        square(grid, "T", 1, 4, "tumour"), square(grid, "N", 1, 2, "necrosis"),
    ))).regions()  # fmt: skip
    kept, left_out = drawn_outlines(list(parts), "a set")
    assert [r.name for r in kept] == ["T"]
    assert left_out[0].what.count("'") == 2 * 6


def test_another_object_of_a_result_is_called_so(study):
    save_results(study, read_study(study))
    path = next((study / "opensirt").iterdir())
    header = pydicom.dcmread(path)
    header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.30"
    header.SOPInstanceUID = "1.2.3.4.5"
    header.save_as(study / "activity.dcm")
    case = read_study(study)
    assert why(case, "activity.dcm") == "Parametric Map: a result of opensirt, no input"
    assert SMALL.shape == case.image("ct").volume.values.shape


def test_outlines_of_a_verification_are_as_near_to_what_was_drawn(study):
    """Its descriptions begin with "Given: "."""
    case = read_study(study)
    context = DicomContext.for_case(case, is_given=True)
    regions = Regions((square(case.image("ct").volume.grid, "Liver", 1, 4, "liver"),))
    found = [
        Instance(Path(f"{name or 'x'}.dcm"), build_rt_structures(regions, context, **words))
        for name, words in (("", {}), ("outlines", {"name": "outlines"}))
    ]
    assert nearest_to_drawn(found) == found[1:]
