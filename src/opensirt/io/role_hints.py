"""What to type for a region without a role: suggestions, never taken without being typed."""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opensirt.asking import option
from opensirt.io.region_names import name_words, role_from_name
from opensirt.io.region_words import (
    barred_words,
    folded,
    languages,
    short_words,
    without_tumour,
    words_under,
)

__all__ = ["RoleHint", "likely_role", "listed", "role_hints"]

ALIKE = 0.8
"""Least likeness of two words, of 1, for one to be a slip of the other."""
SHORTEST = 4
"""Letters of a word that may be misspelt; of shorter ones, too many are alike."""
MOST_NAMES = 30
_NUMBERED = re.compile(r"(.*?[^\W\d_][\s_.-]*)\d+")


@dataclass(frozen=True, slots=True)
class RoleHint:
    """A pattern that stands for some regions, and the role that they may have."""

    pattern: str
    role: str
    names: tuple[str, ...]

    @property
    def typed(self) -> str:
        """What to give: on the command line quoted for a shell."""
        return option("role", (self.pattern, self.role))


def role_hints(roles: Mapping[str, str]) -> tuple[RoleHint, ...]:
    """Suggestions for the regions of role "other", by name; numbered ones together.

    "L1" to "L40" become ``L[0-9]*``, which leaves "Liver" alone. A name of two meanings gets none.
    """
    series: dict[str, list[str]] = {}
    for name in (name for name, role in roles.items() if role == "other"):
        match = _NUMBERED.fullmatch(name)
        series.setdefault(match[1] if match else name, []).append(name)
    found = []
    for stem, names in series.items():
        pattern = f"{glob.escape(stem)}[0-9]*" if len(names) > 1 else names[0]
        role = likely_role(names[0]) or (_of_series(stem) if len(names) > 1 else None)
        if role is not None:
            found.append(RoleHint(pattern, role, tuple(names)))
    return tuple(found)


def likely_role(name: str) -> str | None:
    """The role that a name may mean, spelling, short forms and further words forgiven; or None.

    Nothing is suggested for a word that turns an organ into something else, but for the place of a
    lesion: "Met Segment 4" may be a tumour, "Leber ohne Tumor" may be anything.
    """
    words = name_words(name)
    if without_tumour().search(folded(name)) or words & words_under("elsewhere"):
        return None
    if (certain := role_from_name(name)) is not None:
        return certain
    roles = {role for word in words for role in _roles_of(word)}
    for whole, part in (("tumour", "liver"), ("necrosis", "tumour"), ("necrosis", "liver")):
        if whole in roles:
            roles.discard(part)
    barred = words & barred_words()
    if len(roles) != 1 or (barred and not (roles == {"tumour"} and barred <= words_under("place"))):
        return None
    return roles.pop()


def listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """Names for a message, not more than a line or two of them."""
    few = ", ".join(names[:most])
    more = len(names) - most
    return f"{few} and {more} more" if more > 0 else few or "none"


def _of_series(stem: str) -> str | None:
    """Lesions are numbered by a letter or three; words such as "roi" mean nothing."""
    words = name_words(stem)
    letters = "".join(words)
    unclear = words_under("neutral") | words_under("elsewhere") | barred_words()
    return "tumour" if len(words) == 1 and len(letters) <= 3 and not words & unclear else None


def _roles_of(word: str) -> set[str]:
    """Roles that one word may be of."""
    found = {short_words()[word]} if word in short_words() else set()
    for language in languages():
        for each in language.vocabularies:
            role = "lungs" if each.role.startswith("lung") else each.role
            is_slip = len(word) >= SHORTEST and difflib.get_close_matches(word, each.core, 1, ALIKE)
            if not each.needs and (word in each.core or is_slip):
                found.add(role)
    return found
