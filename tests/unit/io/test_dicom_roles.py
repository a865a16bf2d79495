"""Which series serves for what: rules on each side of their borders, and what is left out, why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import AmbiguousStudyError, DicomError, InputError, NotUsableError
from opensirt.io.study import read_study
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 1024, dtype=np.uint16)


def ct(name: str, uid: str, volume: np.ndarray = SMALL, **more):
    facts = {"SeriesDescription": name, "SeriesInstanceUID": uid, **more}
    return make.slices(make.CT, "CT", volume, **facts)


def mr(name: str, uid: str, **more):
    facts = {"SeriesDescription": name, "SeriesInstanceUID": uid, **more}
    return make.slices(make.MR, "MR", SMALL, **facts)


def spect(name: str, uid: str, nuclide: str = "^99m^Technetium", **more):
    facts = {"SeriesDescription": name, "SeriesInstanceUID": uid, "nuclide": nuclide, **more}
    return make.spect(SMALL, **facts)


def study(folder: Path, *series):
    for number, objects in enumerate(series):
        make.save(objects, folder / str(number))
    return folder


def why(case, name: str) -> str:
    (text,) = [item.why for item in case.left_out if name in item.what]
    return text


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Ho scout", "planning-activity"), ("Ho pre treatment", None),
        ("Ho work-up", "planning-activity"), ("Ho simulation", "planning-activity"),
        ("Ho workup dose", "planning-activity"),
        ("Ho therapy", "treatment-activity"), ("Ho post", "treatment-activity"),
        ("Ho treatment", "treatment-activity"), ("Ho post scout", None), ("Ho SPECT", None),
    ],
)  # fmt: skip
def test_holmium_is_of_the_scout_or_of_the_treatment_where_one_word_says_so(
    tmp_path: Path, name: str, role: str | None
) -> None:
    """Words for both, or for neither, leave it open, and the user is asked."""
    folder = study(tmp_path, spect(name, "1.9", "^166^Holmium"))
    if role is None:
        with pytest.raises(AmbiguousStudyError, match="Ho-166 of a scout dose or of the treatment"):
            read_study(folder)
    else:
        assert [image.role for image in read_study(folder).images] == [role]


def test_the_description_of_the_study_may_say_the_stage(tmp_path: Path) -> None:
    folder = study(tmp_path, spect("Ho", "1.9", "^166^Holmium", StudyDescription="SIRT scout dose"))
    assert read_study(folder).images[0].role == "planning-activity"


def test_one_holmium_image_chosen_leaves_the_unclear_one_out_of_both_roles(tmp_path: Path) -> None:
    one, other = (spect(f"Ho {n}", f"1.9.{n}", "^166^Holmium") for n in (1, 2))
    case = read_study(study(tmp_path, one, other), choose={"treatment-activity": "Ho 1"})
    assert {image.role: image.label for image in case.images} == {"treatment-activity": "Ho 1"}


@pytest.mark.parametrize(
    ("nuclide", "role"),
    [("^99m^Technetium", "planning-activity"), ("^90^Yttrium", "treatment-activity")],
)
def test_technetium_plans_and_yttrium_treats(tmp_path: Path, nuclide: str, role: str) -> None:
    case = read_study(study(tmp_path, spect("A", "1.9", nuclide)))
    assert [image.role for image in case.images] == [role]


def test_a_chosen_image_serves_its_role_whatever_its_nuclide(tmp_path: Path) -> None:
    """Bremsstrahlung SPECT of a test dose, chosen for planning: no longer the treatment's."""
    folder = study(tmp_path, spect("A", "1.9.1", "^90^Yttrium"), spect("B", "1.9.2"))
    case = read_study(folder, choose={"planning-activity": "A"})
    assert {image.role: image.label for image in case.images} == {"planning-activity": "A"}
    assert why(case, "'B'") == "another series was chosen for planning-activity"


def test_one_of_several_mr_series_is_taken_only_when_chosen(tmp_path: Path) -> None:
    """No role needs an MR, so several are no error."""
    folder = study(tmp_path, mr("T1", "1.9.1"), mr("T2", "1.9.2"), ct("CT", "1.9.3"))
    case = read_study(folder)
    assert [image.role for image in case.images] == ["ct"]
    assert why(case, "'T1'").startswith("one of several MR series, none of them needed; choose")
    case = read_study(folder, choose={"mr": "T2"})
    assert case.image("mr").label == "T2"
    assert why(case, "'T1'") == "another series was chosen for mr"
    alone = study(tmp_path / "alone", mr("T1", "1.9.1"))
    assert [image.role for image in read_study(alone).images] == ["mr"]


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        ("LOCALIZER", "a localizer (ImageType)"),
        ("MIP", "a maximum intensity projection (ImageType)"),
        ("MINIP", "a minimum intensity projection (ImageType)"),
        ("PROJECTION IMAGE", "a projection (ImageType)"),
    ],
)
def test_pictures_that_are_no_slices_are_left_out(tmp_path: Path, mark: str, reason: str) -> None:
    folder = study(
        tmp_path, ct("Abdomen", "1.9.1"), ct("Other", "1.9.2", ImageType=["DERIVED", "X", mark])
    )
    case = read_study(folder)
    assert case.image("ct").label == "Abdomen"
    assert why(case, "'Other'") == reason


