"""Files of a folder to series: copies, parts of a series, and what is no image, why."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.errors import AmbiguousStudyError
from opensirt.io.dicom_files import open_dicom
from opensirt.io.dicom_frames import Instance
from opensirt.io.dicom_images import read_series
from opensirt.io.dicom_series import Series, scan_files, what_it_is
from opensirt.io.study import read_study
from tests.region_samples import (
    box_loop,
    ct_slices,
    loop_mm,
    segmentation,
    structure_set,
    turned_grid,
)
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 1024, dtype=np.uint16)


def scan(folder: Path, **options):
    return scan_files(sorted(p for p in folder.rglob("*") if p.is_file()), folder, **options)


def ct(**more):
    return make.slices(make.CT, "CT", SMALL, **more)


def test_another_slice_under_a_repeated_uid_is_kept(tmp_path: Path) -> None:
    """Some exports give several slices one SOPInstanceUID: only the very same file is a copy."""
    objects = ct()
    for dataset in objects:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.7"
    make.save(objects, tmp_path)
    (tmp_path / "again.dcm").write_bytes((tmp_path / "CT-000-0.dcm").read_bytes())
    found = scan(tmp_path)
    (series,) = found.series
    assert series.size == (4, 6, 7)
    assert [item.why for item in found.left_out] == ["a copy of file 1"]
    assert found.dicom_files == 5


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionNumber", (1, 2)), ("TemporalPositionIdentifier", (1, 2)),
        ("EchoNumbers", (1, 2)), ("AcquisitionTime", ("101500", "102000")),
        ("TriggerTime", (0, 400)), ("ConvolutionKernel", ("B30f", "B70f")),
    ],
)  # fmt: skip
def test_a_series_that_repeats_its_slices_is_split_by_what_differs(
    tmp_path: Path, keyword: str, values: tuple
) -> None:
    for number, value in enumerate(values):
        make.save(ct(**{keyword: value}), tmp_path / str(number))
    found = scan(tmp_path).series
    assert [series.size for series in found] == [(4, 6, 7)] * 2
    assert {series.part.split()[0] for series in found} == {keyword}
    labels = [series.label for series in found]
    assert labels[0] == f"CT series 1 ({found[0].part})"
    assert labels[0] != labels[1]


def test_what_splits_a_part_of_the_repeats_alone_is_not_what_tells_them_apart(
    tmp_path: Path,
) -> None:
    """The second acquisition holds two echoes, so that only echoes part the slices."""
    objects = []
    for echo, acquisition in ((1, 1), (2, 2), (3, 2)):
        objects += ct(EchoNumbers=echo, AcquisitionNumber=acquisition)
    make.save(objects, tmp_path)
    found = scan(tmp_path).series
    assert sorted(series.part for series in found) == [f"EchoNumbers {n}" for n in (1, 2, 3)]
    assert [len(series.frames) for series in found] == [4, 4, 4]


def test_a_series_whose_slices_differ_without_repeating_stays_one(tmp_path: Path) -> None:
    objects = ct()
    for number, dataset in enumerate(objects):
        dataset.AcquisitionTime = f"10150{number}"
    make.save(objects, tmp_path)
    assert [series.size for series in scan(tmp_path).series] == [(4, 6, 7)]


@pytest.mark.parametrize(
    "change",
    [
        {"SeriesInstanceUID": "1.9"}, {"PixelSpacing": [2.0, 1.6]}, {"cosines": make.CORONAL},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, {"pixel": (2.1, 1.5)},
    ],
)  # fmt: skip
def test_slices_that_cannot_stack_are_two_series(tmp_path: Path, change: dict) -> None:
    make.save(ct(), tmp_path / "1")
    make.save(ct(origin=(10.0, -20.0, 90.0), **change), tmp_path / "2")
    assert [series.size for series in scan(tmp_path).series] == [(4, 6, 7)] * 2


@pytest.mark.parametrize("shape", [(4, 6, 8), (4, 5, 7)])
def test_slices_of_two_sizes_are_two_series(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """A scout of another width in the same series does not spoil the slices."""
    make.save(ct(), tmp_path / "1")
    other = np.full(shape, 1024, dtype=np.uint16)
    make.save(make.slices(make.CT, "CT", other, origin=(10.0, -20.0, 90.0)), tmp_path / "2")
    assert {series.size for series in scan(tmp_path).series} == {(4, 6, 7), shape}


def enhanced(**content):
    """An enhanced CT of two slices shown twice; `content` tells the two showings apart."""
    dataset = make.enhanced_ct(SMALL)
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        facts = {key: values[index // 2] for key, values in content.items()}
        frame.FrameContentSequence = make.DicomSequence([make.item(**facts)])
        place = frame.PlanePositionSequence[0]
        place.ImagePositionPatient = [10, -20, 30 + 4.0 * (index % 2)]
    return dataset


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ({"TemporalPositionIndex": (1, 2)}, ["TemporalPositionIndex 1", "TemporalPositionIndex 2"]),
        ({"StackID": ("A", "B")}, ["StackID A", "StackID B"]),
        (
            {"StackID": ("A", "A"), "TemporalPositionIndex": (1, 2)},
            ["StackID A, TemporalPositionIndex 1", "StackID A, TemporalPositionIndex 2"],
        ),
    ],
)
def test_frames_are_split_by_stack_and_instant(
    tmp_path: Path, content: dict, parts: list[str]
) -> None:
    make.save(enhanced(**content), tmp_path)
    found = scan(tmp_path).series
    assert [series.part for series in found] == parts
    assert [series.size for series in found] == [(2, 6, 7)] * 2
    assert [[frame.index for frame in series.frames] for series in found] == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "'MAA SPECT' (series 1, NM, 4 x 6 x 7) of 4 x 2 x 1.5 mm"),
        ({"spacing": -4.4}, "'MAA SPECT' (series 1, NM, 4 x 6 x 7) of 4.4 x 2 x 1.5 mm"),
        ({"spacing": None}, "'MAA SPECT' (series 1, NM, 4 x 6 x 7) of 4 x 2 x 1.5 mm"),
        ({"SeriesNumber": ""}, "'MAA SPECT' (NM, 4 x 6 x 7) of 4 x 2 x 1.5 mm"),
    ],
)
def test_a_series_is_described_by_name_number_and_size(facts: dict, text: str) -> None:
    series = Series("NM", (Instance(Path("x.dcm"), make.spect(SMALL, **facts)),))
    assert series.measured() == text
    assert series.described == text.split(" of ")[0]


@pytest.mark.parametrize(
    ("sop_class", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.2", "RT Dose"), ("1.2.840.10008.1.3.10", "Media Storage"),
        ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image"),
        ("1.2.840.113619.9.9", "an object of a private class"),
        ("", "a DICOM data set without SOPClassUID"),
    ],
)  # fmt: skip
def test_objects_are_called_by_their_class(sop_class: str, kind: str) -> None:
    instance = Instance(Path("x.dcm"), make.item(SOPClassUID=sop_class))
    assert what_it_is(instance).startswith(kind)


def test_a_damaged_class_that_swallowed_what_follows_is_not_printed() -> None:
    swallowed = "1.2.840.10008.5.1.4.1.1.66.4\x08\x00LO\x00SECRET4711 "
    instance = SimpleNamespace(sop_class=swallowed)
    assert what_it_is(instance) == "an object of a private class"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sop_class", "why"),
    [
        ("1.2.840.10008.5.1.4.1.1.481.2",
         "RT Dose: a dose of 4 x 6 x 7 voxels (GY), not an image to plan on"),
        ("1.2.840.10008.1.3.10", "an index of files, not an image"),
        ("1.2.840.10008.5.1.4.1.1.7.1", "a picture whose values and place in the patient are not"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RT Plan: not read by opensirt"),
    ],
)  # fmt: skip
def test_what_is_no_image_says_why(tmp_path: Path, sop_class: str, why: str) -> None:
    dataset = make.header(sop_class, "OT", NumberOfFrames=4, Rows=6, Columns=7, DoseUnits="GY")
    make.save(dataset, tmp_path)
    found = scan(tmp_path)
    assert why in found.left_out[0].why
    assert (found.series, len(found.others), found.errors) == ([], 1, [])


def test_files_are_taken_for_dicom_by_how_they_begin(tmp_path: Path) -> None:
    """DICM after 128 bytes, or a first element of group 2 or 8 in either byte order."""
    starts = {
        "preamble": b"\0" * 128 + b"DICM", "group 2": b"\2\0" + b"\0" * 20,
        "group 8": b"\x08\0" + b"\0" * 20, "big endian": b"\0\x08" + b"\0" * 20,
        "text": b"\x50\x4b" + b"\0" * 20, "late": b"\0" * 129 + b"DICM", "short": b"\x08\0",
    }  # fmt: skip
    for name, content in starts.items():
        (tmp_path / name).write_bytes(content)
    left_out = scan(tmp_path).left_out
    assert {item.file for item in left_out if item.why == "not a DICOM file"} == {
        "text", "late", "short",
    }  # fmt: skip
    everything = scan(tmp_path, trust=True).left_out
    assert [item for item in everything if item.why == "not a DICOM file"] == []


def test_slices_are_counted_over_files_and_frames(tmp_path: Path) -> None:
    make.save(ct(), tmp_path / "ct")
    make.save(make.spect(SMALL[:3]), tmp_path / "nm")
    sizes = {series.kind: series.size for series in scan(tmp_path).series}
    assert sizes == {"CT": (4, 6, 7), "NM": (3, 6, 7)}
    case = read_study(tmp_path)
    assert case.image("ct").volume.grid.shape == (4, 6, 7)


def test_a_series_that_cannot_be_placed_is_listed_under_its_name(tmp_path: Path) -> None:
    objects = ct(SeriesDescription="Abdomen")
    del objects[2].ImagePositionPatient
    make.save(objects, tmp_path)
    found = scan(tmp_path)
    assert (found.series, len(found.errors)) == ([], 1)
    (item,) = found.left_out
    assert item.what == "'Abdomen'"
    assert "ImagePositionPatient is missing" in item.why


def test_contours_are_read_before_segments_whatever_the_names_of_the_files(tmp_path: Path) -> None:
    """Both hold the liver: the outline as drawn counts, its copy in voxels is left out."""
    grid = turned_grid((6, 16, 20), (3.0, 1.5, 1.25))
    for number, dataset in enumerate(ct_slices(grid)):
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.PatientID = 1, 0, "case"
        dataset.save_as(tmp_path / f"ct-{number}.dcm", enforce_file_format=True)
    mask = np.zeros(grid.shape, np.uint8)
    mask[1:5, 3:13, 3:13] = 1
    segmentation(grid, mask, ["Liver"]).save_as(tmp_path / "a.dcm")
    loops = [loop_mm(grid, k, box_loop(2.5, 12.5)) for k in range(1, 5)]
    structures = structure_set([("Liver", loops)])
    structures.SOPClassUID, structures.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3"
    structures.PatientID, structures.StructureSetLabel = "case", "drawn"
    structures.save_as(tmp_path / "z.dcm", implicit_vr=False, little_endian=True)
    case = read_study(tmp_path)
    assert case.region("liver").volume_ml == pytest.approx(400 * 3 * 1.5 * 1.25 / 1000, rel=1e-5)
    (item,) = [item for item in case.left_out if item.what.startswith("region 'Liver'")]
    assert item.why == "the same region as in drawn (RTSTRUCT) in file 8"
    assert set(case.provenance.inputs) == {"ct", "regions: drawn (RTSTRUCT) in file 8"}


def test_an_image_is_known_by_the_hashes_of_its_files_in_any_order(tmp_path: Path) -> None:
    """Several files: the hash over their sorted hashes, a line each; one file: its own."""
    paths = make.save(ct(), tmp_path / "ct")
    (single,) = make.save(make.spect(SMALL), tmp_path / "nm")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    expected = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    for order in (paths, paths[::-1], paths[2:] + paths[:2]):
        instances = [Instance(path, open_dicom(path, pixels=False)) for path in order]
        assert read_series(instances, name="x").sha256 == expected
    inputs = read_study(tmp_path).provenance.inputs
    assert dict(inputs) == {
        "ct": expected, "planning-activity": hashlib.sha256(single.read_bytes()).hexdigest(),
    }  # fmt: skip


def turned(objects, turn_of):
    """Slices each turned about the axis by its own sine, written with ten digits."""
    for index, one in enumerate(objects):
        turn = turn_of(index)
        even = float(np.sqrt(1 - turn**2))
        cosines = (even, turn, 0.0, -turn, even, 0.0)
        one.ImageOrientationPatient = [f"{value:.10f}" for value in cosines]
    return objects


@pytest.mark.parametrize("middle", [0.005, 0.015, 0.00005])
def test_cosines_that_differ_in_late_digits_are_of_one_stack(tmp_path: Path, middle: float) -> None:
    """On both sides of where some digit is rounded up, slice by slice."""
    make.save(turned(ct(), lambda index: middle + (-1e-6, 1e-6)[index % 2]), tmp_path)
    (found,) = scan(tmp_path).series
    assert found.size == (4, 6, 7)
    assert len(read_study(tmp_path).images) == 1


def test_two_stacks_of_one_series_are_told_apart_and_the_advice_works(tmp_path: Path) -> None:
    """One SeriesInstanceUID, number and description: what the message offers must choose one."""
    make.save(ct(), tmp_path / "1")
    make.save(turned(ct(), lambda _: 0.02), tmp_path / "2")
    with pytest.raises(AmbiguousStudyError) as refused:
        read_study(tmp_path)
    (advice,) = re.findall(r'choose=\{"ct": "([^"]+)"\}', str(refused.value))
    assert "stack 1 of 2" in advice
    assert len(read_study(tmp_path, choose={"ct": advice}).images) == 1


def test_series_of_one_name_and_number_are_chosen_as_the_message_says(tmp_path: Path) -> None:
    facts = {"SeriesDescription": "CT", "SeriesNumber": 2}
    make.save(ct(SeriesInstanceUID="1.9.1", **facts), tmp_path / "1")
    make.save(ct(SeriesInstanceUID="1.9.2", **facts), tmp_path / "2")
    for choose in ({}, {"ct": "CT"}, {"ct": "2"}):
        with pytest.raises(AmbiguousStudyError) as refused:
            read_study(tmp_path, choose=choose)
        (advice,) = re.findall(r'choose=\{"ct": "([^"]+)"\}', str(refused.value))
        assert read_study(tmp_path, choose={"ct": advice}).image("ct").series_uid == "1.9.1"
