"""Names of cases: keyed by the site, the same for one study, and no way back."""

from __future__ import annotations

import hashlib
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import InputError
from opensirt.io import pseudonym as module
from opensirt.io.pseudonym import KEY_VARIABLE, pseudonym
from opensirt.io.study import read_study
from tests.unit.io import dicom_factory as make

PATIENT = "4711001|1.2.3"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(KEY_VARIABLE)
    monkeypatch.setattr(module, "_settings", lambda: tmp_path)
    module._kept.cache_clear()
    return tmp_path


def test_a_key_is_made_on_first_use_for_its_user_alone_and_kept(home: Path) -> None:
    name = pseudonym(PATIENT)
    key = home / "opensirt" / "site.key"
    assert re.fullmatch("case-[0-9a-f]{12}", name)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    module._kept.cache_clear()
    assert pseudonym(PATIENT) == name
    assert pseudonym("4711002|1.2.3") != name
    key.unlink()
    module._kept.cache_clear()
    assert pseudonym(PATIENT) != name


def test_processes_that_begin_together_share_one_whole_key(home: Path) -> None:
    def name_of(_: int) -> bytes:
        return module._kept.__wrapped__(home / "opensirt" / "site.key")

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(name_of, range(64)))
    key = (home / "opensirt" / "site.key").read_bytes()
    assert found == {key}
    assert [path.name for path in (home / "opensirt").iterdir()] == ["site.key"]


def test_no_hash_of_the_number_alone_gives_the_name(home: Path) -> None:
    plain = hashlib.sha256(PATIENT.encode()).hexdigest()
    assert not plain.startswith(pseudonym(PATIENT).removeprefix("case-")[:6])


def test_a_given_key_counts_wherever_it_is_given(home: Path, monkeypatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "a key of our hospital")
    name = pseudonym(PATIENT)
    assert not list(home.iterdir())
    assert name == "case-" + hmac_of("a key of our hospital")[:12]
    monkeypatch.setenv(KEY_VARIABLE, "short")
    with pytest.raises(InputError, match="OPENSIRT_SITE_KEY needs 16 characters or more, found 5"):
        pseudonym(PATIENT)


def hmac_of(key: str) -> str:
    """RFC 2104, written out."""
    block = key.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + PATIENT.encode()).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).hexdigest()


def test_a_damaged_key_is_refused_and_never_replaced(home: Path) -> None:
    key = home / "opensirt" / "site.key"
    key.parent.mkdir()
    for content in (b"", b"short", b"\xff" * 40):
        key.write_bytes(content)
        module._kept.cache_clear()
        with pytest.raises(InputError, match=r"site\.key (is damaged|cannot be read)"):
            pseudonym(PATIENT)
        assert key.read_bytes() == content


def test_where_nothing_can_be_kept_a_name_holds_for_one_process(home: Path) -> None:
    (home / "opensirt").write_text("a file where the folder would be")
    make.save(make.slices(make.CT, "CT", np.full((3, 4, 5), 1100, np.uint16)), home / "ct")
    assert [finding.code for finding in read_study(home / "ct").findings] == ["site-key-not-kept"]
    name = pseudonym(PATIENT)
    assert pseudonym(PATIENT) == name
    module._kept.cache_clear()
    assert pseudonym(PATIENT) != name