def test_the_header_outweighs_the_name_on_attenuation(tmp_path: Path) -> None:
    """ "NAC" that lists ATTN is corrected; "AC" that does not is not."""
    folder = study(
        tmp_path,
        spect("MAA NAC", "1.9.1", CorrectedImage=["ATTN", "SCAT"]),
        spect("MAA AC", "1.9.2", CorrectedImage=["SCAT"]),
    )
    case = read_study(folder)
    assert case.image("planning-activity").label == "MAA NAC"
    assert why(case, "'MAA AC'") == "not corrected for attenuation, where another series is"


def test_two_uncorrected_images_are_asked_for(tmp_path: Path) -> None:
    folder = study(tmp_path, spect("NAC 1", "1.9.1"), spect("NAC 2", "1.9.2"))
    with pytest.raises(AmbiguousStudyError, match="2 series could be the planning-activity"):
        read_study(folder)


def test_the_ct_of_the_frame_of_the_activity_is_taken_before_the_larger(tmp_path: Path) -> None:
    large = np.full((12, 6, 7), 1024, dtype=np.uint16)
    folder = study(
        tmp_path, ct("Near", "1.9.1"), ct("Large", "1.9.2", large, FrameOfReferenceUID="1.7"),
        spect("MAA", "1.9.3"),
    )  # fmt: skip
    assert read_study(folder).image("ct").label == "Near"


@pytest.mark.parametrize(
    ("pixel", "thickness", "taken"),
    [
        ((2.0, 3.0), 4.0, "Other"), ((4.0, 1.5), 4.0, "Other"), ((2.0, 2.9), 4.0, None),
        ((2.0, 1.5), 20.0, "Other"), ((2.0, 1.5), 19.0, None), ((1.0, 1.5), 4.0, "CT"),
    ],
)  # fmt: skip
def test_the_volume_covered_is_slices_with_their_thickness_times_rows_times_columns(
    tmp_path: Path, pixel: tuple[float, float], thickness: float, taken: str | None
) -> None:
    """Four slices 4 mm apart and 4 mm thick are 16 mm; 20 mm thick they are 32 mm: twice."""
    folder = study(
        tmp_path, ct("CT", "1.9.1"),
        ct("Other", "1.9.2", pixel=pixel, SliceThickness=thickness),
    )  # fmt: skip
    if taken is None:
        with pytest.raises(AmbiguousStudyError, match="2 series could be the ct"):
            read_study(folder)
    else:
        assert read_study(folder).image("ct").label == taken


def test_rows_and_columns_both_count_for_the_volume(tmp_path: Path) -> None:
    wide = np.full((4, 6, 14), 1024, dtype=np.uint16)
    tall = np.full((4, 12, 7), 1024, dtype=np.uint16)
    for number, volume in enumerate((wide, tall)):
        folder = study(tmp_path / str(number), ct("CT", "1.9.1"), ct("Other", "1.9.2", volume))
        case = read_study(folder)
        assert case.image("ct").label == "Other"
        assert why(case, "'CT'") == "covers less than 1/2 of the volume of another series"


def test_the_largest_of_three_is_taken_only_where_it_is_far_larger_than_both(
    tmp_path: Path,
) -> None:
    """4 slices are not twice 3, whatever the third has."""
    others = (ct("Other", "1.9.2", SMALL[:3]), ct("Small", "1.9.3", SMALL[:2]))
    with pytest.raises(AmbiguousStudyError, match="3 series could be the ct"):
        read_study(study(tmp_path / "a", ct("CT", "1.9.1"), *others))
    folder = study(
        tmp_path / "b", ct("CT", "1.9.1"), *(ct(n, n, SMALL[:2]) for n in ("1.1", "1.2"))
    )
    assert read_study(folder).image("ct").label == "CT"


