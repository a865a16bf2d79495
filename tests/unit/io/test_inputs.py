"""Files that a study is read from: results never replace them, and a hash is of what was read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import opensirt as sirt
from opensirt.errors import FileFormatError, InputError
from opensirt.io import study as reading
from opensirt.io.archive import staged_directory
from opensirt.io.inputs import ReadFiles, places_of
from opensirt.io.made import MARKER
from opensirt.io.study import read_study
from opensirt.workflow import RunOptions, run_study
from tests.case_files import write_small_case
from tests.unit.io import dicom_factory as make

OPTIONS = RunOptions("resin-y90", "partition", engine="local")
SMALL = np.full((4, 6, 7), 1100, np.uint16)


def beside(folder: Path) -> Path:
    """A case.toml elsewhere that names the files of a study by their paths."""
    case = write_small_case(folder / "study")
    (folder / "case").mkdir()
    text = case.read_text().replace('file = "', 'file = "../study/')
    (folder / "case" / "case.toml").write_text(text)
    return folder / "case"


def linked_files(folder: Path) -> Path:
    case = write_small_case(folder / "study")
    (folder / "case").mkdir()
    for file in case.parent.iterdir():
        if file.name == "case.toml":
            shutil.copy(file, folder / "case")
        else:
            (folder / "case" / file.name).symlink_to(file)
    return folder / "case"


def linked_folder(folder: Path) -> Path:
    make.save(make.slices(make.CT, "CT", SMALL), folder / "study" / "dicom")
    make.save(make.spect(SMALL), folder / "study" / "dicom")
    (folder / "case").mkdir()
    (folder / "case" / "d").symlink_to(folder / "study" / "dicom")
    return folder / "case"


@pytest.mark.parametrize("lay", [beside, linked_files, linked_folder])
@pytest.mark.parametrize("out", ["study", "study/dicom/out", "study/dicom"])
def test_results_do_not_replace_what_a_study_leads_to(
    tmp_path: Path, lay: Callable[[Path], Path], out: str
) -> None:
    case = lay(tmp_path)
    if "dicom" in out and lay is not linked_folder:
        pytest.skip("a folder of single files may hold results too")
    kept = sorted(path for path in (tmp_path / "study").rglob("*"))
    (tmp_path / "study" / MARKER).write_text("{}")
    with pytest.raises(InputError, match=r"(holds|is|lies in) an input"):
        run_study(case, OPTIONS, to=tmp_path / out, overwrite=True)
    assert set(kept) < set((tmp_path / "study").rglob("*"))


def test_the_last_verb_knows_what_the_first_read(tmp_path: Path) -> None:
    """A case of Python: `staged_directory` is asked with the places of the study."""
    case = sirt.read_case(beside(tmp_path))
    assert {path.resolve() for path in case.read_from} >= {
        (tmp_path / "case").resolve(), (tmp_path / "study" / "regions.seg.nrrd").resolve(),
    }  # fmt: skip
    with (
        pytest.raises(InputError, match="holds an input"),
        staged_directory(tmp_path / "study", overwrite=True, inputs=case.read_from),
    ):
        pass


def test_a_study_of_its_own_files_leads_nowhere_else(tmp_path: Path) -> None:
    case = write_small_case(tmp_path / "study")
    assert {path.parent for path in places_of(case)} == {case.parent}
    make.save(make.slices(make.CT, "CT", SMALL), tmp_path / "dicom")
    assert places_of(tmp_path / "dicom") == (tmp_path / "dicom",)
    with staged_directory(tmp_path / "study" / "out", inputs=places_of(case)) as folder:
        (folder / "a").write_text("a")


@pytest.mark.parametrize("change", ["replaced", "written", "gone"])
def test_a_file_that_changes_while_a_study_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    case = write_small_case(tmp_path / "study")
    image = case.parent / "planning-activity.nii.gz"
    read = reading._read

    def slowly(*given):
        found = read(*given)
        if change == "replaced":
            shutil.copy(image, tmp_path / "other")
            os.replace(tmp_path / "other", image)
        elif change == "written":
            image.write_bytes(image.read_bytes())
        else:
            image.unlink()
        return found

    monkeypatch.setattr(reading, "_read", slowly)
    with pytest.raises(FileFormatError, match=r"planning-activity\.nii\.gz: changed while the"):
        read_study(case)


def test_both_files_of_a_header_beside_its_voxels_are_looked_at(tmp_path: Path) -> None:
    for name in ("a.nhdr", "a.raw", "b.raw"):
        (tmp_path / name).write_bytes(b"x")
    assert [f.name for f in ReadFiles(tmp_path / "a.nhdr").files] == ["a.nhdr", "a.raw"]
