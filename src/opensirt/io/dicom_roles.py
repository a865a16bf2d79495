"""Which series of a study serves for what: CT, MR, planning or treatment activity.

The rules are few and written down in `docs/formats/dicom-input.md`. Where they leave two series for
one role, the study is ambiguous and the user is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from opensirt.asking import option
from opensirt.case import IMAGE_ROLES, LeftOut
from opensirt.errors import (
    AmbiguousStudyError,
    DicomError,
    InputError,
    NotUsableError,
    OpenSirtError,
    UnknownNameError,
)
from opensirt.findings import Finding
from opensirt.io.dicom_files import texts
from opensirt.io.dicom_frames import said_of
from opensirt.io.dicom_meaning import emission_meaning, is_attenuation_corrected
from opensirt.io.dicom_nm import require_reconstruction
from opensirt.io.dicom_series import Series

__all__ = ["REGIONS", "Chosen", "check_choice", "choose_series", "matching"]

REGIONS = "regions"
"""Name under which a region object is chosen, beside the image roles."""
ACTIVITY_ROLES = ("treatment-activity", "planning-activity")
BEAD_NUCLIDES = ("tc99m", "y90", "ho166")
"""Nuclides of beads, and of the particles that stand in for them when planning."""
CLEARLY_LARGER = 2.0
"""A series that covers this many times the volume of every other one is the one meant."""

_NOT_SLICES = {
    "LOCALIZER": "a localizer",
    "MIP": "a maximum intensity projection",
    "MINIP": "a minimum intensity projection",
    "PROJECTION IMAGE": "a projection",
}
_SCOUT_WORDS = ("scout", "planning", "work-up", "workup", "simulation", "pre ")
_THERAPY_WORDS = ("therapy", "treatment", "post")
_UNCORRECTED_WORDS = (" nac ", " noac ", " no ac ", " non ac ", " uncorrected ", " non corrected ")
"""Whole words, so that "Pinnacle" and "mono acquisition" are none."""


@dataclass(slots=True)
class Chosen:
    """The series for each role, and what was left out, why."""

    by_role: dict[str, Series] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    errors: list[OpenSirtError] = field(default_factory=list)

    def lose(self, series: Series, error: OpenSirtError) -> None:
        """List a series that cannot be read: a finding too where it is damaged, not unfit."""
        item = LeftOut(series.measured(), said_of(error, series.instances))
        self.left_out.append(item)
        self.errors.append(error)
        if not isinstance(error, NotUsableError):
            self.findings.append(Finding("warn", "image-lost", f"{item.what}: {item.why}."))


def check_choice(choose: Mapping[str, str]) -> None:
    """Refuse a choice for a role that does not exist."""
    for role in choose:
        if role not in (*IMAGE_ROLES, REGIONS):
            raise UnknownNameError(
                f"cannot choose for {role!r}; roles are {', '.join((*IMAGE_ROLES, REGIONS))}"
            )


_NAMES: tuple[Callable[[Series], str], ...] = (
    lambda s: s.label,
    lambda s: s.text("SeriesDescription"),
    lambda s: s.text("SeriesNumber"),
    lambda s: s.text("SeriesInstanceUID"),
    lambda s: s.instances[0].path.name,
)
"""What a series can be called by, in the order in which a choice is compared with it."""


def matching(candidates: Sequence[Series], wanted: str, role: str) -> Series:
    """The one series that a user's choice names: by description, number, UID or first file."""
    found = _called(candidates, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        raise AmbiguousStudyError(
            f"{len(found)} series are called {wanted!r}: {_listed(found)}; choose by another "
            f"name, for example {option('choose', (role, _name_for_choice(found[0], candidates)))}"
        )
    raise InputError(f"no series is called {wanted!r}; there are {_listed(candidates) or 'none'}")


def choose_series(series: Sequence[Series], choose: Mapping[str, str]) -> Chosen:
    """A series for each role that the study offers.

    Raises
    ------
    AmbiguousStudyError
        When several series remain for the CT or for an activity role.
    InputError
        When `choose` names no series of the study.
    """
    result = Chosen()
    kinds = {"ct": ("CT",), "mr": ("MR",)}
    could = {
        role: [s for s in series if s.kind in kinds.get(role, ("NM", "PT"))] for role in IMAGE_ROLES
    }
    wanted = {
        role: matching(could[role], name, role)
        for role, name in choose.items()
        if role in IMAGE_ROLES
    }
    usable = [s for s in series if _screened(s, result, explicit=s in wanted.values())]
    for role, pool in _emission_pools(usable, wanted, result).items():
        _settle(role, pool, wanted.get(role), could[role], result)
    cts = [s for s in usable if s.kind == "CT"]
    _settle("ct", cts, wanted.get("ct"), could["ct"], result)
    mrs = [s for s in usable if s.kind == "MR"]
    if len(mrs) > 1 and "mr" not in wanted:
        cure = f"choose with {option('choose', ('mr', 'NAME'))}"
        why = f"one of several MR series, none of them needed; {cure}"
        result.left_out += [LeftOut(s.described, why) for s in mrs]
    else:
        _settle("mr", mrs, wanted.get("mr"), could["mr"], result)
    return result


def _screened(series: Series, result: Chosen, *, explicit: bool) -> bool:
    """False, and listed, for a series that cannot serve; an error where the user chose it."""
    try:
        name = series.label
        marks = [text.upper() for text in texts(series.header, "ImageType", name)]
        reason = next((why for mark, why in _NOT_SLICES.items() if mark in marks), None)
        if reason:
            result.left_out.append(LeftOut(series.described, f"{reason} (ImageType)"))
            return False
        if series.kind == "NM":
            require_reconstruction(series.header, name)
        if series.kind in ("NM", "PT"):
            emission_meaning(series.frames, name, is_pet=series.kind == "PT")
        if min(series.size) < 1 or not series.frames:
            raise DicomError(f"{name}: Rows and Columns are missing, so it holds no image")
        return True
    except OpenSirtError as error:
        if explicit:
            raise
        result.lose(series, error)
        return False


def _emission_pools(
    usable: Sequence[Series], wanted: Mapping[str, Series], result: Chosen
) -> dict[str, list[Series]]:
    """Emission series by the activity role that their nuclide stands for."""
    pools: dict[str, list[Series]] = {role: [] for role in ACTIVITY_ROLES}
    others: list[tuple[Series, str]] = []
    taken = [s for role, s in wanted.items() if role in ACTIVITY_ROLES]
    for series in usable:
        if series.kind not in ("NM", "PT") or series in taken:
            continue
        isotope = emission_meaning(series.frames, series.label, is_pet=series.kind == "PT").nuclide
        role = _role_of(isotope, series)
        if role is not None:
            pools[role].append(series)
        elif isotope in BEAD_NUCLIDES:
            for pool in pools.values():
                pool.append(series)
        elif isotope is not None:
            others.append((series, isotope))
        else:
            why = (
                "RadionuclideCodeSequence names no nuclide, so its role is not known; choose with "
                f"{option('choose', ('planning-activity', 'NAME'))} or "
                f"{option('choose', ('treatment-activity', 'NAME'))}"
            )
            result.left_out.append(LeftOut(series.described, why))
    _require_known_stage(pools, wanted)
    for role, series in wanted.items():
        if role in ACTIVITY_ROLES:
            pools[role].append(series)
            result.findings += _unnamed(series, role)
    _add_strangers(others, pools, result)
    return pools


def _unnamed(series: Series, role: str) -> list[Finding]:
    """That the nuclide of a series is taken from its choice, where the header names none."""
    if emission_meaning(series.frames, series.label, is_pet=series.kind == "PT").nuclide:
        return []
    text = (
        f"{series.label!r} names no nuclide, neither in words nor by half-life; it was chosen as "
        f"{role}, and is taken to show what that stands for."
    )
    return [Finding("warn", "nuclide-not-stated", text, "assumption")]


def _role_of(isotope: str | None, series: Series) -> str | None:
    if isotope == "tc99m":
        return "planning-activity"
    if isotope == "y90":
        return "treatment-activity"
    if isotope == "ho166":
        words = f"{series.label} {series.text('StudyDescription')} ".casefold()
        scout = any(word in words for word in _SCOUT_WORDS)
        therapy = any(word in words for word in _THERAPY_WORDS)
        if scout != therapy:
            return "planning-activity" if scout else "treatment-activity"
    return None


def _require_known_stage(pools: Mapping[str, list[Series]], wanted: Mapping[str, Series]) -> None:
    """A Ho-166 image may be of the scout dose or of the treatment: ask where it does not say."""
    unclear = [s for s in pools[ACTIVITY_ROLES[0]] if s in pools[ACTIVITY_ROLES[1]]]
    for series in unclear:
        if not any(role in wanted for role in ACTIVITY_ROLES):
            raise AmbiguousStudyError(
                f"{series.described} shows Ho-166 of a scout dose or of the treatment; say which, "
                f"{option('choose', ('planning-activity', series.label))} or "
                f"{option('choose', ('treatment-activity', series.label))}"
            )
        for pool in pools.values():
            pool.remove(series)


def _add_strangers(
    others: Sequence[tuple[Series, str]], pools: dict[str, list[Series]], result: Chosen
) -> None:
    """Images of nuclides that no bead carries: shown where nothing else is, with a stop finding."""
    if any(pools.values()):
        for series, isotope in others:
            result.left_out.append(LeftOut(series.described, f"shows {isotope}, not beads"))
        return
    for series, _ in others:
        pools["planning-activity"].append(series)
    if others:
        names = ", ".join(sorted({isotope for _, isotope in others}))
        text = f"the only activity image shows {names}, which no microsphere carries"
        result.findings.append(Finding("stop", "not-a-bead-nuclide", text))


def _settle(
    role: str,
    pool: list[Series],
    wanted: Series | None,
    candidates: Sequence[Series],
    result: Chosen,
) -> None:
    """Take the one series meant for a role, and list the others."""
    if wanted is not None:
        result.by_role[role] = wanted
        why = f"another series was chosen for {role}"
        result.left_out += [LeftOut(s.described, why) for s in pool if s is not wanted]
        return
    frames_used = [s.text("FrameOfReferenceUID") for s in result.by_role.values()]
    rules: list[tuple[str, Callable[[Sequence[Series]], list[Series]]]] = [
        ("not corrected for attenuation, where another series is", _corrected),
        ("not axial, where another series is", lambda found: [s for s in found if _is_axial(s)]),
        (
            "not in the frame of reference of the activity image, where another series is",
            lambda found: [s for s in found if s.text("FrameOfReferenceUID") in frames_used],
        ),
        (f"covers less than 1/{CLEARLY_LARGER:g} of the volume of another series", _clearly_larger),
    ]
    for why, rule in rules:
        kept = rule(pool) if len(pool) > 1 else []
        if kept and len(kept) < len(pool):
            result.left_out += [LeftOut(s.described, why) for s in pool if s not in kept]
            pool = kept
    if len(pool) > 1:
        raise AmbiguousStudyError(
            f"{len(pool)} series could be the {role}: {_listed(pool)}; "
            "choose one, for example "
            f"{option('choose', (role, _name_for_choice(pool[0], candidates)))}"
        )
    if pool:
        result.by_role[role] = pool[0]


def _corrected(found: Sequence[Series]) -> list[Series]:
    """Series corrected for attenuation, by CorrectedImage or by name."""
    kept = []
    for series in found:
        if series.kind not in ("NM", "PT"):
            return list(found)
        words = f" {re.sub(r'[^a-z]+', ' ', series.label.casefold())} "
        stated = is_attenuation_corrected(series.header, series.label)
        if stated or (stated is None and not any(w in words for w in _UNCORRECTED_WORDS)):
            kept.append(series)
    return kept


def _is_axial(series: Series) -> bool:
    cosines = series.frames[0].cosines
    return bool(np.argmax(np.abs(np.cross(cosines[0], cosines[1]))) == 2)


def _clearly_larger(found: Sequence[Series]) -> list[Series]:
    covered = {id(s): _covered_mm3(s) for s in found}
    first = max(found, key=lambda s: covered[id(s)])
    rest = max(covered[id(s)] for s in found if s is not first)
    return [first] if covered[id(first)] >= CLEARLY_LARGER * rest else []


def _covered_mm3(series: Series) -> float:
    """Volume that the slices span."""
    first = series.frames[0]
    normal = np.cross(first.cosines[0], first.cosines[1])
    heights = np.array([frame.position_mm @ normal for frame in series.frames])
    _, rows, columns = series.size
    length = float(np.ptp(heights)) + (first.thickness_mm or 0.0)
    return length * rows * columns * first.pixel_mm[0] * first.pixel_mm[1]


def _called(candidates: Sequence[Series], wanted: str) -> list[Series]:
    """The series that a text names, by the first kind of name that fits any."""
    text = wanted.strip().casefold()
    for name in _NAMES:
        if found := [series for series in candidates if name(series).casefold() == text]:
            return found
    return []


def _name_for_choice(series: Series, candidates: Sequence[Series]) -> str:
    """A text that names this one of the candidates alone, when it is typed as a choice."""
    names = [name(series) for name in _NAMES]
    return next((n for n in names if n and _called(candidates, n) == [series]), names[-1])


def _listed(series: Sequence[Series]) -> str:
    return ", ".join(s.described for s in series)
