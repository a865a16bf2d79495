"""What stays the same for one case through quantification, planning and dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from opensirt.asking import option
from opensirt.case import Case
from opensirt.dose.comparison import LUNG_ROLES
from opensirt.dose.engine import uncovered_fraction
from opensirt.errors import CaseError
from opensirt.findings import Finding, percent
from opensirt.image import Grid, Region, Volume
from opensirt.image.regions import joined
from opensirt.physics.plausible import require_plausible, require_plausible_voxels
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import Quantity, load_table
from opensirt.plan.plan import LungInput
from opensirt.quantify.compartments import LiverCompartments, liver_compartments
from opensirt.quantify.counted import counted_voxels
from opensirt.quantify.density import (
    ct_coverage,
    ct_coverage_findings,
    density_map,
    uncovered_findings,
)
from opensirt.quantify.lungs import lung_mass, lung_mass_g, lung_tissue
from opensirt.quantify.shunt import measure_lung_shunt
from opensirt.quantify.thresholds import threshold
from opensirt.quantify.truncation import edges_touched, liver_cut_findings, shunt_cut_findings
from opensirt.quantify.voxels import on_voxels, whole_voxels
from opensirt.workflow.lung_parts import LungView, of_one_part, require_enough

__all__ = ["Setting", "make_setting", "mass_is_unknown", "shunt_is_unknown"]

MOSTLY, SHOWN = 0.5, 8
GIVEN = "given for this plan"
ASSUMED = "as stated in the study, not measured here"


def shunt_is_unknown(outline: str = "") -> str:
    """What to say where nothing tells the lung shunt; `outline` is another cure, put first."""
    return (
        "the lung shunt is not known: the study has no lungs region on the activity image; "
        f"{outline}give lung_shunt_fraction under [assumptions] or with {option('lung-shunt')}"
    )


def mass_is_unknown(outline: str = "") -> str:
    """What to say where nothing tells the lung mass; `outline` is another cure, put first."""
    where = "the study has no lungs region on the CT" if outline else "no CT shows the lungs"
    return (
        f"the lung mass is not known: {where}; {outline}give lung_mass_g under [assumptions] or "
        f"with {option('lung-mass-g')}"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Compartments, lungs and density; on the grid of the activity image if not said otherwise."""

    drawn: LiverCompartments
    """On the grid that the regions were drawn on."""
    lungs_drawn: Region | None
    compartments: LiverCompartments
    lungs: Region | None
    density: Volume
    """g/mL."""
    lung_tissue: tuple[Region, Volume] | None
    """Voxels with lung tissue and its g per mL of voxel, where a CT shows the lungs."""
    lung: LungInput
    findings: tuple[Finding, ...]
    assumptions: tuple[str, ...]

    @property
    def counted(self) -> LiverCompartments:
        """The whole voxels that dose figures count; other figures are those of `compartments`."""
        return _counted(self.compartments)


@lru_cache(maxsize=1)
def _counted(compartments: LiverCompartments) -> LiverCompartments:
    return counted_voxels(compartments)


@lru_cache(maxsize=1)
def make_setting(case: Case) -> Setting:
    """The setting of a prepared case; the last one is kept, since every verb needs it.

    Regions are split on the grid they were drawn on and moved to the activity image afterwards.
    """
    image = case.activity_image
    grid = image.volume.grid
    drawn = liver_compartments(case.regions)
    lungs_drawn = _lungs(case)
    compartments = on_voxels(drawn, grid)
    lungs = whole_voxels(lungs_drawn, grid) if lungs_drawn is not None else None
    findings = [*case.findings, *drawn.findings, *_roleless(case, drawn.whole_liver)]
    assumptions: list[str] = []
    _refuse_cut(drawn, compartments)
    require_plausible_voxels(image.label, grid.spacing_mm)
    require_plausible("volume of the liver", drawn.whole_liver.volume_ml)
    liver_drawn, where = _where_drawn(case, drawn.whole_liver)
    findings += liver_cut_findings(liver_drawn, where)
    density = _density(case, compartments, findings, assumptions)
    liver_g_ml = compartments.whole_liver.mean_of(density)
    require_plausible("mean density of the liver", liver_g_ml)
    lungs_on_ct = _lungs_on_ct(case, lungs_drawn)
    cut: tuple[Finding, ...] = ()
    if lungs_drawn is not None:
        seen = lungs_drawn if lungs_on_ct is None else lungs_on_ct
        cut = shunt_cut_findings(seen, liver_drawn, where)
    shunt, shunt_source = _shunt(case, compartments, lungs, cut, findings, assumptions)
    mass_g, mass_source = _mass(case, lungs_on_ct, shunt, findings, assumptions)
    lung = LungInput(shunt, mass_g, shunt_source, mass_source)
    if lungs_drawn is not None:
        view = _lungs_in_view(case, lungs_drawn, lungs_on_ct, lungs)
        lung = of_one_part(lung, view, findings)
    return Setting(
        drawn,
        lungs_drawn,
        compartments,
        lungs,
        density,
        _lung_tissue(case, lungs_on_ct, grid),
        lung,
        tuple(findings),
        tuple(assumptions),
    )


