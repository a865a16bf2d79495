"""What a plan needs and nobody said: all of it in one line, each with what cures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from opensirt.asking import option, together
from opensirt.case import Case
from opensirt.dose.comparison import LUNG_ROLES
from opensirt.errors import CaseError
from opensirt.image import Volume
from opensirt.io.role_hints import listed, role_hints
from opensirt.plan.surface import bsa_products
from opensirt.quantify.decay import injection_is_unknown
from opensirt.quantify.density import density_is_unknown
from opensirt.quantify.thresholds import threshold
from opensirt.units import Unit
from opensirt.workflow.options import RunOptions
from opensirt.workflow.planning import given_is_unknown
from opensirt.workflow.roles import roles_of
from opensirt.workflow.setting import mass_is_unknown, shunt_is_unknown
from opensirt.workflow.study import PLANNING, TREATMENT

__all__ = ["require_known"]

MOST_REASONS = 2
"""Why regions are not there: so many are told in the line."""
FEW = 5
"""Regions without a role that a message lists as what the lungs may be."""


def require_known(case: Case, options: RunOptions) -> None:
    """`CaseError` with every fact that the run misses; what is wrong with facts is told later.

    Parameters
    ----------
    case : Case
        As read, with what the options say of it.
    options : RunOptions
    """
    if any(finding.severity == "stop" for finding in case.findings):
        return  # preparing the case says so
    facts = [
        *_image(case, options.image),
        *_roles(case, options.model),
        *_lungs(case),
        *_density(case),
        *_body(case, options),
        *_treatment(case, options.image),
    ]
    if len(facts) == 1:
        raise CaseError(facts[0])
    if facts:
        each = "; ".join(f"({number}) {fact}" for number, fact in enumerate(facts, 1))
        raise CaseError(f"{len(facts)} things are missing: {each}")


def _image(case: Case, asked: str | None) -> Iterator[str]:
    roles = {image.role for image in case.images}
    wanted = (asked,) if asked else (PLANNING, TREATMENT)
    if roles.isdisjoint(wanted) and set(wanted) <= {PLANNING, TREATMENT}:
        try:
            case.image(wanted[0])
        except CaseError as error:
            yield str(error)


def _roles(case: Case, model: str) -> Iterator[str]:
    """Regions that are there and say no role, and regions that are not there."""
    needed = ("liver", "tumour") if model == "partition" else ("liver",)
    roles = roles_of(case)
    missing = [role for role in needed if not _has(case, role)]
    if not missing:
        return
    whys = dict.fromkeys(item.why for item in case.left_out if item.role)
    lost = f"; left out: {' | '.join(list(whys)[:MOST_REASONS])}" if whys else ""
    without = " or ".join(missing)
    if not roles:
        unused = dict.fromkeys(i.why for i in case.left_out if i.of_regions or i.role)
        if unused:
            why = "; ".join(list(unused)[:MOST_REASONS])
            yield f"the study has no regions that can be used, so no {without}: {why}"
        else:
            add = "add a structure set or segmentation"
            yield f"the study has no regions, so no {without}; {add}"
        return
    pairs = [
        pair
        for role in missing
        for pair in _likely(roles, role)
        or [(f"NAME OF {role.upper()}" if len(missing) > 1 else "NAME", role)]
    ]
    text = f"no region has the role {without}: give {option('role', *pairs)}"
    text += f", or [regions.roles] in case.toml; the study has {listed(list(roles))}{lost}"
    if "tumour" in missing:
        text += f"; {option('model', 'mird')} needs no tumour"
    if not _has(case, "perfused"):
        perfused = _likely(roles, "perfused") or [("NAME", "perfused")]
        text += f"; without {option('role', *perfused)} all of the liver is taken as perfused"
    yield text


def _likely(roles: Mapping[str, str], role: str) -> list[tuple[str, str]]:
    """Patterns of regions without a role whose names nearly say this one, each with the role."""
    return [(hint.pattern, role) for hint in role_hints(roles) if hint.role == role]


def _lungs(case: Case) -> Iterator[str]:
    """Shunt and mass where no region is the lungs; the mass alone where no CT weighs them."""
    known = case.assumptions
    if any(_has(case, role) for role in LUNG_ROLES):
        is_asked = _is_density_unknown(case) and "lung_shunt_fraction" not in known.decided
        if is_asked and known.lung_mass_g is None:
            yield mass_is_unknown()
        return
    outline = _outline_of_lungs(case)
    if known.lung_shunt_fraction is None:
        yield shunt_is_unknown(outline)
    if known.lung_mass_g is None and known.lung_shunt_fraction != 0:
        yield mass_is_unknown(outline)


def _outline_of_lungs(case: Case) -> str:
    """How a region becomes the lungs: one without a role, or one to draw where the CT shows them.

    A region whose name nearly says another role is no candidate.
    """
    roles = roles_of(case)
    hints = role_hints(roles)
    typed = [hint.typed for hint in hints if hint.role in LUNG_ROLES]
    if typed:
        return f"give {typed[0]} if those are they, or "
    hinted = {name for hint in hints for name in hint.names}
    nameless = [name for name, role in roles.items() if role == "other" and name not in hinted]
    cure = ""
    if nameless:
        among = listed(nameless, FEW)
        cure = f"give {option('role', ('NAME', 'lungs'))} if they are among {among}, or "
    if case.has_image("ct") and _shows_lungs(case.image("ct").volume):
        cure += "the CT shows tissue like lung: if it is, outline it and call it lungs, or "
    return cure


def _shows_lungs(ct: Volume) -> bool:
    """True where as much of a CT is as dense as lung as no bowel gas or mattress is."""
    low, high = threshold("lungs_seen_least_hu").value, threshold("lungs_seen_most_hu").value
    hu = ct.require(Unit.HU)
    count = int(np.count_nonzero(np.logical_and(np.greater(hu, low), np.less(hu, high))))
    return count * ct.grid.voxel_volume_ml > threshold("lungs_seen_volume_ml").value


def _density(case: Case) -> Iterator[str]:
    if _is_density_unknown(case):
        yield density_is_unknown()


def _is_density_unknown(case: Case) -> bool:
    return not case.has_image("ct") and case.assumptions.density_g_ml is None


def _body(case: Case, options: RunOptions) -> Iterator[str]:
    """Height and weight for the one model that needs them, where it is for the product at all."""
    if options.model != "bsa" or options.product not in bsa_products():
        return
    patient = case.patient
    missing = [
        (name, key)
        for name, key, value in (
            ("height-cm", "height_cm", patient.height_cm),
            ("weight-kg", "weight_kg", patient.weight_kg),
        )
        if value is None
    ]
    if missing:
        names, keys = zip(*missing, strict=True)
        yield (
            f"model 'bsa' needs height and weight; give {together(*names)}, or "
            f"{' and '.join(keys)} under [patient] in case.toml; volumes are those of the study"
        )


def _treatment(case: Case, asked: str | None) -> Iterator[str]:
    """What was given, for the image after treatment where that is the one used."""
    roles = {image.role for image in case.images}
    used = asked or (PLANNING if PLANNING in roles else TREATMENT)
    if used != TREATMENT or TREATMENT not in roles:
        return
    if case.treatment is None:
        yield given_is_unknown()
        return
    volume = case.image(TREATMENT).volume
    is_dated = case.treatment.injected is not None or volume.time == "injection"
    if volume.unit is Unit.BQ_PER_ML and not is_dated:
        yield injection_is_unknown()


def _has(case: Case, role: str) -> bool:
    return any(not region.is_empty for region in case.regions.with_role(role))
