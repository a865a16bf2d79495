"""What written objects say: codes against PS3.16, texts that fit, frames, plans and references."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from opensirt.case import Case, Patient
from opensirt.errors import InputError
from opensirt.image import REGION_ROLES, Region, Regions, Volume
from opensirt.io.dicom_activity import build_activity_map
from opensirt.io.dicom_codes import quantity, region_codes, unit_code
from opensirt.io.dicom_common import DicomContext, SourceImages, long_text, short_text
from opensirt.io.dicom_dose import DoseVolumeHistogram, build_rt_dose
from opensirt.io.dicom_plan import PlanSummary, build_rt_plan
from opensirt.io.dicom_planes import decimal
from opensirt.io.dicom_report import RegionMeasurement, build_measurement_report
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.io.dicom_structures import build_rt_structures
from opensirt.io.region_names import role_from_name
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

SCT = codes.SCT
GRID = GRIDS["axial"]


@pytest.mark.parametrize(
    ("role", "category", "kind", "side", "site"),
    [
        ("liver", SCT.AnatomicalStructure, SCT.Liver, None, None),
        ("tumour", SCT.MorphologicallyAbnormalStructure, SCT.Neoplasm, None, SCT.Liver),
        ("perfused", SCT.Function, SCT.Perfusion, None, SCT.Liver),
        ("lungs", SCT.AnatomicalStructure, SCT.Lung, SCT.RightAndLeft, None),
        ("lung-left", SCT.AnatomicalStructure, SCT.Lung, SCT.Left, None),
        ("lung-right", SCT.AnatomicalStructure, SCT.Lung, SCT.Right, None),
        ("necrosis", SCT.MorphologicallyAbnormalStructure, SCT.Necrosis, None, SCT.Liver),
        ("gallbladder", SCT.AnatomicalStructure, SCT.Gallbladder, None, None),
        ("stomach", SCT.AnatomicalStructure, SCT.Stomach, None, None),
        ("body", SCT.AnatomicalStructure, SCT.EntireBody, None, None),
        ("other", SCT.Tissue, SCT.Tissue, None, None),
    ],
)
def test_a_region_has_the_codes_of_the_standard(role, category, kind, side, site) -> None:
    found = region_codes(role)
    for mine, standard in (
        (found.category, category), (found.kind, kind), (found.side, side), (found.site, site),
    ):  # fmt: skip
        assert (mine is None) == (standard is None)
        assert mine is None or (mine.value, mine.scheme_designator) == (standard.value, "SCT")


@pytest.mark.parametrize("role", [r for r in REGION_ROLES if r not in ("perfused", "bowel")])
def test_a_written_code_reads_back_as_its_role(role: str) -> None:
    """Without its name; perfusion and the whole intestine are not read from codes."""
    found = region_codes(role)
    coded = [(c.value, c.scheme_designator) for c in (found.kind, found.side) if c is not None]
    assert (role_from_name("Segment 1", coded) or "other") == role


def test_quantities_have_the_codes_of_the_standard() -> None:
    dcm = codes.DCM
    for key, standard, units in (
        ("mean-absorbed-dose", dcm.MeanAbsorbedRadiationDose, ("Gy",)),
        ("minimum-absorbed-dose", dcm.MinimumAbsorbedRadiationDose, ("Gy",)),
        ("maximum-absorbed-dose", dcm.MaximumAbsorbedRadiationDose, ("Gy",)),
        ("volume", SCT.Volume, ("mL",)),
    ):
        found = quantity(key)
        assert (found.code.value, found.units) == (standard.value, units)
        assert found.code.meaning == standard.meaning
    assert (quantity("mass").code.value, quantity("mass").units) == ("118538004", ("g",))
    own = {key: quantity(key) for key in ("activity-fraction", "activity", "bed", "eud", "d2.5")}
    assert {q.code.scheme_designator for q in own.values()} == {"99OPENSIRT"}
    assert [q.code.value for q in own.values()] == [
        "ACTIVITY-SHARE", "ACTIVITY", "BED", "EUD", "D2.5",
    ]  # fmt: skip
    assert [q.units for q in own.values()] == [
        ("1", "%"), ("Bq", "MBq"), ("Gy",), ("Gy",), ("Gy",),
    ]  # fmt: skip
    share = quantity("v70gy")
    assert (share.code.value, share.units) == ("V70GY", ("1", "%"))
    assert quantity("v-limit-fraction").code.value == "V-LIMIT"


def test_units_have_the_codes_of_ucum() -> None:
    for name in ("NoUnits", "Percent", "Becquerel", "Megabecquerel", "BecquerelsPerMilliliter"):
        standard = getattr(codes.UCUM, name)
        assert unit_code(standard.value).meaning == standard.meaning
    meanings = {unit: unit_code(unit).meaning for unit in ("Gy", "mL", "g")}
    assert meanings == {"Gy": "Gy", "mL": "milliliter", "g": "gram"}


def test_texts_are_cut_to_what_dicom_holds() -> None:
    assert short_text("a\\b\nc") == "a b c"
    assert short_text("  " + "x" * 15 + " y") == "x" * 15
    assert (len(short_text("x" * 80)), len(long_text("x" * 80))) == (16, 64)
    assert short_text("x" * 80, 20) == "x" * 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"), (1 / 3, "0.3333333333"), (-123.4567891234, "-123.4567891"), (-0.0, "0"),
        (1e-300, "1e-300"), (-1.23456789123e-100, "-1.2345679e-100"), (2000000.125, "2000000.125"),
    ],
)  # fmt: skip
def test_a_decimal_string_has_ten_digits_in_sixteen_characters(value: float, text: str) -> None:
    assert decimal(value) == text
    assert len(text) <= 16


@pytest.mark.parametrize(
    ("sex", "written"), [("F", "F"), ("male", "M"), (" o", "O"), ("x", ""), ("", "")]
)
def test_the_sex_is_a_code_or_nothing(sex: str, written: str) -> None:
    context = DicomContext.for_case(Case(id="a", patient=Patient(sex=sex)), uid_seed="s")
    assert context.patient_sex == written
    assert build_rt_plan(PlanSummary("p", ""), context).PatientSex == written


def test_results_join_the_study_and_the_frame_of_their_image() -> None:
    context = DicomContext.for_case(Case(id="a"), image=source_image(GRID), uid_seed="s")
    assert (context.study_uid, context.frame_of_reference_uid) == ("1.2.3.6", "1.2.3.5")
    assert not context.own_study
    bare = replace(source_image(GRID), study_uid="", frame_of_reference_uid="", series_uid="")
    alone = DicomContext.for_case(Case(id="a"), image=bare, uid_seed="s")
    none = DicomContext.for_case(Case(id="a"), uid_seed="s")
    assert (alone.study_uid, alone.frame_of_reference_uid) == (
        none.study_uid, none.frame_of_reference_uid,
    )  # fmt: skip
    assert none.study_uid != none.frame_of_reference_uid
    assert alone.own_study
    assert alone.source is None


def test_dates_are_those_of_writing() -> None:
    found = build_rt_plan(PlanSummary("p", ""), sample_context())
    assert {found.RTPlanDate, found.SeriesDate, found.InstanceCreationDate} == {"20250304"}
    assert {found.RTPlanTime, found.SeriesTime, found.InstanceCreationTime} == {"050607"}
    assert (found.StudyDate, found.StudyTime, found.StudyID) == ("20250304", "050607", "1")
    joined = build_rt_plan(PlanSummary("p", ""), sample_context(GRID))
    assert (joined.StudyDate, joined.StudyTime, joined.StudyID) == ("", "", "")
    with pytest.raises(InputError, match="1 to 64 printable characters"):
        DicomContext.for_case(Case(id="x" * 65))
    assert DicomContext.for_case(Case(id="x" * 64), created=datetime(2025, 1, 1, tzinfo=UTC))


def test_series_are_numbered_in_their_order_behind_those_of_the_scanner() -> None:
    names = [
        "plan", "dose", "structures", "segmentation", "report", "activity", "outlines",
        "outlines-segmentation", "bed",
    ]  # fmt: skip
    assert [sample_context().series_number(name) for name in names] == list(range(9001, 9010))


def test_a_verification_can_be_told_from_a_plan_in_the_same_study() -> None:
    plan, given = (DicomContext.for_case(Case(id="x"), is_given=given) for given in (False, True))
    assert [given.series_number(n) for n in ("plan", "dose", "outlines")] == [9051, 9052, 9057]
    regions = sample_regions(GRID)
    for context, words, label in (
        (plan, "Regions, opensirt", "opensirt"),
        (given, "Given: Regions, opensirt", "opensirt Given"),
    ):
        written = build_rt_structures(regions, context)
        assert (written.SeriesDescription, written.StructureSetLabel) == (words, label)
        assert build_segmentation(regions, context).SeriesDescription == words
    assert (
        build_rt_structures(regions, given, name="outlines").StructureSetLabel == "outlines Given"
    )
    for key in ("activity-fraction", "v-limit-fraction", "v123.45gy", "d99.5"):
        assert len(quantity(key).code.value) <= 16  # a longer one is another attribute


@pytest.mark.parametrize("name", ["axial", "slices-downwards", "oblique"])
def test_no_image_lies_before_the_first_slice_or_behind_the_last(name: str) -> None:
    source = SourceImages.of(source_image(GRIDS[name]))
    assert source is not None
    normal = source.grid.directions[0]
    found = [
        source.instance_at(source.grid.to_patient((index, 5, 5)), normal)
        for index in (-2, -1, 0, 8, 9)
    ]
    assert found == [None, None, "1.2.3.7.0", "1.2.3.7.8", None]
    off = source.grid.to_patient((4, 5, 5)) + 0.012 * normal
    assert source.instance_at(off, normal) is None
    assert source.instance_at(off - 0.004 * normal, normal) == "1.2.3.7.4"


def halves() -> Region:
    """Coverage of 0.25, 0.5 and 1 in one row of one slice."""
    fractions = np.zeros(GRID.shape, np.float32)
    fractions[3, 4, 2:5] = 0.25, 0.5, 1.0
    fractions[4, 4, 2:5] = 0.25, 0.5, 0.49
    return Region.from_mask("lesion", "tumour", fractions, GRID)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_voxel_is_in_its_segment_from_one_half_on(kind: str) -> None:
    dataset = build_segmentation(Regions((halves(),)), sample_context(), kind=kind)
    (back,), _ = read_segmentation(dataset, [])
    assert back.volume_ml == pytest.approx(3 * GRID.voxel_volume_ml, rel=1e-6)


def test_frames_are_indexed_from_one_by_segment_and_plane() -> None:
    dataset = build_segmentation(sample_regions(GRIDS["slices-downwards"]), sample_context())
    found = [
        [int(v) for v in group.FrameContentSequence[0].DimensionIndexValues]
        for group in dataset.PerFrameFunctionalGroupsSequence
    ]
    # slices 1 to 8 hold something, and run downwards: 8 is the first plane
    assert found[:6] == [[1, plane] for plane in range(3, 9)]
    assert found[6:10] == [[2, plane] for plane in range(4, 8)]
    assert found[10:] == [[3, plane] for plane in range(1, 5)]


def test_a_segmentation_states_the_size_of_its_voxels() -> None:
    (measures,) = build_segmentation(
        sample_regions(GRID), sample_context()
    ).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence  # fmt: skip
    assert [float(v) for v in measures.PixelSpacing] == [1.5, 2.25]
    assert (measures.SliceThickness, measures.SpacingBetweenSlices) == (3.0, 3.0)


def test_a_target_needs_its_number() -> None:
    """Without a number in the structure set the dose is prescribed to a site, named in words."""
    summary = PlanSummary("p", "d" * 2000, None, "tumour 1")
    (item,) = build_rt_plan(summary, sample_context()).DoseReferenceSequence
    assert item.DoseReferenceStructureType == "SITE"
    assert "ReferencedROINumber" not in item
    assert (item.DoseReferenceDescription, item.DoseReferenceType) == ("tumour 1", "TARGET")
    nameless = PlanSummary("p", "", None)
    (item,) = build_rt_plan(nameless, sample_context(), target_number=3).DoseReferenceSequence
    assert (item.DoseReferenceStructureType, item.DoseReferenceDescription) == (
        "SITE", "treated liver",
    )  # fmt: skip
    plan = build_rt_plan(summary, sample_context())
    assert (plan.RTPlanLabel, plan.RTPlanName, len(plan.RTPlanDescription)) == ("p", "p", 1024)
    long = build_rt_plan(PlanSummary("x" * 80, "d"), sample_context())
    assert (long.RTPlanLabel, long.RTPlanName) == ("x" * 16, "x" * 64)
    assert long.RTPlanDescription == "d"
    assert (plan.PlanIntent, plan.ApprovalStatus) == ("RESEARCH", "UNAPPROVED")
    assert build_rt_plan(PlanSummary("", ""), sample_context()).RTPlanLabel == "SIRT"


def test_a_histogram_is_of_the_kind_of_its_dose() -> None:
    numbers = {"liver": 1}
    for kind in ("PHYSICAL", "EFFECTIVE"):
        dose = build_rt_dose(
            sample_dose(GRID), sample_context(), dose_type=kind, roi_numbers=numbers,
            histograms=sample_histograms(),
        )  # fmt: skip
        assert (dose.DoseType, dose.DVHSequence[0].DoseType) == (kind, kind)
        assert (dose.DVHSequence[0].DoseUnits, dose.DVHSequence[0].DVHDoseScaling) == ("GY", 1)


@pytest.mark.parametrize(
    ("dose", "volume", "sound"),
    [
        ([0, 1, 2], [5, 5, 0], True), ([1, 2, 3], [5, 4, 0], False), ([0, 1, 1], [5, 4, 0], False),
        ([0, 2, 1], [5, 4, 0], False), ([0, 1, 2], [5, 6, 0], False), ([0, 1], [5, 4, 3], False),
        ([0], [5], False),
    ],
)  # fmt: skip
def test_a_histogram_rises_from_nothing_and_its_volume_falls(dose, volume, sound: bool) -> None:
    arrays = np.asarray(dose, float), np.asarray(volume, float)
    if sound:
        assert DoseVolumeHistogram("x", *arrays, 1.0, 0.0, 2.0).mean_gy == 1.0
    else:
        with pytest.raises(InputError, match="expected doses rising from 0 Gy"):
            DoseVolumeHistogram("x", *arrays, 1.0, 0.0, 2.0)


def report(context: DicomContext, *, with_dose: bool = True, source: str | None = None) -> Dataset:
    regions = sample_regions(GRID)
    segmentation = build_segmentation(regions, context)
    dose = build_rt_dose(sample_dose(GRID), context) if with_dose else None
    measured = {**sample_measurements(), "left lung": [RegionMeasurement("volume", 1.0, "mL")]}
    return build_measurement_report(
        regions, measured, context, segmentation=segmentation, dose=dose, source_series_uid=source
    )


def values_of(dataset: Dataset, keyword: str) -> list[str]:
    return [str(element.value) for element in dataset.iterall() if element.keyword == keyword]


def test_the_report_names_what_its_numbers_were_taken_from() -> None:
    context = sample_context()
    evidence = values_of(report(context), "ReferencedSOPInstanceUID")
    assert {context.sop_uid("segmentation"), context.sop_uid("dose")} == set(evidence)
    evidence = values_of(report(context, with_dose=False), "ReferencedSOPInstanceUID")
    assert set(evidence) == {context.sop_uid("segmentation")}


def test_the_series_behind_a_segment_is_the_source_or_the_dose() -> None:
    """TID 1411: by order the one given, the images drawn on, the dose, the segmentation."""
    own, joined = sample_context(), sample_context(GRID)
    for dataset, series in (
        (report(joined, source="1.2.99"), "1.2.99"), (report(joined), "1.2.3.4"),
        (report(own), own.series_uid("dose")),
        (report(own, with_dose=False), own.series_uid("segmentation")),
    ):  # fmt: skip
        assert set(values_of(dataset, "UID")) >= {series}
        others = {"1.2.99", "1.2.3.4", own.series_uid("dose"), own.series_uid("segmentation")}
        assert set(values_of(dataset, "UID")) & (others - {series}) == set()


def test_a_tumour_lies_in_the_liver_and_a_lung_on_its_side() -> None:
    groups = report(sample_context())
    sites = [
        (item.ConceptCodeSequence[0].CodeValue,
         [part.ConceptCodeSequence[0].CodeValue for part in item.get("ContentSequence", [])])
        for item in walk(groups)
        if item.get("ConceptNameCodeSequence", [Dataset()])[0].get("CodeValue") == "363698007"
    ]  # fmt: skip
    assert sites == [("10200004", []), ("39607008", ["7771000"])]


def walk(dataset: Dataset):
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from walk(item)


def test_an_activity_map_opens_from_nothing_to_its_highest_value() -> None:
    values = np.linspace(2.0, 10.0, int(np.prod(GRID.shape)), dtype=np.float32)
    instant = datetime(2025, 1, 10, 9, 30, 20, tzinfo=UTC)
    volume = Volume(values.reshape(GRID.shape), GRID, Unit.BQ_PER_ML, "y90", instant)
    dataset = build_activity_map(volume, sample_context())
    groups = dataset.SharedFunctionalGroupsSequence[0]
    window = groups.FrameVOILUTSequence[0]
    assert (float(window.WindowCenter), float(window.WindowWidth)) == (5.0, 10.0)
    mapping = groups.RealWorldValueMappingSequence[0]
    assert mapping.DoubleFloatRealWorldValueFirstValueMapped == 2.0
    assert mapping.DoubleFloatRealWorldValueLastValueMapped == 10.0
    assert mapping.RealWorldValueIntercept == 0.0
    assert dataset.ContentDescription == "y90, Bq/mL, at 2025-01-10T09:30+00:00"
    nothing = replace(volume, values=np.zeros(GRID.shape), nuclide=None, time=None)
    dataset = build_activity_map(nothing, sample_context())
    assert dataset.ContentDescription == "nuclide not stated, Bq/mL, at a time not stated"


def test_colours_and_types_tell_regions_apart() -> None:
    mask = np.zeros(GRID.shape)
    mask[2:4, 3:6, 3:6] = 1
    regions = Regions(tuple(Region.from_mask(r, r, mask, GRID) for r in REGION_ROLES))
    found = build_rt_structures(regions, sample_context())
    types = {
        roi.ROIName: item.RTROIInterpretedType
        for roi, item in zip(
            found.StructureSetROISequence, found.RTROIObservationsSequence, strict=True
        )
    }
    organs = ("liver", "lungs", "lung-left", "lung-right", "gallbladder", "stomach", "bowel")
    assert types == {
        **dict.fromkeys(organs, "ORGAN"), "tumour": "GTV", "perfused": "TREATED_VOLUME",
        "body": "EXTERNAL", "necrosis": "", "other": "",
    }  # fmt: skip
    colours = [tuple(item.ROIDisplayColor) for item in found.ROIContourSequence]
    assert len(set(colours)) == len(REGION_ROLES) - 2  # the lungs share theirs
    contour = found.ROIContourSequence[0].ContourSequence[0]
    assert contour.NumberOfContourPoints == len(contour.ContourData) // 3


def test_an_activity_map_has_what_readers_of_parametric_maps_ask_for() -> None:
    """paramap2itkimage of dcmqi ends badly without anatomy of the frames."""
    values = np.arange(np.prod(GRID.shape), dtype=np.float32).reshape(GRID.shape)
    dataset = build_activity_map(Volume(values, GRID, Unit.BQ_PER_ML), sample_context())
    assert dataset.ContentCreatorName == ""
    (anatomy,) = dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence
    assert anatomy.AnatomicRegionSequence[0].CodeValue == SCT.Liver.value
    assert anatomy.FrameLaterality == "U"
