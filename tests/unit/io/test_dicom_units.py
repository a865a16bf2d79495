"""What values of emission images mean: unit and scale, nuclide, and what was injected."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_units import (
    administration,
    emission_unit,
    nuclide_in_text,
    nuclide_of,
)
from opensirt.units import Unit
from tests.unit.io import dicom_factory as make

Y90_S = 64.1 * 3600
PET_ENHANCED = "1.2.840.10008.5.1.4.1.1.130"
NINE = datetime(2025, 1, 10, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("element", "symbol"),
    [
        ("technetium", "tc"), ("yttrium", "y"), ("holmium", "ho"), ("fluorine", "f"),
        ("indium", "in"), ("gallium", "ga"), ("germanium", "ge"), ("iodine", "i"),
        ("lutetium", "lu"), ("rhenium", "re"), ("phosphorus", "p"), ("copper", "cu"),
        ("zirconium", "zr"), ("carbon", "c"), ("nitrogen", "n"), ("oxygen", "o"),
        ("rubidium", "rb"), ("thallium", "tl"), ("samarium", "sm"), ("radium", "ra"),
        ("actinium", "ac"), ("terbium", "tb"), ("scandium", "sc"), ("cobalt", "co"),
        ("caesium", "cs"), ("xenon", "xe"), ("krypton", "kr"),
    ],
)  # fmt: skip
def test_an_element_is_named_in_words_or_by_its_symbol(element: str, symbol: str) -> None:
    for text in (f"^99^{element.title()}", f"{element}-99", f"{symbol.title()}-99", f"99{symbol}"):
        assert nuclide_in_text(text) == f"{symbol}99", text


def test_a_metastable_state_belongs_to_the_nuclide() -> None:
    assert nuclide_in_text("^81m^Krypton") == nuclide_in_text("Kr-81m") == "kr81m"
    assert nuclide_in_text("Kr-81") == "kr81"
    assert nuclide_in_text("body 90 yards") is None


def test_the_code_of_the_nuclide_comes_before_the_drug_its_text_and_the_window() -> None:
    """Four places name four nuclides; without the first the next one counts."""

    def coded(meaning: str):
        return make.DicomSequence([make.item(CodeValue="X", CodeMeaning=meaning)])

    drug = make.item(
        RadionuclideCodeSequence=coded("^90^Yttrium"), Radiopharmaceutical="Lu-177 DOTATATE",
        RadiopharmaceuticalCodeSequence=coded("Holmium^166^ microspheres"),
    )  # fmt: skip
    header = make.item(
        RadiopharmaceuticalInformationSequence=make.DicomSequence([drug]),
        EnergyWindowInformationSequence=make.DicomSequence([make.item(EnergyWindowName="Tc99m")]),
    )
    assert nuclide_of(header, "x") == "y90"
    del drug.RadionuclideCodeSequence
    assert nuclide_of(header, "x") == "ho166"
    del drug.RadiopharmaceuticalCodeSequence
    assert nuclide_of(header, "x") == "lu177"
    del drug.Radiopharmaceutical
    assert nuclide_of(header, "x") == "tc99m"
    del header.EnergyWindowInformationSequence
    assert nuclide_of(header, "x") is None


def test_one_attribute_that_names_two_nuclides_is_refused() -> None:
    windows = [make.item(EnergyWindowName=name) for name in ("Tc99m", "Tc99m scatter", "In111")]
    header = make.item(EnergyWindowInformationSequence=make.DicomSequence(windows))
    with pytest.raises(DicomError, match="EnergyWindowName names several nuclides: in111, tc99m"):
        nuclide_of(header, "x")
    header.EnergyWindowInformationSequence = make.DicomSequence(windows[:2])
    assert nuclide_of(header, "x") == "tc99m"


def test_a_unit_is_needed_for_pet_alone() -> None:
    assert emission_unit(make.item(), "x", needed=False) is None
    assert emission_unit(make.item(Units="BQML"), "x", needed=False) is Unit.BQ_PER_ML
    assert emission_unit(make.item(Units="CNTS"), "x", needed=True) is Unit.COUNTS
    with pytest.raises(DicomError, match="Units is missing or empty"):
        emission_unit(make.item(), "x", needed=True)
    with pytest.raises(NotUsableError, match=r"Units is GML, a standardised uptake value \(SUV\)"):
        emission_unit(make.item(Units="GML"), "x", needed=False)


def given(dose: float, **more):
    """A header with what was injected at 8:00."""
    facts = {
        "RadiopharmaceuticalStartDateTime": "20250110080000", "RadionuclideHalfLife": Y90_S, **more,
    }  # fmt: skip
    drug = make.item(RadionuclideTotalDose=dose, **{k: v for k, v in facts.items() if v})
    return make.item(RadiopharmaceuticalInformationSequence=make.DicomSequence([drug]))


@pytest.mark.parametrize(
    ("dose", "is_pet", "injected_bq"),
    [
        (1.5e9, True, 1.5e9), (37e6, True, 37e6), (1e5, True, 1e5), (9.9e4, True, None),
        (150, False, 150e6), (2500, False, 2.5e9), (9.9e4, False, 9.9e10), (1e5, False, None),
        (0, True, None), (-5, False, None),
    ],
)  # fmt: skip
def test_a_total_dose_is_in_bq_from_a_tenth_of_a_mbq_on(
    dose: float, is_pet: bool, injected_bq: float | None
) -> None:
    """0.1 MBq: less is no treatment in Bq, and 100 000 MBq is more than any treatment."""
    found, notes = administration(given(dose), NINE.replace(hour=8), "x", is_pet=is_pet)
    assert found == (None if injected_bq is None else pytest.approx(injected_bq))
    if dose > 0:
        expected = "cannot be in" if injected_bq is None else f"injected {injected_bq / 1e6:.1f} M"
        assert expected in notes[0]


def test_an_injection_is_carried_to_the_image_only_where_all_is_stated() -> None:
    hour_later = 2e9 * 0.5 ** (1 / 64.1)
    found, notes = administration(given(2e9), NINE, "x", is_pet=True)
    assert found == pytest.approx(hour_later)
    assert notes == ("injected 2000.0 MBq (RadionuclideTotalDose) at 2025-01-10T08:00:00",)
    assert administration(given(2e9), None, "x", is_pet=True) == (None, notes)
    bare = given(2e9, RadionuclideHalfLife=None)
    assert administration(bare, NINE, "x", is_pet=True) == (None, notes)
    clock = given(2e9, RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="080000")
    found, notes = administration(clock, NINE, "x", is_pet=True)
    assert found is None
    assert notes[0].endswith("at 080000, date not stated; not carried to the image")
    assert administration(make.item(), NINE, "x", is_pet=True) == (None, ())


def test_the_first_drug_with_a_dose_counts() -> None:
    header = given(2e9)
    items = [make.item(RadionuclideTotalDose=0), header.RadiopharmaceuticalInformationSequence[0]]
    header.RadiopharmaceuticalInformationSequence = make.DicomSequence(items)
    assert administration(header, NINE.replace(hour=8), "x", is_pet=True)[0] == pytest.approx(2e9)


def activity(tmp_path: Path, **more):
    objects = make.pet(np.full((3, 4, 5), 100, dtype=np.uint16), **more)
    return read_dicom_image(make.save(objects, tmp_path))


def test_slices_of_two_nuclides_are_refused(tmp_path: Path) -> None:
    objects = make.pet(np.full((3, 4, 5), 100, dtype=np.uint16))
    objects[2].RadiopharmaceuticalInformationSequence = make.drug("^166^Holmium")
    with pytest.raises(DicomError, match="RadionuclideCodeSequence differs between slices"):
        read_dicom_image(make.save(objects, tmp_path))


def test_the_intercept_is_brought_to_the_first_slice_with_the_slope(tmp_path: Path) -> None:
    """Stored 100 with slope 0.5 and intercept 30 are 80 Bq/mL; 5 of 64.1 h later more."""
    objects = make.pet(
        np.full((3, 4, 5), 100, dtype=np.uint16), DecayCorrection="NONE", RescaleSlope=0.5,
        RescaleIntercept=30,
        RadiopharmaceuticalInformationSequence=make.drug(RadionuclideHalfLife=Y90_S),
    )  # fmt: skip
    objects[1].AcquisitionTime = "170000"
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    assert values[:, 0, 0] == pytest.approx([80.0, 80.0 * 2 ** (5 / 64.1), 80.0])


@pytest.mark.parametrize(
    ("part", "refused"), [(0.98, True), (0.99, False), (1.011, False), (1.02, True)]
)
def test_a_half_life_near_it_is_the_nuclides_own(
    tmp_path: Path, part: float, refused: bool
) -> None:
    """2.7 d, as some write it for Y-90, is 1.1 % off; the nearest other nuclide 3 %."""
    drug = make.drug(RadionuclideHalfLife=part * Y90_S)
    if refused:
        with pytest.raises(DicomError, match="but y90 has 230760 s; the header contradicts"):
            activity(tmp_path, RadiopharmaceuticalInformationSequence=drug)
        noted = activity(tmp_path, RadiopharmaceuticalInformationSequence=drug, Units="CNTS")
        assert any("but y90 has 230760 s" in note for note in noted.notes)
    else:
        found = activity(tmp_path, RadiopharmaceuticalInformationSequence=drug)
        assert not any("RadionuclideHalfLife" in note for note in found.notes)


@pytest.mark.parametrize(
    ("listed", "noted"), [(["DECY", "ATTN"], False), (["DECY", "SCAT"], True), ("", False)]
)
def test_an_image_that_is_not_corrected_for_attenuation_says_so(
    tmp_path: Path, listed: list[str] | str, noted: bool
) -> None:
    notes = activity(tmp_path, CorrectedImage=listed).notes
    assert ("not corrected for attenuation (CorrectedImage has no ATTN)" in notes) == noted


def test_every_frame_of_a_late_file_is_brought_to_the_first(tmp_path: Path) -> None:
    """Two objects of two frames, the second 5 of 64.1 h later, over midnight: all its frames."""
    objects = []
    for number, (day, clock) in enumerate((("20250110", "220000"), ("20250111", "030000"))):
        dataset = make.enhanced_ct(
            np.full((2, 4, 5), 100, dtype=np.uint16), origin=(10.0, -20.0, 30.0 + 8.0 * number)
        )
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = PET_ENHANCED
        dataset.Modality, dataset.Units, dataset.DecayCorrection = "PT", "BQML", "NONE"
        dataset.AcquisitionDate, dataset.AcquisitionTime = day, clock
        drug = make.drug(RadionuclideHalfLife=Y90_S)
        dataset.RadiopharmaceuticalInformationSequence = drug
        shared = dataset.SharedFunctionalGroupsSequence[0]
        (scale,) = shared.PixelValueTransformationSequence
        scale.RescaleSlope, scale.RescaleIntercept = 0.5, 0
        objects.append(dataset)
    values = read_dicom_image(make.save(objects, tmp_path)).volume.values
    late = 50.0 * 2 ** (5 / 64.1)
    assert values[:, 0, 0] == pytest.approx([50.0, 50.0, late, late])
