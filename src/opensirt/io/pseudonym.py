"""A name for a case that does not lead back to the patient without this site's key.

A plain hash of a hospital number is found by trying all numbers; a keyed one is not. The key is
made on first use and kept with the user's settings, or given.
"""

from __future__ import annotations

import hmac
import os
import secrets
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from opensirt.errors import InputError

__all__ = ["KEY_VARIABLE", "is_kept", "pseudonym"]

KEY_VARIABLE = "OPENSIRT_SITE_KEY"
LEAST_CHARACTERS = 16
"""Shorter keys can be guessed."""
DIGITS = 12
"""Hexadecimal digits of a name: 1e-6 is the chance that two of 20,000 patients share one."""


def pseudonym(identity: str) -> str:
    """ "case-" and digits of an identity: the same for one patient's study with the same key.

    Raises
    ------
    InputError
        A given key that is too short, or a stored one that is damaged.
    """
    digest = hmac.digest(_key(), identity.encode("utf-8", "surrogateescape"), "sha256")
    return f"case-{digest.hex()[:DIGITS]}"


def is_kept() -> bool:
    """Whether the key outlives this process: given, or in its file."""
    return KEY_VARIABLE in os.environ or _file().is_file()


def _file() -> Path:
    return _settings() / "opensirt" / "site.key"


def _key() -> bytes:
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        if len(given) < LEAST_CHARACTERS:
            raise InputError(
                f"{KEY_VARIABLE} needs {LEAST_CHARACTERS} characters or more, found {len(given)}"
            )
        return given.encode("utf-8", "surrogateescape")
    return _kept(_file())


@lru_cache
def _kept(file: Path) -> bytes:
    """The key in a file, made where there is none; of this process alone where none can be kept."""
    made = secrets.token_hex(32)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return made.encode()
    try:
        _write_new(file, made)
        return made.encode()
    except FileExistsError:
        found = _read(file)
    except OSError:
        return made.encode()
    if len(found) < LEAST_CHARACTERS:
        raise InputError(
            f"the site key {file} is damaged ({len(found)} characters): restore it, or remove it "
            "to have a new one made, which gives every case a new name"
        )
    return found.encode()


def _write_new(file: Path, made: str) -> None:
    """Whole from its first moment, so that no other process reads half a key."""
    if file.exists():
        raise FileExistsError
    handle, whole = tempfile.mkstemp(prefix=".site-key-", dir=file.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(made)
        os.link(whole, file)
    finally:
        os.unlink(whole)


def _read(file: Path) -> str:
    if not file.is_file() and not file.is_dir():
        raise InputError(f"the site key {file} cannot be read (a pipe, socket or device)")
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the site key {file} cannot be read ({type(error).__name__})") from None


def _settings() -> Path:
    """Where the user's settings are kept on this system."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
