"""Attributes as they are read: text, numbers, sequences, and files that are no DICOM."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from opensirt.errors import DicomError, FileFormatError, NotUsableError
from opensirt.image import Volume
from opensirt.io.dicom_files import (
    integer,
    items,
    number,
    numbers,
    open_dicom,
    printable,
    quiet_pydicom,
    required,
    texts,
    title,
)
from opensirt.io.dicom_nm import nm_kind, require_reconstruction
from opensirt.io.dicom_results import write_dicom_results
from opensirt.units import Unit
from tests.dicom_samples import (
    GRIDS,
    sample_context,
    sample_dose,
    sample_histograms,
    sample_measurements,
    sample_regions,
)
from tests.unit.io import dicom_factory as make


def test_texts_are_stripped_and_several_are_joined() -> None:
    dataset = make.item(ImageType=["ORIGINAL ", " PRIMARY"], SeriesDescription=" Liver \0")
    assert texts(dataset, "ImageType") == ("ORIGINAL", "PRIMARY")
    assert title(dataset, "ImageType") == "ORIGINAL\\PRIMARY"
    assert title(dataset, "SeriesDescription") == "Liver"
    assert (texts(dataset, "StudyID"), title(dataset, "StudyID")) == ((), "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\x07b", "a"), (" a ", "a"), ("x" * 63 + " y", "x" * 63), ("", ""), ("\x00a", "")],
)
def test_messages_show_text_up_to_what_cannot_be_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_numbers_are_finite_and_as_many_as_needed() -> None:
    dataset = make.item(PixelSpacing=[2.0, 1.5], SliceThickness=4.5, Rows=7)
    assert numbers(dataset, "PixelSpacing", "x") == (2.0, 1.5)
    assert numbers(dataset, "PixelSpacing", "x", 2) == (2.0, 1.5)
    assert numbers(dataset, "SliceThickness", "x", 1) == (4.5,)
    assert numbers(dataset, "ImagePositionPatient", "x", 3) == ()
    with pytest.raises(DicomError, match="x: PixelSpacing must be 3 finite numbers, found 2"):
        numbers(dataset, "PixelSpacing", "x", 3)
    assert (number(dataset, "SliceThickness", "x"), number(dataset, "KVP", "x")) == (4.5, None)
    with pytest.raises(DicomError, match="x: PixelSpacing must be one number, found 2"):
        number(dataset, "PixelSpacing", "x")
    assert (integer(dataset, "Rows", "x"), integer(dataset, "Columns", "x")) == (7, None)
    with pytest.raises(DicomError, match="x: SliceThickness must be a whole number"):
        integer(dataset, "SliceThickness", "x")
    odd = Dataset()
    odd.add_new("RescaleSlope", "FD", float("nan"))
    with pytest.raises(DicomError, match="x: RescaleSlope must be finite numbers, found 1"):
        numbers(odd, "RescaleSlope", "x")
    odd.add_new("RescaleIntercept", "LO", "many")
    with pytest.raises(DicomError, match="x: RescaleIntercept is not a number"):
        numbers(odd, "RescaleIntercept", "x")
    with pytest.raises(DicomError, match="x: KVP is missing or empty, and cannot be guessed"):
        required(dataset, "KVP", "x")
    assert required(dataset, "Rows", "x") == 7


def test_items_of_what_is_no_sequence_are_none() -> None:
    dataset = make.item(SeriesDescription="x", DetectorInformationSequence=make.DicomSequence([]))
    assert items(dataset, "DetectorInformationSequence") == ()
    assert items(dataset, "SeriesDescription") == ()
    assert items(dataset, "EnergyWindowInformationSequence") == ()


def test_a_file_is_dicom_by_its_groups_or_its_meta_information(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is no image at all " * 9)
    with pytest.raises(FileFormatError, match="text: not a DICOM file"):
        open_dicom(tmp_path / "text")
    with pytest.raises(FileFormatError, match=r"gone: cannot be opened \(No such file"):
        open_dicom(tmp_path / "gone")
    (path,) = make.save(make.spect(np.ones((2, 3, 4), np.uint16)), tmp_path / "nm")
    assert "PixelData" in open_dicom(path)
    assert "PixelData" not in open_dicom(path, pixels=False)
    assert open_dicom(path.read_bytes()).Modality == "NM"
    with pytest.raises(FileFormatError, match="mine: not a DICOM file"):
        open_dicom(b"\0" * 300, name="mine")


def test_warnings_that_quote_a_header_are_kept_away() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet_pydicom():
            warnings.warn("PatientName Doe", UserWarning, stacklevel=1)
        warnings.warn("after", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in seen] == ["after"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("TOMO", "projections, not slices"), ("GATED TOMO", "gated projections"),
        ("RECON GATED TOMO", "a gated reconstruction"), ("DYNAMIC", "a dynamic study"),
        ("GATED", "a gated planar study"), ("STATIC", "of use for the planar lung shunt only"),
        ("WHOLE BODY", "of use for the planar lung shunt only"),
        ("SOMETHING", "not a reconstructed volume"),
    ],
)  # fmt: skip
def test_only_a_reconstruction_is_a_volume(kind: str, said: str) -> None:
    header = make.item(ImageType=["ORIGINAL", "PRIMARY", kind.lower(), "EMISSION"])
    assert nm_kind(header, "x") == kind
    with pytest.raises(NotUsableError, match=f"x: ImageType is {kind}: .*{said}"):
        require_reconstruction(header, "x")
    require_reconstruction(make.item(ImageType=["A", "B", "RECON TOMO"]), "x")
    with pytest.raises(NotUsableError, match="x: ImageType is missing: not a reconstructed"):
        require_reconstruction(make.item(ImageType=["A", "B"]), "x")


def results(folder: Path, **more):
    grid = GRIDS["axial"]
    facts = {
        "dose": sample_dose(grid), "regions": sample_regions(grid), "activity": None,
        "plan_summary": None, "region_doses": {}, "dvhs": [], **more,
    }  # fmt: skip
    paths = write_dicom_results(folder, context=sample_context(), **facts)
    return {path.stem: open_dicom(path) for path in paths}


def test_only_what_there_is_is_written(tmp_path: Path) -> None:
    found = results(tmp_path / "a")
    assert list(found) == ["dose", "structures", "segmentation"]
    assert (found["dose"].BitsStored, found["dose"].DoseComment) == (
        32, "Absorbed dose, research use only",
    )  # fmt: skip
    assert found["segmentation"].SegmentationType == "BINARY"
    found = results(tmp_path / "b", region_doses={"liver": []})
    assert "report" not in found
    found = results(tmp_path / "c", region_doses=sample_measurements())
    assert list(found)[-1] == "report"


def test_bits_comment_and_kind_are_those_asked_for(tmp_path: Path) -> None:
    grid = GRIDS["axial"]
    apart = type(sample_regions(grid))(tuple(sample_regions(grid))[:2])
    found = results(
        tmp_path, dose_bits=16, dose_comment="STOP " + "x" * 80, segmentation_kind="LABELMAP",
        regions=apart, dvhs=sample_histograms(),
        activity=Volume(sample_dose(grid).values, grid, Unit.BQ_PER_ML),
    )  # fmt: skip
    assert found["dose"].BitsStored == 16
    assert found["dose"].DoseComment == "STOP " + "x" * 59
    assert found["segmentation"].SegmentationType == "LABELMAP"
    assert found["dose"].DVHSequence[0].DVHReferencedROISequence[0].ReferencedROINumber == 1
    assert list(found)[-1] == "activity"
