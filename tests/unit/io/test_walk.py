"""What is below a folder: behind links, behind closed doors, and damaged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import CaseError, FileFormatError
from opensirt.io.casefile import read_case_file
from opensirt.io.study import read_study
from opensirt.io.walk import files_in
from tests.unit.io import dicom_factory as make

SMALL = np.full((4, 6, 7), 1024, np.uint16)


def study(folder: Path) -> Path:
    make.save(make.slices(make.CT, "CT", SMALL), folder / "ct")
    make.save(make.spect(SMALL), folder / "nm")
    return folder


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch):
    """Close a folder, whoever runs the tests."""
    shut: set[str] = set()
    scandir = os.scandir

    def guarded(path):
        if str(path) in shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    return lambda path: shut.add(str(path))


def test_a_folder_that_may_not_be_opened_is_listed_and_a_finding(tmp_path: Path, closed) -> None:
    closed(study(tmp_path) / "ct")
    case = read_study(tmp_path)
    assert [image.role for image in case.images] == ["planning-activity"]
    (item,) = case.left_out
    assert item.shown == "a closed file or folder (ct)"
    assert item.why == "cannot be opened: Permission denied"
    assert [finding.code for finding in case.findings] == ["files-unreadable"]


def test_a_study_behind_a_closed_door_is_refused(tmp_path: Path, closed) -> None:
    closed(tmp_path)
    with pytest.raises(FileFormatError, match=r"cannot be read \(cannot be opened: Permission"):
        read_study(tmp_path)


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    for name in ("ct", "nm"):
        (tmp_path / "study" / name).symlink_to(study(tmp_path / "real") / name)
    (tmp_path / "real" / "ct" / "up").symlink_to(tmp_path / "real")
    case = read_study(tmp_path / "study")
    assert {image.role for image in case.images} == {"ct", "planning-activity"}
    assert not case.left_out
    files, _ = files_in(tmp_path / "study")
    assert len(files) == len({file.resolve() for file in files}) == 5


@pytest.mark.parametrize("length", [0, 140, 300])
def test_a_damaged_file_of_a_study_is_a_finding(tmp_path: Path, length: int) -> None:
    """Nobody knows whether it was the last slice of the CT."""
    last = sorted((study(tmp_path) / "ct").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:length])
    case = read_study(tmp_path)
    found = {finding.code: finding.text for finding in case.findings}
    assert found["files-unreadable"].startswith("1 of the ")
    assert ("image-lost" in found) is (length == 300)


def test_a_damaged_slice_in_the_folder_of_a_case_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    (tmp_path / "ct" / "notes.txt").write_text("a stray file")
    (tmp_path / "case.toml").write_text(
        '[case]\nid = "a"\n[[image]]\nfile = "ct"\nrole = "ct"\n'
        '[[image]]\nfile = "nm"\nrole = "planning-activity"\n'
    )
    assert len(read_case_file(tmp_path / "case.toml").images) == 2
    last = sorted((tmp_path / "ct").glob("*.dcm"))[-1]
    whole = last.read_bytes()
    for length in (0, 140, 300):
        last.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=last.name):
            read_case_file(tmp_path / "case.toml")


def test_a_closed_folder_inside_an_image_of_a_case_is_refused(tmp_path: Path, closed) -> None:
    (study(tmp_path) / "ct" / "more").mkdir()
    closed(tmp_path / "ct" / "more")
    (tmp_path / "case.toml").write_text('[case]\nid = "a"\n[[image]]\nfile = "ct"\nrole = "ct"\n')
    with pytest.raises(CaseError, match="more: cannot be opened: Permission denied"):
        read_case_file(tmp_path / "case.toml")


@pytest.mark.parametrize("kind", ["ct", "nm"])
def test_an_image_that_names_no_space_is_a_finding(tmp_path: Path, kind: str) -> None:
    ct, nm = make.slices(make.CT, "CT", SMALL), make.spect(SMALL)
    for one in ct if kind == "ct" else [nm]:
        del one.FrameOfReferenceUID
    make.save(ct, tmp_path / "ct")
    make.save(nm, tmp_path / "nm")
    (found,) = read_study(tmp_path).findings
    assert found.code == "frame-of-reference-missing"
    assert found.text.startswith({"ct": "'CT series", "nm": "'MAA SPECT'"}[kind])
    for path in (tmp_path / ("nm" if kind == "ct" else "ct")).iterdir():
        path.unlink()
    assert not read_study(tmp_path).findings


def test_no_result_names_a_file_and_no_text_is_mangled_by_its_name(tmp_path: Path) -> None:
    """Files are called 1, 2 and DOE; damage is told under the number of the file alone."""
    for number, one in enumerate(make.slices(make.CT, "CT", SMALL)):
        one.save_as(tmp_path / ("DOE" if number == 3 else str(number)), enforce_file_format=True)
    whole = (tmp_path / "DOE").read_bytes()
    (tmp_path / "DOE").write_bytes(whole[:-20])
    (item,) = read_study(tmp_path).left_out
    assert item.why == "file 4: PixelData holds 64 of 84 bytes; the file is cut short"
    (tmp_path / "DOE").write_bytes(whole)
    (tmp_path / "1").write_bytes(b"")
    item, series = read_study(tmp_path).left_out
    assert (item.what, item.why) == ("file 2", "file 2: is empty; copy or export it again")
    assert "slices are missing: gaps of 4.00 and of 8.00 mm" in series.why
