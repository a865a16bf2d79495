"""Roles, ambiguity, pseudonyms and what is left out of a study folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.sequence import Sequence as DicomSequence

from opensirt.errors import (
    AmbiguousStudyError,
    CaseError,
    DicomError,
    InputError,
    NotUsableError,
    OpenSirtError,
    UnknownNameError,
)
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.study import describe_study, read_study
from opensirt.units import Unit
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 1024, dtype=np.uint16)
LARGE = np.full((9, 6, 7), 1024, dtype=np.uint16)


def ct(volume=SMALL, **more):
    facts = {"SeriesDescription": "CT AC", "SeriesInstanceUID": "1.2.3.4.77", **more}
    return make.slices(make.CT, "CT", volume, **facts)


def reasons(case) -> dict[str, str]:
    return {item.shown: item.why for item in case.left_out}


def why(case, part: str) -> str:
    found = [text for what, text in reasons(case).items() if part in what]
    assert len(found) == 1, reasons(case)
    return found[0]


def test_a_whole_study(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "ct")
    make.save(make.spect(SMALL), tmp_path / "nm")
    make.save(make.pet(SMALL), tmp_path / "pt")
    (tmp_path / "readme.txt").write_text("no image")
    seen: list[tuple[int, int]] = []
    case = read_study(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert {i.role: (i.modality, i.volume.unit) for i in case.images} == {
        "ct": ("CT", Unit.HU),
        "planning-activity": ("NM", Unit.COUNTS),
        "treatment-activity": ("PT", Unit.BQ_PER_ML),
    }
    assert seen[-1] == (10, 10)
    assert why(case, "readme.txt") == "not a DICOM file"
    assert (case.patient.sex, case.patient.height_cm, case.patient.weight_kg) == ("F", 170.0, 65.0)
    assert sorted(case.provenance.inputs) == ["ct", "planning-activity", "treatment-activity"]
    assert all(len(digest) == 64 for digest in case.provenance.inputs.values())


def test_case_is_pseudonymous_and_repeatable(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "a")
    case = read_study(tmp_path)
    assert case.id.startswith("case-")
    assert len(case.id) == 17
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "inner")
    again = read_study(tmp_path / "b")
    assert again.id == case.id
    assert again.provenance.inputs == case.provenance.inputs
    text = str(describe_study(case))
    assert "SECRET" not in text


def test_error_texts_hold_no_identity(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "1")
    make.save(ct(PatientID="SECRET-ID-2", SeriesInstanceUID="1.2.5"), tmp_path / "2")
    with pytest.raises(InputError) as caught:
        read_study(tmp_path, choose={"ct": "CT AC"})
    assert "SECRET" not in str(caught.value)
    make.save(make.spect(SMALL, PatientID="SECRET-ID-2"), tmp_path / "3")
    shutil.rmtree(tmp_path / "2")
    with pytest.raises(InputError, match="of 2 patients") as caught:
        read_study(tmp_path)
    assert "SECRET" not in str(caught.value)


def test_ambiguous_folder_lists_candidates_and_takes_a_choice(tmp_path: Path) -> None:
    make.save(ct(SeriesDescription="Soft", SeriesNumber=3), tmp_path / "1")
    make.save(
        ct(SeriesDescription="Lung", SeriesNumber=4, SeriesInstanceUID="1.2.8"), tmp_path / "2"
    )
    with pytest.raises(AmbiguousStudyError) as caught:
        read_study(tmp_path)
    text = str(caught.value)
    assert "'Soft' (series 3, CT, 4 x 6 x 7)" in text
    assert "'Lung' (series 4, CT, 4 x 6 x 7)" in text
    assert 'choose={"ct": "' in text
    for wanted in ("Lung", "lung ", "4", "1.2.8"):
        case = read_study(tmp_path, choose={"ct": wanted})
        assert case.image("ct").label == "Lung"
        assert why(case, "Soft") == "another series was chosen for ct"
    with pytest.raises(InputError, match="no series is called 'Bone'; there are 'Soft'"):
        read_study(tmp_path, choose={"ct": "Bone"})
    with pytest.raises(UnknownNameError, match="cannot choose for 'pet'"):
        read_study(tmp_path, choose={"pet": "Soft"})


def test_same_names_are_chosen_by_number(tmp_path: Path) -> None:
    make.save(ct(SeriesNumber=3), tmp_path / "1")
    make.save(ct(SeriesNumber=4, SeriesInstanceUID="1.2.8"), tmp_path / "2")
    with pytest.raises(AmbiguousStudyError, match="choose by another name"):
        read_study(tmp_path, choose={"ct": "CT AC"})
    assert len(read_study(tmp_path, choose={"ct": "4"}).images) == 1


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ct(SMALL[:2], SeriesInstanceUID="1.9"), "covers less than 1/2 of the volume"),
        (ct(LARGE, SeriesInstanceUID="1.9", cosines=make.CORONAL), "not axial"),
        (ct(LARGE, SeriesInstanceUID="1.9", FrameOfReferenceUID="1.7"), "not in the frame of ref"),
        (
            ct(SMALL, SeriesInstanceUID="1.9", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
            "a localizer (ImageType)",
        ),
    ],
)
def test_clearly_meant_ct(tmp_path: Path, other, reason: str) -> None:
    for dataset in other:
        dataset.SeriesDescription = "Other"
    make.save(ct(LARGE), tmp_path / "1")
    make.save(other, tmp_path / "2")
    make.save(make.spect(SMALL), tmp_path / "3")
    case = read_study(tmp_path)
    assert case.image("ct").label == "CT AC"
    assert reason in why(case, "Other")


def test_attenuation_corrected_series_is_taken(tmp_path: Path) -> None:
    make.save(make.pet(SMALL), tmp_path / "1")
    nac = make.pet(
        SMALL, SeriesDescription="PET NAC", SeriesInstanceUID="1.9", CorrectedImage=["DECY"]
    )
    make.save(nac, tmp_path / "2")
    case = read_study(tmp_path)
    assert case.image("treatment-activity").label == "PET AC"
    assert "not corrected for attenuation" in why(case, "NAC")


@pytest.mark.parametrize("poor", ["MAA NAC", "MAA non-corrected", "MAA no AC"])
def test_a_name_tells_the_uncorrected_series_where_no_header_does(
    tmp_path: Path, poor: str
) -> None:
    """Neither header lists its corrections; the name that says "no AC" is not taken."""
    for number, name in enumerate((poor, "MAA AC"), start=1):
        dataset = make.spect(SMALL, SeriesDescription=name, SeriesInstanceUID=f"1.2.9.{number}")
        make.save(dataset, tmp_path / str(number))
    case = read_study(tmp_path)
    assert case.image("planning-activity").label == "MAA AC"
    assert why(case, poor) == "not corrected for attenuation, where another series is"


def test_refused_units_are_left_out_and_named_when_missed(tmp_path: Path) -> None:
    make.save(make.pet(SMALL, Units="GML"), tmp_path)
    case = read_study(tmp_path)
    assert case.images == ()
    assert "Units is GML" in why(case, "PET AC")
    with pytest.raises(CaseError, match="left out: PET AC: refused as activity: Units is GML"):
        case.image("treatment-activity")
    with pytest.raises(NotUsableError, match="Units is GML"):
        read_study(tmp_path, choose={"treatment-activity": "PET AC"})


def test_projections_pictures_and_copies_are_left_out(tmp_path: Path) -> None:
    make.save(make.spect(SMALL), tmp_path / "recon")
    make.save(make.spect(SMALL, kind="TOMO", SeriesDescription="RAW"), tmp_path / "raw")
    make.save(make.spect(SMALL[:2], kind="WHOLE BODY", SeriesDescription="WB"), tmp_path / "wb")
    picture = make.header("1.2.840.10008.5.1.4.1.1.7", "OT")
    make.save(make.with_pixels(picture, SMALL[0]), tmp_path / "sc")
    shutil.copy(next((tmp_path / "recon").iterdir()), tmp_path / "again.dcm")
    case = read_study(tmp_path)
    assert [i.label for i in case.images] == ["MAA SPECT"]
    assert "ImageType is TOMO: projections" in why(case, "RAW")
    assert "planar lung shunt only" in why(case, "WB")
    assert why(case, "sc/").startswith("Secondary Capture Image: a picture")
    assert "a copy of" in why(case, "recon/")


def test_damaged_file_is_left_out_by_name(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "ct")
    path = make.save(make.pet(SMALL[:1]), tmp_path / "pt")[0]
    path.write_bytes(path.read_bytes()[:-20])
    case = read_study(tmp_path)
    assert "PixelData holds 64 of 84 bytes" in why(case, "PET AC")
    with pytest.raises(DicomError, match="PixelData holds 64 of 84 bytes"):
        read_study(path)


def test_ho166_must_say_its_stage(tmp_path: Path) -> None:
    facts = {"nuclide": "^166^Holmium", "SeriesDescription": "Ho SPECT"}
    make.save(make.spect(SMALL, **facts), tmp_path / "a")
    with pytest.raises(AmbiguousStudyError, match="Ho-166 of a scout dose or of the treatment"):
        read_study(tmp_path)
    case = read_study(tmp_path, choose={"treatment-activity": "Ho SPECT"})
    assert case.image("treatment-activity").volume.nuclide == "ho166"
    make.save(make.spect(SMALL, **{**facts, "SeriesDescription": "Ho scout"}), tmp_path / "b")
    assert read_study(tmp_path / "b").images[0].role == "planning-activity"


def test_other_nuclides_are_shown_with_a_stop(tmp_path: Path) -> None:
    make.save(make.pet(SMALL, RadiopharmaceuticalInformationSequence=make.drug("18F")), tmp_path)
    case = read_study(tmp_path)
    assert case.images[0].volume.nuclide == "f18"
    assert [(f.severity, f.code) for f in case.findings] == [("stop", "not-a-bead-nuclide")]
    make.save(make.spect(SMALL), tmp_path / "nm")
    case = read_study(tmp_path)
    assert [i.volume.nuclide for i in case.images] == ["tc99m"]
    assert why(case, "PET AC") == "shows f18, not beads"


def test_unnamed_nuclide_is_not_guessed(tmp_path: Path) -> None:
    spect = make.spect(SMALL, RadiopharmaceuticalInformationSequence=DicomSequence([]))
    make.save(spect, tmp_path)
    case = read_study(tmp_path)
    assert case.images == ()
    assert "RadionuclideCodeSequence names no nuclide" in why(case, "MAA SPECT")
    chosen = read_study(tmp_path, choose={"planning-activity": "MAA SPECT"})
    assert chosen.image("planning-activity").volume.nuclide is None


def test_time_points_in_one_series_become_volumes(tmp_path: Path) -> None:
    first, second = make.pet(SMALL), make.pet(SMALL)
    for number, group in ((1, first), (2, second)):
        for dataset in group:
            dataset.AcquisitionNumber = number
    make.save(first, tmp_path / "1")
    make.save(second, tmp_path / "2")
    with pytest.raises(AmbiguousStudyError, match="AcquisitionNumber 1"):
        read_study(tmp_path)
    wanted = {"treatment-activity": "PET AC (AcquisitionNumber 2)"}
    case = read_study(tmp_path, choose=wanted)
    assert case.image("treatment-activity").volume.grid.shape == (4, 6, 7)


def test_mixed_time_zones_are_a_finding(tmp_path: Path) -> None:
    make.save(make.spect(SMALL), tmp_path / "nm")
    make.save(make.pet(SMALL), tmp_path / "pt")
    assert [f.code for f in read_study(tmp_path).findings] == ["time-zone-unknown"]
    assert not read_study(tmp_path, time_zone="Europe/Berlin").findings


@pytest.mark.parametrize("what", ["missing", "empty", "no dicom"])
def test_places_that_hold_no_study(tmp_path: Path, what: str) -> None:
    if what == "no dicom":
        (tmp_path / "a.txt").write_text("text")
    place = tmp_path / "nowhere" if what == "missing" else tmp_path
    message = {
        "missing": "does not exist", "empty": "is empty", "no dicom": "but none is DICOM",
    }[what]  # fmt: skip
    with pytest.raises(InputError, match=message):
        read_study(place)


def test_description_of_a_study(tmp_path: Path) -> None:
    make.save(ct(), tmp_path)
    described = describe_study(read_study(tmp_path))
    image = described["images"][0]
    assert (image["shape"], image["spacing_mm"], image["origin_mm"]) == (
        [4, 6, 7], [4.0, 2.0, 1.5], [10.0, -20.0, 30.0],
    )  # fmt: skip
    assert (image["unit"], image["role"], image["minimum"]) == ("HU", "ct", 0.0)


def test_damaged_copies_only_raise_our_errors(tmp_path: Path) -> None:
    """200 truncated or bit-flipped copies: read, or one clear error (seeded)."""
    rng = np.random.default_rng(20250110)
    sources = [
        make.save(make.spect(SMALL), tmp_path / "nm")[0],
        make.save(make.pet(SMALL[:1]), tmp_path / "pt")[0],
        make.save(make.enhanced_ct(SMALL), tmp_path / "ct")[0],
        make.save(ct(SMALL[:1]), tmp_path / "one")[0],
    ]
    outcomes = {"read": 0, "refused": 0}
    texts: list[str] = []
    for number in range(200):
        content = bytearray(sources[number % 4].read_bytes())
        if number % 3 == 0:
            content = content[: rng.integers(0, len(content))]
        else:
            for place in rng.integers(0, len(content), size=1 + number % 5):
                content[place] ^= 1 << int(rng.integers(0, 8))
        path = tmp_path / f"damaged-{number}.dcm"
        path.write_bytes(bytes(content))
        for reader in (read_study, read_dicom_image):
            try:
                reader(path)
                outcomes["read"] += 1
            except OpenSirtError as error:
                outcomes["refused"] += 1
                texts.append(str(error))
        path.unlink()
    assert outcomes["read"] + outcomes["refused"] == 400
    assert outcomes["refused"] >= 100
    assert [text for text in texts if "\n" in text or "SECRET" in text] == []


def structure_set(half_mm: float, label: str, **more):
    """One square ROI "Liver" in the third slice of `ct()`."""
    x, y, z = 14.5, -15.0, 38.0
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    data = [v for a, b in corners for v in (x + a * half_mm, y + b * half_mm, z)]
    contour = make.item(
        ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4, ContourData=data
    )
    return make.item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3",
        SOPInstanceUID=f"1.2.3.{int.from_bytes(label.encode())}",
        Modality="RTSTRUCT", PatientID="SECRET-ID", StructureSetLabel=label,
        StructureSetROISequence=DicomSequence([make.item(
            ROINumber=1, ROIName="Liver", ReferencedFrameOfReferenceUID="1.2.3.9",
        )]),
        ROIContourSequence=DicomSequence([make.item(
            ReferencedROINumber=1, ContourSequence=DicomSequence([contour])
        )]),
        file_meta=make.header(make.CT, "CT").file_meta, **more,
    )  # fmt: skip


def test_two_contours_of_one_name(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "ct")
    first = structure_set(3.0, "first")
    first.save_as(tmp_path / "first.dcm", implicit_vr=False, little_endian=True)
    structure_set(3.0, "copy").save_as(
        tmp_path / "second.dcm", implicit_vr=False, little_endian=True
    )
    case = read_study(tmp_path)
    assert [(r.name, r.role) for r in case.regions] == [("Liver", "liver")]
    assert "the same region as in first (RTSTRUCT) in file 5" in why(case, "copy (RTSTRUCT)")
    structure_set(4.0, "other").save_as(
        tmp_path / "second.dcm", implicit_vr=False, little_endian=True
    )
    with pytest.raises(AmbiguousStudyError, match=r'choose=\{"regions": "file 5"\}'):
        read_study(tmp_path)
    for chosen in ("second.dcm", "file 6"):
        case = read_study(tmp_path, choose={"regions": chosen})
        assert case.region("liver").volume_ml > 0.2
    assert why(case, "first.dcm") == "other regions were chosen"
    with pytest.raises(InputError, match="no regions are called 'third'"):
        read_study(tmp_path, choose={"regions": "third"})


def test_contours_of_another_patient_are_left_out(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "ct")
    stranger = structure_set(3.0, "first")
    stranger.PatientID = "SOMEONE"
    stranger.save_as(tmp_path / "first.dcm", implicit_vr=False, little_endian=True)
    case = read_study(tmp_path)
    assert len(case.regions) == 0
    assert "of another patient" in why(case, "first.dcm")
    assert [finding.code for finding in case.findings] == ["regions-not-of-patient"]


@pytest.mark.parametrize("study", ["", "1.2.3.4"])
@pytest.mark.parametrize("unnamed", ["images", "regions"])
def test_where_no_patient_is_named_the_study_tells(
    tmp_path: Path, study: str, unnamed: str
) -> None:
    images, regions = ct(), structure_set(3.0, "first")
    regions.StudyInstanceUID = study
    for one in images if unnamed == "images" else [regions]:
        one.PatientID = ""
    make.save(images, tmp_path / "ct")
    regions.save_as(tmp_path / "first.dcm", implicit_vr=False, little_endian=True)
    case = read_study(tmp_path)
    assert len(case.regions) == bool(study)
    assert bool(study) or "is empty, and its StudyInstanceUID is another" in why(case, "first.dcm")


def test_case_file_takes_no_choice(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text('[case]\nid = "x"\n')
    with pytest.raises(InputError, match="leave choose out, it is for DICOM"):
        read_study(tmp_path, choose={"ct": "x"})
