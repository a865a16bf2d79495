"""Places that results cannot go to: pipes, full disks, links to nowhere, the top of all folders."""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from opensirt.errors import CaseError, FileFormatError, InputError
from opensirt.io.archive import staged_directory, staged_files, write_json, write_text
from opensirt.io.case_images import find_file
from opensirt.io.case_keys import Table
from opensirt.io.casefile import read_case_file
from opensirt.io.made import MARKER, foreign_in
from opensirt.io.places import refuse_unusable, refuse_unusable_file
from opensirt.io.pseudonym import pseudonym
from opensirt.io.study import read_study
from opensirt.provenance import hash_file
from tests.unit.io import dicom_factory as make

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """A job that waits for a pipe is stopped."""

    def stop(*_: object) -> None:
        raise TimeoutError("waited for a pipe")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("ending", ["npz", "nii.gz", "json", "html", "png"])
def test_a_pipe_is_no_file_to_replace(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match="one that it did not make"):
        refuse_unusable_file(pipe(tmp_path / f"f.{ending}"))


@pytest.mark.parametrize("name", ["pipe", MARKER, "a.txt"])
def test_a_pipe_in_a_folder_is_foreign(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    with staged_directory(out) as folder:
        write_text(folder / "a.txt", "a")
    (out / name).unlink(missing_ok=True)
    pipe(out / name)
    assert foreign_in(out) == ("." if name == MARKER else name)
    with pytest.raises(InputError, match="nothing foreign is replaced"):
        refuse_unusable(out, overwrite=True)


def test_a_pipe_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        hash_file(pipe(tmp_path / "pipe"))
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "absent")


def test_a_pipe_and_a_socket_in_a_study_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.save(make.slices(make.CT, "CT", np.full((4, 6, 7), 1024, np.uint16)), tmp_path / "ct")
    pipe(tmp_path / "ct" / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("ct/sock")
    case = read_study(tmp_path)
    assert [item.shown for item in case.left_out] == [
        "a closed file or folder (ct/pipe)", "a closed file or folder (ct/sock)"
    ]  # fmt: skip
    assert {item.why for item in case.left_out} == {"cannot be opened: a pipe, socket or device"}
    assert [finding.code for finding in case.findings] == ["files-unreadable"]


def test_a_case_file_that_is_or_names_a_pipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"c\.toml: cannot be read: it is no file"):
        read_case_file(pipe(tmp_path / "c.toml"))
    pipe(tmp_path / "ct.nii.gz")
    table = Table.of("[[image]] 1", {"file": "ct.nii.gz"}, ["file"])
    with pytest.raises(CaseError, match=r'file "ct\.nii\.gz" is a pipe, socket or device'):
        find_file(table, tmp_path)
    with pytest.raises(FileFormatError, match="neither a file nor a folder"):
        read_study(tmp_path / "ct.nii.gz")


def test_a_site_key_that_is_a_pipe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opensirt").mkdir()
    pipe(tmp_path / "opensirt" / "site.key")
    monkeypatch.delenv("OPENSIRT_SITE_KEY", raising=False)
    monkeypatch.setattr("opensirt.io.pseudonym._settings", lambda: tmp_path)
    with pytest.raises(InputError, match=r"cannot be read \(a pipe, socket or device\)"):
        pseudonym("someone")


@pytest.mark.parametrize("place", ["lost", "lost/x", "lost/x/y", "lost/../x", "again/x"])
def test_a_link_to_nowhere_is_refused_wherever_it_is_in_a_path(tmp_path: Path, place: str) -> None:
    (tmp_path / "lost").symlink_to("nowhere")
    (tmp_path / "again").symlink_to("lost")
    job = staged_directory(tmp_path / place)
    with (
        pytest.raises(InputError, match=r"a link that leads nowhere; choose another to=\.\.\.$"),
        job,
    ):
        pass
    assert sorted(os.listdir(tmp_path)) == ["again", "lost"]


def test_the_top_of_all_folders_or_of_a_disk_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError, match=r"found the top of all folders; choose another to=\.\.\.$"
    ):
        refuse_unusable(Path("/"), overwrite=True)
    monkeypatch.setattr(os.path, "ismount", lambda path: True)
    with pytest.raises(
        InputError, match=r"the top of a disk; choose a folder in it with to=\.\.\.$"
    ):
        refuse_unusable(tmp_path, overwrite=False)


def test_a_full_disk_is_one_line_that_names_the_place(tmp_path: Path) -> None:
    """Also from within a folder in the folder, as the demo has it."""

    def full() -> None:
        with (
            staged_directory(tmp_path / "out") as folder,
            staged_directory(folder / "plan") as inner,
        ):
            write_text(inner / "a.txt", "a")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError) as told:
        full()
    assert str(told.value) == (
        f"expected to write {tmp_path / 'out' / 'plan'}, got No space left on device; "
        "choose another to=..."
    )
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_known_through_what_a_library_makes_of_it(tmp_path: Path) -> None:
    """The file of pixels is longer than files may be; pydicom wraps a traceback around that."""
    resource = pytest.importorskip("resource")
    (dataset,) = make.slices(make.CT, "CT", np.full((1, 256, 256), 1024, np.uint16))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian

    def job() -> None:
        with staged_directory(tmp_path / "out") as folder:
            dcmwrite(folder / "a.dcm", dataset, enforce_file_format=True)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(InputError) as told:
            job()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    place = tmp_path / "out"
    assert (
        str(told.value) == f"expected to write {place}, got File too large; choose another to=..."
    )
    assert os.listdir(tmp_path) == []


def test_a_full_disk_behind_another_error_is_told_and_other_errors_pass(tmp_path: Path) -> None:
    def job(number: int) -> None:
        with staged_files({"a": tmp_path / "a.json"}) as staged:
            write_json(staged["a"], {})
            try:
                raise OSError(number, os.strerror(number))
            except OSError as error:
                raise RuntimeError("a library") from error

    with pytest.raises(InputError, match=r"got No space left on device; choose another to=\.\.\.$"):
        job(errno.ENOSPC)
    with pytest.raises(RuntimeError, match="a library"):
        job(errno.ENOENT)
    assert os.listdir(tmp_path) == []
