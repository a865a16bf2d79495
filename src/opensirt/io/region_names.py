"""The role of a region, read from its name and its codes; cautious, so that a doubt means none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Coded", "role_from_name", "unique_name"]

Coded = tuple[str, str]
"""A code value and its coding scheme designator, such as ("10200004", "SCT")."""


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """A name fits when it has a `core` word and no word beyond `core`, `other` and the neutral."""

    role: str
    core: frozenset[str]
    other: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NEUTRAL = _words(
    "the of volume vol structure entire total whole contour roi ct spect pet mr mri manual auto "
    "segmentation seg mask organ final approved"
)
_LEFT, _RIGHT = _words("l left lt"), _words("r right rt")
_LOBE = _words("lobe lobes upper middle lower")
_LUNG = _words("lung lungs")
_TUMOUR = _words(
    "gtv tumor tumors tumour tumours tumoral lesion lesions met mets metastasis metastases hcc crlm"
)
_VOCABULARIES = (
    _Vocabulary("necrosis", _words("necrosis necrotic"), _TUMOUR | _words("core area liver")),
    _Vocabulary("tumour", _TUMOUR, _words("liver hepatic mass index viable target all")),
    _Vocabulary("perfused", _words("perfused"), _words("liver territory tissue") | _LEFT | _RIGHT),
    _Vocabulary("perfused", _words("perfusion"), _words("territory") | _LEFT | _RIGHT),
    _Vocabulary("liver", _words("liver hepar")),
    _Vocabulary("lungs", _LUNG, _words("both bilateral combined")),
    _Vocabulary("lung-left", _LUNG, _LEFT | _LOBE),
    _Vocabulary("lung-right", _LUNG, _RIGHT | _LOBE),
    _Vocabulary("gallbladder", _words("gallbladder")),
    _Vocabulary("stomach", _words("stomach")),
    _Vocabulary(
        "bowel",
        _words("bowel bowels duodenum jejunum ileum intestine intestines colon"),
        _words("small large loops loop"),
    ),
    _Vocabulary("body", _words("body external"), _words("outline patient")),
)

_BARRED = _words(
    "normal healthy non not minus without excluding except outside sub ptv ctv itv prv expanded "
    "expansion margin ring shell wall edge edema oedema cyst cysts hemangioma haemangioma remnant "
    "flr future resected resection untreated unperfused nonperfused nontumor nontumour nontumoral "
    "avoid avoidance dose isodose iso background reference lobe lobes segment segments caudate "
    "vessel vessels vein veins artery arteries duct opt dummy copy backup test old"
)
"""Words that turn an organ's name, code or type into something else."""

_LESS = re.compile(
    r"(?:liver|hepar|hepatic|lungs?|lobes?|body|organ)[\s_]*[-\u2010-\u2015\u2212/\\~][\s_]*"
    rf"(?:{'|'.join(sorted(_TUMOUR))}|necrosis)(?![a-z])",
    re.I,
)
"""An organ, a dash or slash, a tumour: what is left of the organ without it."""
_GENERIC = re.compile(r"^(segment|seg|roi|label|region|structure|volume)?[\s_#-]*\d*$", re.I)

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
    "Tumor 1"). A name with a word such as "normal", "PTV" or "lobe" has no role, whatever its
    codes say; any other name leaves the word to the codes, then to the type.

    Parameters
    ----------
    name : str
        Segment label or ROI name.
    coded : sequence of (code value, scheme)
        SNOMED CT (SCT) or SRT codes of the property type and its modifier.
    interpreted : str
        DICOM `RTROIInterpretedType`, such as "GTV".
    """
    words = _split(name)
    if _LESS.search(name):
        return None
    named = _role_of_words(words)
    if named is not None:
        return named
    if words & _BARRED and not _GENERIC.match(name.strip()):
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


def _split(name: str) -> frozenset[str]:
    """Lower-case words: "LungL", "Lung_L" and "tumor1" are ("lung", "l") and ("tumor",)."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    spaced = re.sub(r"gall[\s_-]*bladder", "gallbladder", spaced, flags=re.I)
    return frozenset(re.findall(r"[^\W\d_]+", spaced.lower()))


def _role_of_words(words: frozenset[str]) -> str | None:
    said = words - _NEUTRAL
    for vocabulary in _VOCABULARIES:
        if not said & vocabulary.core or said - vocabulary.core - vocabulary.other:
            continue
        sides = {"lung-left": _LEFT, "lung-right": _RIGHT}.get(vocabulary.role)
        if sides is None or said & sides:
            return vocabulary.role
    return None


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
