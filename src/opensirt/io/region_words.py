"""Words of region names in several languages, from ``tables/names/regions.toml``.

References
----------
The words are names as hospitals write them and no measurement; nothing in a name is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

from opensirt.physics.tables import Table, load_table

__all__ = [
    "Language",
    "Vocabulary",
    "barred_words",
    "folded",
    "languages",
    "short_words",
    "without_tumour",
    "words_under",
]

TABLE, BASE = "names/regions", "en"
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_LETTERS = str.maketrans({"ß": "ss", "œ": "oe", "Œ": "Oe", "æ": "ae"})
_ROLES = (
    "necrosis", "tumour", "perfused", "liver", "lungs", "gallbladder", "stomach", "bowel", "body",
)  # fmt: skip
"""In the order of reading: "tumour necrosis" is necrosis."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A name fits with a `core` word, one of `needs` where there are any, and else `beside`."""

    role: str
    core: frozenset[str]
    beside: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    def fits(self, words: frozenset[str], neutral: frozenset[str]) -> bool:
        """True where a name of these words means the role."""
        said = words - neutral
        if not said & self.core or said - self.core - self.beside:
            return False
        return not self.needs or bool(words & self.needs)


@dataclass(frozen=True, slots=True)
class Language:
    """One language read together with English, whose words are mixed into every other."""

    name: str
    neutral: frozenset[str]
    left: frozenset[str]
    right: frozenset[str]
    vocabularies: tuple[Vocabulary, ...]

    def role_of(self, words: frozenset[str]) -> str | None:
        """The first role that the words of a name fit."""
        for vocabulary in self.vocabularies:
            if not vocabulary.fits(words, self.neutral):
                continue
            sides = {"lung-left": self.left, "lung-right": self.right}.get(vocabulary.role)
            if sides is None or words & sides:
                return vocabulary.role
        return None


def folded(text: str) -> str:
    """Without accents: "Läsion" is "Lasion", as many systems write it."""
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(maxsize=1)
def languages() -> tuple[Language, ...]:
    """Each language of the table; English first."""
    rows = load_table(TABLE).rows
    own = {row.text("name"): row for row in rows["language"]}
    return tuple(_language(name, own, rows["words"]) for name in own)


@lru_cache(maxsize=1)
def barred_words() -> frozenset[str]:
    """Words of every language that turn an organ's name, code or type into something else."""
    return _of_every_language("barred")


@lru_cache(maxsize=1)
def without_tumour() -> re.Pattern[str]:
    """An organ, a dash or slash, a tumour: what is left of the organ without it."""
    organs = "|".join(sorted(_of_every_language("organ")))
    tumours = frozenset().union(
        *(v.core for one in languages() for v in one.vocabularies if v.role == "tumour")
    )
    taken = "|".join(sorted(tumours | {"necrosis", "nekrose", "necrose", "necrosi"}))
    dash = r"[\s_]*[-\u2010-\u2015\u2212/\\~][\s_]*"
    return re.compile(rf"(?:{organs}){dash}(?:{taken})(?![a-z])", re.I)


def words_of(table: Table, key: str) -> frozenset[str]:
    """The words under a key, without accents and with those of German letters written out."""
    text = table.text(key, "")
    return frozenset((*folded(text).split(), *folded(text.translate(_TRANSCRIBED)).split()))


@lru_cache(maxsize=1)
def short_words() -> dict[str, str]:
    """The role that a short form may mean, and from which no role follows."""
    rows = load_table(TABLE).rows["short"]
    return {word: row.text("role") for row in rows for word in words_of(row, "words")}


@lru_cache(maxsize=8)
def words_under(key: str) -> frozenset[str]:
    """The words that every language has under a key: "elsewhere", "place", "neutral"."""
    return _of_every_language(key)


def _of_every_language(key: str) -> frozenset[str]:
    rows = load_table(TABLE).rows["language"]
    return frozenset().union(*(words_of(row, key) for row in rows))


def _language(name: str, own: dict[str, Table], rows: tuple[Table, ...]) -> Language:
    spoken = (BASE, name)

    def joined(key: str) -> frozenset[str]:
        return frozenset().union(*(words_of(own[each], key) for each in spoken))

    found: list[Vocabulary] = []
    tumour = _words(rows, spoken, "tumour").core
    for role in _ROLES:
        if role == "lungs":
            found += _lungs(name, own, rows)
            continue
        for group in dict.fromkeys(r.text("group", "") for r in rows if r.text("role") == role):
            each = _words(rows, spoken, role, group)
            found.append(replace(each, beside=each.beside | tumour) if role == "necrosis" else each)
    return Language(name, joined("neutral"), joined("left"), joined("right"), tuple(found))


def _lungs(name: str, own: dict[str, Table], rows: tuple[Table, ...]) -> list[Vocabulary]:
    """Both lungs and each; "D" and "G" are sides beside a French word alone."""
    spoken = (BASE, name)
    lobe, both = (
        frozenset().union(*(words_of(own[s], k) for s in spoken)) for k in ("lobe", "both")
    )
    found = [replace(_words(rows, spoken, "lungs"), beside=both)]
    for key in ("left", "right"):
        ours, theirs = words_of(own[BASE], key), words_of(own[name], key)
        mixed = ours | {word for word in theirs if len(word) > 1}
        for language, sides in ((BASE, mixed), (name, ours | theirs)):
            core = _words(rows, (language,), "lungs").core
            found.append(Vocabulary(f"lung-{key}", core, sides | lobe))
    return found


def _words(
    rows: tuple[Table, ...], spoken: tuple[str, ...], role: str, group: str = ""
) -> Vocabulary:
    """A role in some languages."""
    chosen = [
        row for row in rows
        if row.text("language") in spoken
        and row.text("role") == role
        and row.text("group", "") == group
    ]  # fmt: skip
    core, beside, needs = (
        frozenset().union(*(words_of(row, key) for row in chosen))
        for key in ("core", "beside", "needs")
    )
    return Vocabulary(role, core, beside, needs)