def _lungs(case: Case) -> Region | None:
    """All lung regions as one; a lungs region, or a left and a right one."""
    found = [
        region
        for role in LUNG_ROLES
        for region in case.regions.with_role(role)
        if not region.is_empty
    ]
    _require_both(case, found)
    return joined(found).named("lungs", "lungs") if found else None


def _require_both(case: Case, found: Sequence[Region]) -> None:
    """Refuse one lung of two: counts and mass would be half of what the shunt reaches."""
    roles = {region.role for region in found}
    decided = {"lung_shunt_fraction", "lung_mass_g"} <= case.assumptions.decided
    if len(roles) == 1 and "lungs" not in roles and not decided:
        names = ", ".join(repr(region.name) for region in found)
        one = option("role", *((region.name, "lungs") for region in found))
        raise CaseError(
            f"one of the two lungs is outlined, {names} ({roles.pop()}), and shunt and mass of one "
            f"would be taken for both; outline the other, give {option('lung-shunt')} and "
            f"{option('lung-mass-g')}, or, where the patient has but one, give {one}"
        )


def _roleless(case: Case, liver: Region) -> list[Finding]:
    """Outlines inside the liver that nobody gave a role: they count as liver, whatever they are."""
    inside = [
        region.name
        for region in case.regions.with_role("other")
        if not region.is_empty and (region & liver).volume_ml > MOSTLY * region.volume_ml
    ]
    if not inside:
        return []
    text = (
        f"{len(inside)} outline{'s' * (len(inside) > 1)} inside the liver without a role count as "
        f"liver: {', '.join(map(repr, inside[:SHOWN]))}{', ...' * (len(inside) > SHOWN)}. Give a "
        "role to those that are tumours, necrosis or perfused volumes."
    )
    return [Finding("warn", "regions-without-role", text)]


def _lungs_on_ct(case: Case, lungs: Region | None) -> Region | None:
    """The lungs on the grid of the CT, where there are both."""
    if lungs is None or not case.has_image("ct"):
        return None
    return lungs.onto(case.image("ct").volume.grid)


def _where_drawn(case: Case, region: Region) -> tuple[Region, str]:
    """A region on the image whose edges may have cut it, and that image in words.

    Outlines are drawn on the CT where there is one; else their own grid is all that is known.
    """
    if case.has_image("ct"):
        return region.onto(case.image("ct").volume.grid), "CT"
    return region, "image it was drawn on"


def _lungs_in_view(
    case: Case, drawn: Region, on_ct: Region | None, seen: Region | None
) -> LungView:
    """What CT and activity image show of the lungs as drawn."""
    ct_mass_g = None
    if on_ct is not None and not on_ct.is_empty:
        ct_mass_g = lung_mass_g(case.image("ct").volume, on_ct)
    in_ct = 1.0 if on_ct is None else on_ct.volume_ml / drawn.volume_ml
    in_activity = 0.0 if seen is None else seen.volume_ml / drawn.volume_ml
    return LungView(ct_mass_g, in_ct, in_activity, bool(edges_touched(drawn)))


def _lung_tissue(case: Case, lungs: Region | None, grid: Grid) -> tuple[Region, Volume] | None:
    return lung_tissue(case.image("ct").volume, lungs, grid) if lungs is not None else None


def _refuse_cut(drawn: LiverCompartments, seen: LiverCompartments) -> None:
    """Masses and ratios of a liver that an image shows in part are not the liver's."""
    image = "activity image"
    _require_cover(image, "liver", seen.whole_liver.volume_ml / drawn.whole_liver.volume_ml)
    _require_cover(image, "perfused volume", seen.perfused.volume_ml / drawn.perfused.volume_ml)
    for whole, part in zip(drawn.lesions, seen.lesions, strict=True):
        held = part.drawn.volume_ml / whole.drawn.volume_ml
        _require_cover(image, f"lesion {whole.name!r}", held, threshold("lesion_cover_fraction"))


