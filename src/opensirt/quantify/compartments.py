"""The liver compartments of planning, as operations on regions whose volumes close.

With U the lesions and their necrosis, L the liver joined with U, P the perfused volume inside L:

* whole normal = L - U;  perfused normal = P - U;  non-perfused normal = whole - perfused normal;
* viable lesion = lesion - necrosis;  perfused lesion part = viable lesion inside P;
* L = whole normal + viable lesions + necrosis + organs, and the same inside P, where organs are the
  parts of gallbladder, stomach and bowel that the liver outline encloses: they are no normal liver.

A voxel on a border is shared by fractions, so every sum holds exactly, and is checked.

References
----------
.. [chiesa2021] EANM dosimetry committee, standard operating procedure for radioembolization.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opensirt.errors import RegionError
from opensirt.findings import Finding
from opensirt.image import Region, Regions
from opensirt.image.regions import joined
from opensirt.quantify.carving import Remainder
from opensirt.quantify.compartment_findings import (
    coverage_findings,
    organ_findings,
    outside_findings,
    overlap_findings,
)
from opensirt.quantify.lesion import Lesion
from opensirt.quantify.thresholds import threshold

__all__ = ["Lesion", "LiverCompartments", "liver_compartments"]

ENCLOSED_ROLES = ("gallbladder", "stomach", "bowel")
"""Organs that a liver outline may enclose; a voxel shared with a lesion is the lesion's."""
CLOSURE = 1e-4
"""Largest difference of a sum of parts from its whole, relative to the whole."""
SOURCE = "chiesa2021"


@dataclass(frozen=True, slots=True, eq=False)
class LiverCompartments:
    """The EANM regions of one liver; volumes close within `CLOSURE`."""

    whole_liver: Region
    """Liver joined with every lesion and necrosis."""
    lesions: tuple[Lesion, ...]
    necrosis: Region | None
    perfused_necrosis: Region | None
    perfused: Region
    """Perfused volume cropped to the whole liver; the whole liver where none is given."""
    territories: tuple[Region, ...]
    """The perfused volumes one by one, cropped to the liver; empty where none is given."""
    perfused_normal: Region
    whole_normal: Region
    non_perfused_normal: Region
    findings: tuple[Finding, ...] = ()
    organs: Region | None = None
    """Gallbladder, stomach and bowel inside the liver outline, taken out of normal liver."""
    perfused_organs: Region | None = None

    @property
    def targeted(self) -> tuple[Lesion, ...]:
        """Lesions that the treatment reaches."""
        return tuple(lesion for lesion in self.lesions if lesion.is_targeted)

    @property
    def non_targeted(self) -> tuple[Lesion, ...]:
        """Lesions outside the perfused volume."""
        return tuple(lesion for lesion in self.lesions if not lesion.is_targeted)

    @property
    def treated_normal_fraction(self) -> float:
        """Vf: perfused normal over whole normal volume."""
        return self.perfused_normal.volume_ml / self.whole_normal.volume_ml

    @property
    def untreated_fraction(self) -> float:
        """Part of the whole normal liver that is not perfused, ``1 - Vf``."""
        return 1.0 - self.treated_normal_fraction

    @property
    def tumour_involvement(self) -> float:
        """Viable lesions over whole liver volume."""
        viable_ml = sum(lesion.viable.volume_ml for lesion in self.lesions)
        return viable_ml / self.whole_liver.volume_ml

    def regions(self) -> Regions:
        """All compartments under fixed names, lesions (viable part) under their own."""
        items = [
            self.whole_liver,
            self.perfused,
            self.perfused_normal,
            self.whole_normal,
            self.non_perfused_normal,
            *(r for r in (self.necrosis,) if r is not None),
            *(lesion.viable for lesion in self.lesions),
        ]
        return Regions(tuple(region for region in items if not region.is_empty))


def liver_compartments(regions: Regions) -> LiverCompartments:
    """The compartments of a case.

    Parameters
    ----------
    regions : Regions, all on one grid
        With a liver; lesions ("tumour"), "necrosis", one or more "perfused" volumes and the organs
        of `ENCLOSED_ROLES` as known. Other roles are ignored.

    Returns
    -------
    LiverCompartments
        Findings tell what convention had to decide: lesions outside the outline (joined to the
        liver), overlapping lesions (shared voxels go to the first), no perfused volume, lesions
        that are only partly perfused.

    Raises
    ------
    RegionError
        Without a liver, without normal liver, with a perfused volume outside the liver, or where
        volumes do not close.
    """
    liver = regions.union("liver")
    if liver is None or liver.is_empty:
        raise RegionError("expected a region with role 'liver' that is not empty, found none")
    drawn = tuple(r for r in regions.with_role("tumour") if not r.is_empty)
    dead = regions.union("necrosis")
    findings = list(outside_findings(liver, drawn))
    whole = _joined(liver, drawn, dead)
    necrosis = dead.named("necrosis") if dead is not None and not dead.is_empty else None
    rest = Remainder(whole)
    if necrosis is not None:
        rest.take(necrosis)
    viable = tuple(rest.take(region) for region in drawn)
    organs = _enclosed(regions, rest)
    normal = rest.region("whole normal liver", "other")
    findings += overlap_findings(drawn, viable)
    perfused, territories, more = _perfused_of(regions, whole)
    findings += (*more, *organ_findings(organs))
    left = Remainder(perfused)
    parts = [left.take(region) for region in viable]
    perfused_necrosis = left.take(necrosis) if necrosis is not None else None
    perfused_organs = left.take(organs) if organs is not None else None
    perfused_normal = left.region("perfused normal liver", "other")
    if normal.volume_ml <= 0:
        raise RegionError("the lesions fill the whole liver: there is no normal liver to plan for")
    lesions = tuple(map(_lesion, drawn, viable, parts, [territories] * len(drawn)))
    result = LiverCompartments(
        whole_liver=whole,
        lesions=lesions,
        necrosis=necrosis,
        perfused_necrosis=perfused_necrosis,
        perfused=perfused,
        territories=territories,
        perfused_normal=perfused_normal,
        whole_normal=normal,
        non_perfused_normal=(normal - perfused_normal).named("non-perfused normal liver", "other"),
        findings=(*findings, *coverage_findings(lesions)),
        organs=organs,
        perfused_organs=perfused_organs,
    )
    _check_closure(result)
    return result


