"""Slices that are not one series, volumes that are no activity, and stacks with a slice aside."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from tests.unit.io import dicom_factory as make

CT = np.full((5, 6, 7), 1024, dtype=np.int16)
COUNTS = np.full((5, 6, 7), 100, dtype=np.uint16)


def ct(**more):
    return make.slices(make.CT, "CT", CT, **more)


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientID", "OTHER-SECRET"),
        ("FrameOfReferenceUID", "1.2.3.10"), ("FrameOfReferenceUID", None), ("PatientID", None),
    ],
)  # fmt: skip
def test_a_slice_of_something_else_is_no_slice_of_the_series(tmp_path, number, keyword, value):
    objects = ct()
    if value is None:
        delattr(objects[number], keyword)
    else:
        setattr(objects[number], keyword, value)
    with pytest.raises(DicomError, match=f"{keyword} differs between slices") as caught:
        read_dicom_image(make.save(objects, tmp_path))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("keyword", "value"), [("SeriesType", ["GATED", "IMAGE"]), ("CorrectedImage", ["ATTN"])]
)
def test_a_slice_of_pet_made_otherwise_is_refused(tmp_path, keyword, value):
    objects = make.pet(COUNTS, SeriesType=["WHOLE BODY", "IMAGE"])
    setattr(objects[3], keyword, value)
    with pytest.raises(DicomError, match=f"{keyword} differs between slices"):
        read_dicom_image(make.save(objects, tmp_path))


@pytest.mark.parametrize("kind", ["GATED", "DYNAMIC", "dynamic"])
def test_one_phase_of_many_is_no_activity(tmp_path, kind):
    with pytest.raises(NotUsableError, match=f"SeriesType is {kind.upper()}"):
        read_dicom_image(make.save(make.pet(COUNTS, SeriesType=[kind, "IMAGE"]), tmp_path))


@pytest.mark.parametrize("kind", ["STATIC", "WHOLE BODY"])
def test_a_whole_acquisition_is(tmp_path, kind):
    found = read_dicom_image(make.save(make.pet(COUNTS, SeriesType=[kind, "IMAGE"]), tmp_path))
    assert found.volume.values.min() == 100


def test_a_map_of_transmission_is_no_activity(tmp_path):
    dataset = make.spect(COUNTS, ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "TRANSMISSION"])
    with pytest.raises(NotUsableError, match="TRANSMISSION, not EMISSION"):
        read_dicom_image(make.save(dataset, tmp_path))


def test_several_energy_windows_in_one_volume_are_refused(tmp_path):
    dataset = make.spect(COUNTS, EnergyWindowVector=[1, 1, 2, 2, 2])
    with pytest.raises(NotUsableError, match="names 2 windows"):
        read_dicom_image(make.save(dataset, tmp_path))
    dataset.EnergyWindowVector = [1] * 5
    assert read_dicom_image(make.save(dataset, tmp_path)).volume.values.max() == 100


@pytest.mark.parametrize("number", [0, 2, 4])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shear", [(0.0, 0.0, 0.0), (0.0, 0.2, 0.0)])
def test_a_slice_beside_the_line_of_the_others_is_no_tilt(tmp_path, number, axis, shear):
    objects = ct(shear=shear)
    place = list(objects[number].ImagePositionPatient)
    place[axis] = float(place[axis]) + 3.0
    objects[number].ImagePositionPatient = place
    with pytest.raises(DicomError, match=r"a slice lies .* mm beside the line"):
        read_dicom_image(make.save(objects, tmp_path))


def test_a_tilted_gantry_is_a_line(tmp_path):
    found = read_dicom_image(make.save(ct(shear=(0.0, 0.2, 0.0)), tmp_path))
    assert any("tilted gantry" in note for note in found.notes)