def _require_cover(image: str, what: str, fraction: float, least: Quantity | None = None) -> None:
    limit = least or threshold("liver_cover_fraction")
    if fraction < limit.value:
        raise CaseError(
            f"the {image} covers {percent(fraction)} of the {what}, needed are "
            f"{percent(limit.value)}; use images that show the whole liver"
        )


def _density(
    case: Case,
    compartments: LiverCompartments,
    findings: list[Finding],
    assumptions: list[str],
) -> Volume:
    activity = case.activity_image.volume
    grid = activity.grid
    if case.has_image("ct"):
        ct = case.image("ct").volume
        require_plausible_voxels(case.image("ct").label, ct.grid.spacing_mm)
        if "density_g_ml" in case.assumptions.decided:
            text = "There is a CT: density comes from it, not from the one value given."
            findings.append(Finding("note", "density-from-ct", text))
        _require_cover("CT", "liver", ct_coverage(ct.grid, compartments.whole_liver))
        findings += ct_coverage_findings(ct.grid, compartments.whole_liver)
        density = density_map(ct, grid)
        findings += uncovered_findings(uncovered_fraction(density.values, activity))
        return density
    if case.assumptions.density_g_ml is not None:
        require_plausible("tissue density", case.assumptions.density_g_ml)
    density = density_map(None, grid, case.assumptions.density_g_ml)
    text = f"There is no CT: density {case.assumptions.density_g_ml:g} g/mL everywhere."
    assumptions.append(text)
    effect = " Masses follow it, and doses inversely."
    findings.append(Finding("warn", "density-assumed", text + effect, ASSUMPTION))
    return density


def _shunt(
    case: Case,
    compartments: LiverCompartments,
    lungs: Region | None,
    drawn_cut: tuple[Finding, ...],
    findings: list[Finding],
    assumptions: list[str],
) -> tuple[float, str]:
    """As decided for this job, else measured where the lungs are in the image, else as assumed."""
    measured = None
    if lungs is not None and not lungs.is_empty:
        image = case.activity_image.volume
        measured = measure_lung_shunt(image, lungs, compartments.whole_liver)
    known = case.assumptions.lung_shunt_fraction
    if known is not None and "lung_shunt_fraction" in case.assumptions.decided:
        if measured is not None:
            text = f"The image shows a lung shunt of {percent(measured.fraction, 1)}; "
            text += f"{percent(known, 1)} was given for this plan and is used."
            findings.append(Finding("note", "lung-shunt-decided", text))
        return known, GIVEN
    if measured is not None:
        findings += (*measured.findings, *drawn_cut)
        return measured.fraction, f"measured: {measured.method}"
    if known is None:
        raise CaseError(shunt_is_unknown())
    assumptions.append(f"Lung shunt fraction {known:g}, as stated in the study; not measured here.")
    return known, ASSUMED


def _mass(
    case: Case,
    lungs: Region | None,
    shunt: float,
    findings: list[Finding],
    assumptions: list[str],
) -> tuple[float, str]:
    """As decided for this job, else from a CT that shows whole lungs, else as assumed."""
    known = case.assumptions.lung_mass_g
    if known is not None and "lung_mass_g" in case.assumptions.decided:
        findings += _beside_the_ct(case, lungs, known)
        return known, GIVEN
    if lungs is not None:
        measured = lung_mass(case.image("ct").volume, lungs)
        if not measured.is_partial:
            return measured.mass_g, "measured: CT density in the lungs"
        if known is None:
            require_enough(measured.mass_g, shunt)
            findings += measured.findings
            return measured.mass_g, "measured: CT density, part of the lungs only"
    if known is None and shunt == 0:
        return load_table("plan/assumed").quantity("lung_mass_g").value, "not needed: no shunt"
    if known is None:
        raise CaseError(mass_is_unknown())
    assumptions.append(f"Lung mass {known:g} g, as stated in the study; not measured here.")
    return known, ASSUMED


def _beside_the_ct(case: Case, lungs: Region | None, given_g: float) -> tuple[Finding, ...]:
    """That a lung mass was given where the CT shows whole lungs, and how far apart they are."""
    if lungs is None or lungs.is_empty:
        return ()
    measured = lung_mass(case.image("ct").volume, lungs)
    if measured.is_partial:
        return ()
    apart = max(given_g / measured.mass_g, measured.mass_g / given_g)
    text = f"The CT shows lungs of {measured.mass_g:.0f} g; {given_g:g} g were given and are used."
    many = load_table("plan/attention").quantity("lung_mass_apart").value
    return (Finding("warn" if apart > many else "note", "lung-mass-decided", text),)
