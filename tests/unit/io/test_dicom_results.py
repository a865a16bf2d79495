"""Report, activity map, plan, and the references between all objects of one result."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from opensirt.case import Case, Patient
from opensirt.errors import InputError, RegionError, UnitMismatchError, UnknownNameError
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.io.dicom_activity import build_activity_map, write_activity_map
from opensirt.io.dicom_codes import quantity, unit_code
from opensirt.io.dicom_common import DicomContext, SourceImages
from opensirt.io.dicom_dose import build_rt_dose
from opensirt.io.dicom_plan import PlanSummary, build_rt_plan
from opensirt.io.dicom_report import (
    RegionMeasurement,
    build_measurement_report,
    write_measurement_report,
)
from opensirt.io.dicom_results import write_dicom_results
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.units import Unit
from tests.dicom_samples import (
    GRIDS,
    sample_context,
    sample_dose,
    sample_histograms,
    sample_measurements,
    sample_regions,
    source_image,
)

PLAN = PlanSummary("partition", "resin-y90, partition model, 1.2 GBq", 120.0, "tumour 1")


def everything(
    folder: Path, context: DicomContext, grid_name: str = "oblique"
) -> dict[str, Dataset]:
    grid = GRIDS[grid_name]
    dose = sample_dose(grid)
    paths = write_dicom_results(
        folder,
        context=context,
        dose=dose,
        regions=sample_regions(grid),
        activity=Volume(dose.values * 1e4, grid, Unit.BQ_PER_ML, "y90", "injection"),
        plan_summary=PLAN,
        region_doses=sample_measurements(),
        dvhs=sample_histograms(),
    )
    return {path.stem: pydicom.dcmread(path) for path in paths}


def references(dataset: Dataset) -> set[str]:
    """Every instance that a data set refers to, at any depth."""
    found = set()
    for element in dataset.iterall():
        if element.keyword == "ReferencedSOPInstanceUID":
            found.add(str(element.value))
    return found


def test_objects_refer_to_each_other_and_to_nothing_else(tmp_path: Path) -> None:
    found = everything(tmp_path / "dicom", sample_context())
    assert list(found) == ["plan", "dose", "structures", "segmentation", "report", "activity"]
    uid = {name: dataset.SOPInstanceUID for name, dataset in found.items()}
    assert references(found["plan"]) == {uid["structures"]}
    assert references(found["dose"]) == {uid["plan"], uid["structures"]}
    assert references(found["report"]) == {uid["segmentation"], uid["dose"]}
    for name in ("structures", "segmentation", "activity"):
        assert references(found[name]) == set()
    assert len(set(uid.values())) == 6
    assert len({d.SeriesInstanceUID for d in found.values()}) == 6
    assert sorted(d.SeriesNumber for d in found.values()) == list(range(9001, 9007))
    assert {d.StudyInstanceUID for d in found.values()} == {sample_context().study_uid}
    spatial = [d for name, d in found.items() if name != "report"]
    assert {d.FrameOfReferenceUID for d in spatial} == {sample_context().frame_of_reference_uid}
    assert {d.PatientID for d in found.values()} == {"case-1"}
    assert {d.StudyDate for d in found.values()} == {"20250304"}
    assert {d.Manufacturer for d in found.values()} == {"opensirt"}


def test_objects_join_the_study_of_their_source_images(tmp_path: Path) -> None:
    found = everything(tmp_path, sample_context(GRIDS["oblique"]))
    assert {d.StudyInstanceUID for d in found.values()} == {"1.2.3.6"}
    assert {d.StudyDate for d in found.values()} == {""}
    images = {f"1.2.3.7.{i}" for i in range(9)}
    assert references(found["structures"]) - images == {"1.2.3.6"}
    assert references(found["segmentation"]) < images


def test_one_seed_gives_one_set_of_uids() -> None:
    assert sample_context().sop_uid("dose") == sample_context().sop_uid("dose")
    case = Case(id="case-1", patient=Patient(sex="female"))
    random = DicomContext.for_case(case)
    assert random.sop_uid("dose") == random.sop_uid("dose")
    assert random.sop_uid("dose") != DicomContext.for_case(case).sop_uid("dose")
    assert random.patient_sex == "F"


def test_the_patient_of_the_source_is_copied_only_when_asked() -> None:
    source = Dataset()
    source.PatientName, source.PatientID, source.StudyDate = "Doe^Jane", "77", "20240101"
    context = replace(sample_context(), patient_from=source)
    dose = build_rt_dose(sample_dose(GRIDS["axial"]), context)
    assert (str(dose.PatientName), dose.PatientID, dose.StudyDate) == ("Doe^Jane", "77", "20240101")


def test_an_image_is_referred_to_only_in_its_own_plane() -> None:
    grid = GRIDS["oblique"]
    source = SourceImages.of(source_image(grid))
    assert source is not None
    normal = grid.directions[0]
    assert source.instance_at(grid.to_patient((4, 3, 2)), normal) == "1.2.3.7.4"
    assert source.instance_at(grid.to_patient((4, 3, 2)), -normal) == "1.2.3.7.4"
    assert source.instance_at(grid.to_patient((4.5, 3, 2)), normal) is None
    assert source.instance_at(grid.to_patient((9, 3, 2)), normal) is None
    assert source.instance_at(grid.to_patient((4, 3, 2)), grid.directions[1]) is None
    resampled = replace(source, instance_uids=source.instance_uids[:7])
    assert resampled.instance_at(grid.to_patient((4, 3, 2)), normal) is None
    multi_frame = replace(source, instance_uids=("1.2.9",))
    assert multi_frame.instance_at(grid.to_patient((4, 3, 2)), normal) == "1.2.9"
    assert SourceImages.of(replace(source_image(grid), instance_uids=())) is None


def test_unfit_identities_are_refused() -> None:
    with pytest.raises(InputError, match="1 to 64 printable characters without backslash"):
        DicomContext.for_case(Case(id="a\\b"))
    with pytest.raises(InputError, match="has no time zone"):
        DicomContext.for_case(Case(id="a"), created=datetime(2025, 1, 1))


def test_the_plan_carries_the_prescription() -> None:
    plan = build_rt_plan(PLAN, sample_context(), target_number=2)
    item = plan.DoseReferenceSequence[0]
    assert (float(item.TargetPrescriptionDose), item.ReferencedROINumber) == (120.0, 2)
    group = plan.FractionGroupSequence[0]
    counts = (group.NumberOfBeams, group.NumberOfBrachyApplicationSetups)
    assert (counts, group.NumberOfFractionsPlanned) == ((0, 0), 1)
    assert plan.RTPlanGeometry == "PATIENT"
    bare = build_rt_plan(PlanSummary("mird", ""), sample_context())
    assert bare.DoseReferenceSequence[0].DoseReferenceStructureType == "SITE"
    assert "TargetPrescriptionDose" not in bare.DoseReferenceSequence[0]
    with pytest.raises(InputError, match="prescribed dose above 0 Gy, got 0"):
        build_rt_plan(PlanSummary("mird", "", 0.0), sample_context())


def test_report_groups_hold_the_numbers(tmp_path: Path) -> None:
    context, regions = sample_context(), sample_regions(GRIDS["axial"])
    segmentation = build_segmentation(regions, context)
    dose = build_rt_dose(sample_dose(GRIDS["axial"]), context)
    path = write_measurement_report(
        tmp_path / "sr.dcm", regions, sample_measurements(), context,
        segmentation=segmentation, dose=dose,
    )  # fmt: skip
    report = hd.sr.srread(path)
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_identifier for g in groups] == ["liver", "tumour 1"]
    segments = [e.value for e in pydicom.dcmread(path).iterall() if e.tag == (0x0062, 0x000B)]
    assert segments == [item.SegmentNumber for item in segmentation.SegmentSequence][:2]
    numbers = {
        (m.name.meaning, m.value, m.unit.value) for g in groups for m in g.get_measurements()
    }
    assert ("Mean Absorbed Radiation Dose", 51.25, "Gy") in numbers
    assert ("Least dose to the hottest 70 % of the volume", 33.5, "Gy") in numbers
    assert ("Volume", 40.0, "mL") in numbers
    assert len(numbers) == 6
    assert groups[0].tracking_uid == segmentation.SegmentSequence[0].TrackingUID
    assert report.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99OPENSIRT"


@pytest.mark.parametrize(
    ("measured", "error", "message"),
    [
        (RegionMeasurement("volume", 1.0, "Gy"), UnitMismatchError, "volume of 'liver' in mL"),
        (RegionMeasurement("bed", np.nan, "Gy"), InputError, "expected a finite bed of 'liver'"),
        (RegionMeasurement("glow", 1.0, "Gy"), UnknownNameError, "quantity 'glow' is unknown"),
    ],
)
def test_unfit_numbers_are_refused(
    measured: RegionMeasurement, error: type[Exception], message: str
) -> None:
    context, regions = sample_context(), sample_regions(GRIDS["axial"])
    segmentation = build_segmentation(regions, context)
    with pytest.raises(error, match=message):
        build_measurement_report(regions, {"liver": [measured]}, context, segmentation=segmentation)


def test_a_report_needs_known_regions_and_a_segmentation() -> None:
    context, regions = sample_context(), sample_regions(GRIDS["axial"])
    segmentation = build_segmentation(regions, context)
    numbers = sample_measurements()["liver"]
    with pytest.raises(RegionError, match="got spleen; regions: liver, tumour 1"):
        build_measurement_report(regions, {"spleen": numbers}, context, segmentation=segmentation)
    for nothing in ({}, {"liver": []}):
        with pytest.raises(InputError, match="measurements of at least one region"):
            build_measurement_report(regions, nothing, context, segmentation=segmentation)
    dose = build_rt_dose(sample_dose(GRIDS["axial"]), context)
    with pytest.raises(InputError, match="expected a Segmentation"):
        build_measurement_report(regions, {"liver": numbers}, context, segmentation=dose)


def test_codes_of_quantities_and_units() -> None:
    assert quantity("d95").code.value == "D95"
    assert quantity("v50gy").code.meaning == "Fraction of the volume with 50 Gy or more"
    assert quantity("mean-absorbed-dose").code.value == "128533"
    assert unit_code("Gy").scheme_designator == "UCUM"
    with pytest.raises(UnknownNameError, match="unit 'rad' is unknown"):
        unit_code("rad")


@pytest.mark.parametrize("name", GRIDS)
def test_activity_map_keeps_values_places_and_unit(tmp_path: Path, name: str) -> None:
    grid = GRIDS[name]
    activity = Volume(sample_dose(grid).values * 1e4, grid, Unit.BQ_PER_ML, "y90", "injection")
    path = write_activity_map(tmp_path / "a.dcm", activity, sample_context())
    found = hd.imread(path)
    volume = found.get_volume()
    points = np.argwhere(volume.array >= 0) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    index = grid.to_index(points)
    assert np.abs(grid.to_patient(np.rint(index)) - points).max() < 0.01
    values = activity.values[tuple(np.rint(index).astype(int).T)]
    assert np.array_equal(values, volume.array.ravel().astype(np.float32))
    mapping = found.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "Bq/ml"
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "110821"
    assert mapping.RealWorldValueSlope == 1.0
    assert found.ContentDescription == "y90, Bq/mL, at injection"


def test_activity_must_be_finite_becquerels() -> None:
    grid = GRIDS["axial"]
    bad = Volume(np.full(grid.shape, np.inf, np.float32), grid, Unit.BQ_PER_ML)
    with pytest.raises(InputError, match="expected finite activity"):
        build_activity_map(bad, sample_context())
    with pytest.raises(UnitMismatchError, match="expected a volume in Bq/mL, got Gy"):
        build_activity_map(sample_dose(grid), sample_context())


def test_a_group_refers_to_the_segment_of_its_own_region(tmp_path: Path) -> None:
    """Numbers of the second and third region alone: segments 2 and 3, not 1 and 2."""
    context, regions = sample_context(), sample_regions(GRIDS["axial"])
    segmentation = build_segmentation(regions, context)
    names = [region.name for region in regions]
    measured = {name: [RegionMeasurement("volume", 7.0, "mL")] for name in names[1:]}
    path = write_measurement_report(
        tmp_path / "sr.dcm", regions, measured, context, segmentation=segmentation
    )
    labels = {item.SegmentNumber: item.SegmentLabel for item in segmentation.SegmentSequence}
    groups = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    numbers = [
        int(element.value)
        for element in pydicom.dcmread(path).iterall()
        if element.keyword == "ReferencedSegmentNumber"
    ]
    assert [g.tracking_identifier for g in groups] == names[1:]
    assert [labels[number] for number in dict.fromkeys(numbers)] == names[1:]


def test_the_plan_names_its_target_by_the_number_in_the_structure_set(tmp_path: Path) -> None:
    found = everything(tmp_path, sample_context())
    numbers = {r.ROIName: r.ROINumber for r in found["structures"].StructureSetROISequence}
    (reference,) = found["plan"].DoseReferenceSequence
    assert reference.DoseReferenceStructureType == "VOLUME"
    assert reference.ReferencedROINumber == numbers["tumour 1"]
    assert float(reference.TargetPrescriptionDose) == 120.0


def test_an_outline_longer_than_64_kib_is_written(tmp_path: Path) -> None:
    """A comb of 900 teeth in one slice: more text than an explicit attribute holds."""
    grid = Grid.regular((1, 1800, 9), (3.0, 1.0, 1.0))
    mask = np.zeros(grid.shape)
    mask[:, :, 2], mask[:, ::2, 2:7] = 1, 1
    regions = Regions((Region.from_mask("liver", "liver", mask, grid),))
    dose = Volume(np.ones(grid.shape, np.float32), grid, Unit.GY)
    paths = write_dicom_results(
        tmp_path, context=sample_context(), dose=dose, regions=regions, activity=None,
        plan_summary=PLAN, region_doses={}, dvhs=[],
    )  # fmt: skip
    structures = next(p for p in paths if p.stem == "structures")
    assert pydicom.dcmread(structures).file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    contour = pydicom.dcmread(structures).ROIContourSequence[0].ContourSequence[0]
    text = contour.get_item("ContourData").value
    assert len(text) > 65536
    assert contour.NumberOfContourPoints == text.count(b"\\") // 3 + 1
