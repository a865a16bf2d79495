"""Advice of refusals, tested by following it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import OpenSirtError
from opensirt.image import Volume
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.study import read_study
from tests.unit.io import dicom_factory as make

COUNTS = np.random.default_rng(3).integers(0, 90, (4, 6, 7)).astype(np.uint16)
BY_CASE = "save the image as NIfTI or NRRD and state role, unit and nuclide in a case.toml"


def malformed_spect(folder: Path) -> None:
    """As reconstruction software has written them: the text of a list in place of its values."""
    one = make.spect(COUNTS)
    one.add_new("ImageType", "CS", "['ORIGINAL', 'PRIMARY', 'RECON TOMO', 'EMISSION']")
    make.save(one, folder)


def pet_without_units(folder: Path) -> None:
    make.save(make.pet(COUNTS, Units="", DecayCorrection=""), folder)


@pytest.mark.parametrize(
    ("write", "words"),
    [(malformed_spect, "ImageType is malformed"), (pet_without_units, "Units is missing or empty")],
)
def test_an_incomplete_header_is_used_by_way_of_a_case_file(
    tmp_path: Path, write, words: str
) -> None:
    write(tmp_path / "dicom")
    (refused,) = read_study(tmp_path / "dicom").left_out
    assert words in refused.why
    assert BY_CASE in refused.why
    whole = read_dicom_image(make.save(make.spect(COUNTS), tmp_path / "sound")).volume
    write_volume_nifti(tmp_path / "image.nii.gz", whole)
    (tmp_path / "case.toml").write_text(
        '[case]\nid = "a"\n[[image]]\nfile = "image.nii.gz"\nrole = "planning-activity"\n'
        'unit = "counts"\nnuclide = "tc99m"\n'
    )
    found = read_study(tmp_path / "case.toml").activity_image.volume
    assert isinstance(found, Volume)
    assert np.array_equal(found.values, whole.values)
    assert found.grid.matches(whole.grid)


def test_a_role_that_is_not_known_is_chosen_as_the_message_says(tmp_path: Path) -> None:
    make.save(make.spect(COUNTS, nuclide="beads"), tmp_path)
    (refused,) = read_study(tmp_path).left_out
    assert 'choose with choose={"planning-activity": "NAME"} or choose=' in refused.why
    case = read_study(tmp_path, choose={"planning-activity": "MAA SPECT"})
    assert case.activity_image.volume.grid.shape == COUNTS.shape


def test_a_name_that_none_has_is_answered_with_names_that_work(tmp_path: Path) -> None:
    make.save(make.spect(COUNTS), tmp_path)
    with pytest.raises(OpenSirtError, match="there are 'MAA SPECT'"):
        read_study(tmp_path, choose={"planning-activity": "x"})
    assert read_study(tmp_path, choose={"planning-activity": "MAA SPECT"}).images