def _joined(liver: Region, drawn: Sequence[Region], dead: Region | None) -> Region:
    parts = (liver, *drawn, *((dead,) if dead is not None else ()))
    return replace(joined(parts), name="whole liver", role="liver", territory=None)


def _enclosed(regions: Regions, rest: Remainder) -> Region | None:
    """What the liver outline encloses of other organs, taken from `rest`."""
    taken = [rest.take(r) for role in ENCLOSED_ROLES for r in regions.with_role(role)]
    found = [region for region in taken if not region.is_empty]
    if not found:
        return None
    names = ", ".join(region.name for region in found)
    return replace(joined(found), name=names, role="other", territory=None)


def _perfused_of(
    regions: Regions, whole: Region
) -> tuple[Region, tuple[Region, ...], tuple[Finding, ...]]:
    given = regions.with_role("perfused")
    if not given:
        text = "No perfused volume is given; the whole liver is taken as perfused."
        finding = Finding("note", "perfused-is-whole-liver", text, SOURCE)
        return whole.named("perfused volume", "perfused"), (), (finding,)
    territories = tuple(region & whole for region in given)
    empty = [region.name for region in territories if region.is_empty]
    if empty:
        raise RegionError(
            f"perfused volume {empty[0]!r} lies outside the liver; check that both belong together"
        )
    findings = []
    for before, after in zip(given, territories, strict=True):
        cut_ml = before.volume_ml - after.volume_ml
        if cut_ml > threshold("outside_liver_fraction").value * before.volume_ml:
            text = f"{cut_ml:.1f} mL of {before.name!r} lie outside the liver and are left out."
            findings.append(Finding("note", "perfused-cropped-to-liver", text, SOURCE))
    together = joined(territories)
    shared_ml = sum(region.volume_ml for region in territories) - together.volume_ml
    if shared_ml > threshold("lesion_overlap_fraction").value * together.volume_ml:
        text = f"Perfused volumes share {shared_ml:.1f} mL; they are joined as one."
        findings.append(Finding("warn", "territories-overlap", text, "assumption"))
    perfused = replace(together, name="perfused volume", role="perfused", territory=None)
    return perfused, territories, tuple(findings)


def _lesion(
    drawn: Region, viable: Region, perfused: Region, territories: tuple[Region, ...]
) -> Lesion:
    territory = drawn.territory
    if territory is None and territories and not perfused.is_empty:
        shares = [(perfused & region).volume_ml for region in territories]
        best = territories[shares.index(max(shares))]
        territory = best.territory or best.name
    lesion = Lesion(drawn.name, drawn, viable, perfused, False, territory)
    targeted = lesion.covered_fraction > threshold("lesion_targeted_fraction").value
    return replace(lesion, is_targeted=targeted)


def _check_closure(c: LiverCompartments) -> None:
    apart_ml = _volume_ml(c.necrosis) + _volume_ml(c.organs)
    perfused_apart_ml = _volume_ml(c.perfused_necrosis) + _volume_ml(c.perfused_organs)
    viable_ml = sum(lesion.viable.volume_ml for lesion in c.lesions)
    perfused_viable_ml = sum(lesion.perfused.volume_ml for lesion in c.lesions)
    normal_ml = c.perfused_normal.volume_ml + c.non_perfused_normal.volume_ml
    sums = (
        ("liver", c.whole_liver, c.whole_normal.volume_ml + viable_ml + apart_ml),
        (
            "perfused volume",
            c.perfused,
            c.perfused_normal.volume_ml + perfused_viable_ml + perfused_apart_ml,
        ),
        ("normal liver", c.whole_normal, normal_ml),
    )
    for what, whole, parts_ml in sums:
        whole_ml = whole.volume_ml
        if abs(whole_ml - parts_ml) > CLOSURE * whole_ml:
            raise RegionError(
                f"the parts of the {what} add up to {parts_ml:.4f} mL, not {whole_ml:.4f} mL; "
                "check the regions for values outside 0 to 1"
            )


def _volume_ml(region: Region | None) -> float:
    return region.volume_ml if region is not None else 0.0