def test_an_oblique_series_is_axial_where_its_normal_points_most_to_the_head(
    tmp_path: Path,
) -> None:
    tilted = ((1.0, 0.0, 0.0), (0.0, 0.8, -0.6))  # normal (0, 0.6, 0.8)
    steep = ((1.0, 0.0, 0.0), (0.0, 0.6, -0.8))  # normal (0, 0.8, 0.6)
    folder = study(
        tmp_path, ct("Steep", "1.9.1", cosines=steep), ct("Tilted", "1.9.2", cosines=tilted)
    )
    assert read_study(folder).image("ct").label == "Tilted"


def test_a_choice_is_by_description_number_identity_or_file(tmp_path: Path) -> None:
    folder = study(
        tmp_path, ct("Soft", "1.9.1", SeriesNumber=12), ct("Lung", "1.9.2", SeriesNumber=7)
    )
    for wanted in ("Lung", " lung ", "7", "1.9.2"):
        assert read_study(folder, choose={"ct": wanted}).image("ct").label == "Lung"
    with pytest.raises(InputError, match="no series is called 'nuclear'; there are 'Soft'"):
        read_study(folder, choose={"ct": "nuclear"})
    with pytest.raises(InputError, match="no series is called 'Lung'; there are none"):
        read_study(folder, choose={"mr": "Lung"})


def test_a_description_comes_before_a_number(tmp_path: Path) -> None:
    """Series 3 is called "7", series 7 is called "Lung": 7 is the name."""
    folder = study(tmp_path, ct("7", "1.9.1", SeriesNumber=3), ct("L", "1.9.2", SeriesNumber=7))
    assert read_study(folder, choose={"ct": "7"}).image("ct").series_uid == "1.9.1"


def test_series_of_one_name_are_offered_by_number(tmp_path: Path) -> None:
    folder = study(tmp_path, ct("CT", "1.9.1", SeriesNumber=12), ct("CT", "1.9.2", SeriesNumber=7))
    with pytest.raises(AmbiguousStudyError, match=r'choose=\{"ct": "(12|7)"\}'):
        read_study(folder)
    with pytest.raises(AmbiguousStudyError, match=r"2 series are called 'CT'.*choose by another"):
        read_study(folder, choose={"ct": "CT"})


def test_an_image_without_a_place_is_an_error_only_where_it_was_chosen(tmp_path: Path) -> None:
    broken = spect("MAA", "1.9.1", spacing=None)
    folder = study(tmp_path, broken, ct("CT", "1.9.2"))
    case = read_study(folder)
    assert [image.role for image in case.images] == ["ct"]
    assert "SpacingBetweenSlices is missing" in why(case, "'MAA'")
    with pytest.raises(DicomError, match="SpacingBetweenSlices is missing"):
        read_study(folder, choose={"planning-activity": "MAA"})


def test_strangers_are_named_together(tmp_path: Path) -> None:
    folder = study(tmp_path, spect("A", "1.9.1", "^111^Indium"))
    (finding,) = read_study(folder).findings
    assert finding.text == "the only activity image shows in111, which no microsphere carries"


@pytest.mark.parametrize(
    ("one", "other", "taken"),
    [
        ("Pinnacle MAA", "MAA", None), ("mono acquisition", "MAA", None),
        ("MAA_NAC_3", "MAA", "MAA"), ("MAA Non-AC", "MAA", "MAA"),
        ("MAA (uncorrected)", "MAA", "MAA"), ("NAC", "MAA", "MAA"),
    ],
)  # fmt: skip
def test_only_whole_words_say_that_an_image_is_uncorrected(
    tmp_path: Path, one: str, other: str, taken: str | None
) -> None:
    """ "Pinnacle" holds the letters of NAC, "mono acquisition" those of "no AC"."""
    folder = study(tmp_path, spect(one, "1.9.1"), spect(other, "1.9.2"))
    if taken is None:
        with pytest.raises(AmbiguousStudyError, match="2 series could be the planning-activity"):
            read_study(folder)
    else:
        assert read_study(folder).image("planning-activity").label == taken


@pytest.mark.parametrize("units", ["PROPCPS", "GML"])
def test_a_spect_in_another_unit_is_left_out_and_the_rest_is_read(
    tmp_path: Path, units: str
) -> None:
    folder = study(tmp_path, spect("SPECT", "1.9.1", Units=units), ct("CT", "1.9.2"))
    case = read_study(folder)
    assert [image.role for image in case.images] == ["ct"]
    assert f"refused as activity: Units is {units}" in why(case, "'SPECT'")
    with pytest.raises(NotUsableError, match=f"Units is {units}"):
        read_study(folder, choose={"planning-activity": "SPECT"})
