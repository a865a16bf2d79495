"""An Orthanc of Debian on the loopback interface, with DICOMweb, that ends with its test."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["IS_HERE", "Orthanc", "running"]

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
IS_HERE = all(map(shutil.which, ("Orthanc", "storescu"))) and PLUGIN.exists()
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Orthanc:
    """Where it listens."""

    http: int
    dicom: int

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and content of a request; POST where there is a body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def clear(self) -> None:
        """Forget everything."""
        for one in self.json("/patients"):
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.http}/patients/{one}", method="DELETE"
            )
            urllib.request.urlopen(request, timeout=30).close()

    def json(self, path: str) -> Any:
        """The content of a request that must be answered."""
        status, content = self.ask(path)
        assert status == 200, (path, status)
        return json.loads(content)

    def metadata(self, study_uid: str) -> tuple[int, list[dict[str, Any]]]:
        """Status and objects of WADO-RS metadata of a study."""
        status, content = self.ask(
            f"/dicom-web/studies/{study_uid}/metadata", Accept="application/dicom+json"
        )
        return status, json.loads(content) if status == 200 else []

    def by_rest(self, files: Sequence[Path]) -> None:
        """Upload by Orthanc's own interface."""
        for file in files:
            status, content = self.ask("/instances", file.read_bytes())
            assert status == 200, content

    def by_stow(self, files: Sequence[Path]) -> None:
        """Upload by STOW-RS."""
        mark = uuid.uuid4().hex
        head = f"--{mark}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        body = b"".join(head + file.read_bytes() + b"\r\n" for file in files)
        kind = f'multipart/related; type="application/dicom"; boundary={mark}'
        more = {"Content-Type": kind, "Accept": "application/dicom+json"}
        status, content = self.ask("/dicom-web/studies", body + f"--{mark}--".encode(), **more)
        assert status == 200, content

    def by_store(self, files: Sequence[Path]) -> None:
        """Upload by C-STORE of dcmtk, as the documentation says."""
        words = ["storescu", "-R", "127.0.0.1", str(self.dicom), *map(str, files)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Orthanc]:
    """A server with an empty store in `folder`."""
    server = Orthanc(*_free_ports(2))
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"), "HttpPort": server.http, "HttpBindAddresses": [],
        "DicomPort": server.dicom, "DicomAet": "TEST", "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True},
        "UnknownSopClassAccepted": True,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder
        )
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(server: Orthanc, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            if server.ask("/dicom-web/studies")[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError("Orthanc did not start; its log.txt says why")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
