"""Shunt and mass of the same part of the lungs, where images show a part of them only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from opensirt.asking import option
from opensirt.errors import CaseError
from opensirt.findings import Finding, percent
from opensirt.physics.references import ASSUMPTION
from opensirt.physics.tables import Quantity, load_table
from opensirt.plan.plan import LungInput
from opensirt.quantify.thresholds import threshold

__all__ = ["MEASURED", "LungView", "of_one_part", "require_enough"]

MEASURED = "measured"
"""Beginning of the source of a number that was measured here."""


@dataclass(frozen=True, slots=True)
class LungView:
    """What the images show of the lungs as they were drawn."""

    ct_mass_g: float | None
    """Mass of what the CT holds of them; None without a CT."""
    in_ct: float
    """Part of their volume that the CT holds, 0 to 1."""
    in_activity: float
    """Part of their volume that the activity image holds, where the shunt is measured."""
    ends_at_edge: bool
    """True where the outline lies against an edge of its image: the lungs go on beyond it."""

    @property
    def mass_g(self) -> float | None:
        """Mass of the part in the activity image, by the density of the part in the CT."""
        if self.ct_mass_g is None or not self.in_ct > 0.0:
            return None
        return self.ct_mass_g / self.in_ct * min(self.in_activity, 1.0)

    @property
    def is_part(self) -> bool:
        """True where counts are those of a part of the lungs, or the mass is."""
        least = threshold("liver_cover_fraction").value
        return self.ends_at_edge or min(self.in_activity, self.in_ct) < least


def of_one_part(lung: LungInput, view: LungView, findings: list[Finding]) -> LungInput:
    """Shunt and mass of the same part of the lungs.

    Counts of a part over the mass of the whole would make the lung dose too low by what is missing.
    With the mass of whole lungs the shunt of the part is extended to it, by mass; without it the
    mass is that of the part too.

    Raises
    ------
    CaseError
        Where so little of the lungs is in view that nothing follows from it.
    """
    if not view.is_part or not lung.shunt_source.startswith(MEASURED):
        return lung
    if lung.mass_source.startswith(MEASURED):
        return _mass_of_part(lung, view, findings)
    if view.mass_g is not None:
        return _extended(lung, view.mass_g, findings)
    if view.ends_at_edge:  # without a CT nothing says how much lies beyond
        return lung
    return _extended(lung, lung.mass_g * view.in_activity, findings)


def require_enough(mass_g: float, shunt: float) -> None:
    """Refuse a mass of so little of the lungs that a dose from it means nothing."""
    least = _attention("least_lung_mass_g").value
    if shunt > 0 and mass_g < least:
        raise CaseError(
            f"the images show {mass_g:.0f} g of the lungs, which weigh {least:g} g and more, and a "
            "lung dose from a piece means nothing; give lung_mass_g of whole lungs under "
            f"[assumptions] or with {option('lung-mass-g')}"
        )


def _mass_of_part(lung: LungInput, view: LungView, findings: list[Finding]) -> LungInput:
    """The lungs with the mass of what the activity image shows, as their counts are."""
    part_g = view.mass_g
    if part_g is None or abs(part_g / lung.mass_g - 1.0) < 1.0 - _cover():
        return lung
    require_enough(part_g, lung.shunt_fraction)
    if view.in_activity >= _cover():
        text = (
            f"The CT holds {percent(view.in_ct)} of the lungs, and the activity image all of them: "
            f"their mass is taken as {part_g:.0f} g by volume. Give it if known."
        )
    else:
        text = (
            f"The activity image holds {percent(view.in_activity)} of the lungs: shunt and mass, "
            f"{part_g:.0f} g, are those of this part, and so is the lung dose. Give the mass of "
            "whole lungs if known."
        )
    findings.append(Finding("warn", "lung-mass-partial", text, ASSUMPTION))
    source = f"{MEASURED}: CT density in the part of the lungs that the activity image holds"
    return replace(lung, mass_g=part_g, mass_source=source)


def _extended(lung: LungInput, part_g: float, findings: list[Finding]) -> LungInput:
    """The shunt of a part of the lungs, extended to their whole mass by uptake per gram."""
    if part_g >= _cover() * lung.mass_g:
        return lung
    least = _attention("least_lungs_seen_fraction")
    if part_g < least.value * lung.mass_g:
        raise CaseError(
            f"the images show {part_g:.0f} g of the {lung.mass_g:.0f} g of the lungs, less than "
            f"{percent(least.value)}: too little to measure their shunt in; give the shunt of "
            f"whole lungs with {option('lung-shunt')}"
        )
    to_liver = lung.shunt_fraction / (1.0 - lung.shunt_fraction) * lung.mass_g / part_g
    shunt = to_liver / (1.0 + to_liver)
    text = (
        f"The images show {part_g:.0f} g of the {lung.mass_g:.0f} g of the lungs: the shunt "
        f"measured in this part, {percent(lung.shunt_fraction, 1)}, is extended to all of them by "
        f"mass, {percent(shunt, 1)}. Give the shunt of whole lungs if known."
    )
    findings.append(Finding("warn", "lung-shunt-extended", text, ASSUMPTION))
    source = f"{lung.shunt_source}, extended to whole lungs by mass"
    return replace(lung, shunt_fraction=shunt, shunt_source=source)


def _cover() -> float:
    """Part of an organ that counts as all of it; voxels at the border explain the rest."""
    return threshold("liver_cover_fraction").value


def _attention(name: str) -> Quantity:
    return load_table("plan/attention").quantity(name)
