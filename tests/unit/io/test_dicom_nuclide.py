"""The nuclide of an image, by name and by decay, and what contradicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opensirt.errors import CaseError, DicomError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.study import read_study
from opensirt.workflow.study import prepare_case
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 20, np.uint16)
F18_S, Y90_S = 6586.2, 230760.0


def unnamed(**facts: Any) -> dict[str, Any]:
    """PET whose radiopharmaceutical has decay, and no nuclide by name."""
    drug = make.drug("Microspheres", **facts)
    del drug[0].RadionuclideCodeSequence
    return {"RadiopharmaceuticalInformationSequence": drug}


def image(folder: Path, **more: Any):
    return read_dicom_image(make.save(make.pet(SMALL, **more), folder))


def test_the_half_life_names_a_nuclide_that_nothing_else_does(tmp_path: Path) -> None:
    found = image(tmp_path, **unnamed(RadionuclideHalfLife=230549.76))
    assert found.volume.nuclide == "y90"
    assert any("RadionuclideHalfLife, 230550 s, is that of y90" in note for note in found.notes)
    assert read_study(tmp_path).images[0].role == "treatment-activity"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"RadionuclideHalfLife": F18_S}, "a nuclide of half-life 6586.2 s"),
        ({"RadionuclidePositronFraction": 0.967}, "a nuclide of positron fraction 0.967"),
    ],
)
def test_decay_of_no_bead_stops_a_plan_chosen_or_not(
    tmp_path: Path, facts: dict[str, float], words: str
) -> None:
    found = image(tmp_path, **unnamed(**facts))
    assert found.volume.nuclide == words
    case = read_study(tmp_path)
    assert [finding.code for finding in case.findings] == ["not-a-bead-nuclide"]
    with pytest.raises(CaseError, match=f"shows {words}"):
        prepare_case(case)


@pytest.mark.parametrize(("half_life_s", "agrees"), [(2.7 * 86400, True), (65.94 * 3600, False)])
def test_a_rounded_half_life_agrees_and_that_of_molybdenum_does_not(
    tmp_path: Path, half_life_s: float, agrees: bool
) -> None:
    drug = make.drug(RadionuclideHalfLife=half_life_s)
    if agrees:
        assert image(tmp_path, RadiopharmaceuticalInformationSequence=drug).volume.nuclide == "y90"
    else:
        with pytest.raises(DicomError, match="but y90 has"):
            image(tmp_path, RadiopharmaceuticalInformationSequence=drug)


@pytest.mark.parametrize("fraction", [3.2e-5, 3.186e-5, 0.00003])
def test_positrons_of_yttrium_agree(tmp_path: Path, fraction: float) -> None:
    drug = make.drug(RadionuclideHalfLife=Y90_S, RadionuclidePositronFraction=fraction)
    assert image(tmp_path, RadiopharmaceuticalInformationSequence=drug).volume.nuclide == "y90"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"RadionuclideHalfLife": F18_S}, r"RadionuclideHalfLife is 6586\.2 s, but y90 has"),
        ({"RadionuclidePositronFraction": 0.9673}, r"PositronFraction is 0\.9673, but y90 has"),
        ({"RadionuclidePositronFraction": 1.0}, r"PositronFraction is 1, but y90 has 3\.2e-05"),
    ],
)
def test_a_name_that_decay_contradicts_is_refused(
    tmp_path: Path, facts: dict[str, float], words: str
) -> None:
    with pytest.raises(DicomError, match=words):
        image(tmp_path, RadiopharmaceuticalInformationSequence=make.drug(**facts))


def test_an_image_chosen_without_any_nuclide_is_a_finding(tmp_path: Path) -> None:
    make.save(make.pet(SMALL, **unnamed()), tmp_path)
    assert not read_study(tmp_path).images
    case = read_study(tmp_path, choose={"treatment-activity": "PET AC"})
    assert [finding.code for finding in case.findings] == ["nuclide-not-stated"]
