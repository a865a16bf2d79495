"""The role of a region, read from its name and its codes; cautious, so that a doubt means none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opensirt.io.region_words import barred_words, folded, languages, without_tumour

__all__ = ["Coded", "name_words", "role_from_name", "unique_name"]

Coded = tuple[str, str]
"""A code value and its coding scheme designator, such as ("10200004", "SCT")."""


_GENERIC = re.compile(r"^(segment|seg|roi|label|region|structure|volume)?[\s_#-]*\d*$", re.I)
_PART = re.compile(r"(?<![a-z])seg[\s_.-]*\d", re.I)
"""A segment of the liver by its number, where "seg" alone is a segmentation."""

_ROLE_OF_CODE = {
    "10200004": "liver",
    "39607008": "lungs",
    "108369006": "tumour",  # neoplasm
    "372087000": "tumour",  # neoplasm, primary
    "14799000": "tumour",  # neoplasm, secondary
    "128462008": "tumour",  # metastasis
    "255046005": "tumour",  # neuroendocrine tumour
    "228791009": "tumour",  # gross tumour volume
    "4147007": "tumour",  # mass
    "52988006": "tumour",  # lesion
    "6574001": "necrosis",
    "69695003": "stomach",
    "28231008": "gallbladder",
    "38848004": "bowel",  # duodenum
    "21306003": "bowel",  # jejunum
    "34516001": "bowel",  # ileum
    "30315005": "bowel",  # small intestine
    "14742008": "bowel",  # large intestine
    "71854001": "bowel",  # colon
    "113276009": "bowel",  # intestine, as we write it
    "38266002": "body",
}
_SNOMED_OF_SRT = {
    "T-62000": "10200004",
    "T-28000": "39607008",
    "M-8FFFF": "108369006",
    "M-03000": "4147007",
    "M-54000": "6574001",
    "T-57000": "69695003",
    "T-63000": "28231008",
    "T-58200": "38848004",
    "T-58000": "30315005",
    "T-59000": "14742008",
}
_CODE_LEFT, _CODE_RIGHT = {"7771000", "G-A101"}, {"24028007", "G-A100"}
_ROLE_OF_TYPE = {"GTV": "tumour", "EXTERNAL": "body"}


def role_from_name(name: str, coded: Sequence[Coded] = (), interpreted: str = "") -> str | None:
    """The role that a region's name or codes clearly mean, or None.

    The name is read first: every word of it must belong to one role ("whole liver", "Lung_L",
    "Tumor 1", "Leber", "métastase 3"), and no two languages may differ. A name with a word such as
    "normal", "PTV" or "ohne" has no role, whatever its codes say; any other name leaves the word to
    the codes, then to the type.

    Parameters
    ----------
    name : str
        Segment label or ROI name.
    coded : sequence of (code value, scheme)
        SNOMED CT (SCT) or SRT codes of the property type and its modifier.
    interpreted : str
        DICOM `RTROIInterpretedType`, such as "GTV".
    """
    words = name_words(name)
    if without_tumour().search(folded(name)):
        return None
    roles = {each.role_of(words) for each in languages()} - {None}
    is_generic = _GENERIC.match(name.strip())
    if "liver" in roles and _PART.search(name):
        return None
    if len(roles) == 1:
        return roles.pop()
    if roles or (words & barred_words() and not is_generic):
        return None
    return _role_of_codes(coded) or _ROLE_OF_TYPE.get(interpreted.strip().upper())


def unique_name(name: str, taken: Sequence[str]) -> str:
    """`name`, or "name (2)" and so on where it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def name_words(name: str) -> frozenset[str]:
    """Lower-case words: "LungL", "Lung_L" and "tumor1" are ("lung", "l") and ("tumor",)."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folded(name))
    spaced = re.sub(r"gall[\s_-]*bladder", "gallbladder", spaced, flags=re.I)
    spaced = re.sub(r"\b[ld]['\u2019](?=\w)", " ", spaced, flags=re.I)  # l'estomac
    return frozenset(re.findall(r"[^\W\d_]+", spaced.lower()))


def _role_of_codes(coded: Sequence[Coded]) -> str | None:
    values = {
        _SNOMED_OF_SRT.get(value, value) if scheme.upper() in ("SRT", "SNM3") else value
        for value, scheme in coded
        if scheme.upper() in ("SCT", "SRT", "SNM3", "99SDM")
    }
    roles = {_ROLE_OF_CODE[value] for value in values if value in _ROLE_OF_CODE}
    if len(roles) != 1:
        return None
    role = roles.pop()
    if role == "lungs":
        left, right = bool(values & _CODE_LEFT), bool(values & _CODE_RIGHT)
        return "lungs" if left == right else ("lung-left" if left else "lung-right")
    return role
