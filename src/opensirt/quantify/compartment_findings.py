"""What the liver compartments tell the signer: conventions applied and lesions not reached."""

from __future__ import annotations

from collections.abc import Sequence

from opensirt.findings import Finding, percent
from opensirt.image import Region
from opensirt.quantify.lesion import Lesion
from opensirt.quantify.thresholds import threshold

__all__ = ["coverage_findings", "organ_findings", "outside_findings", "overlap_findings"]

SOURCE = "chiesa2021"


def outside_findings(liver: Region, drawn: Sequence[Region]) -> tuple[Finding, ...]:
    """Lesions that reach beyond the liver outline."""
    limit = threshold("outside_liver_fraction").value
    findings = []
    for lesion in drawn:
        outside_ml = (lesion - liver).volume_ml
        if outside_ml > limit * lesion.volume_ml:
            share = outside_ml / lesion.volume_ml
            text = (
                f"{outside_ml:.2f} mL of lesion {lesion.name!r} ({percent(share)}) "
                "lie outside the liver outline; they are counted as liver."
            )
            findings.append(Finding("warn", "lesion-outside-liver", text, SOURCE))
    return tuple(findings)


def overlap_findings(drawn: Sequence[Region], viable: Sequence[Region]) -> tuple[Finding, ...]:
    """Lesions that share voxels, and lesions left without viable part."""
    limit = threshold("lesion_overlap_fraction").value
    findings = []
    for i, second in enumerate(drawn):
        for first in drawn[:i]:
            if not _boxes_meet(first, second):
                continue
            shared_ml = (first & second).volume_ml
            if shared_ml > limit * min(first.volume_ml, second.volume_ml):
                text = (
                    f"Lesions {first.name!r} and {second.name!r} share {shared_ml:.2f} mL; "
                    f"counted once, for {first.name!r}."
                )
                findings.append(Finding("warn", "lesions-overlap", text, "assumption"))
    for lesion, part in zip(drawn, viable, strict=True):
        if part.is_empty:
            text = f"Lesion {lesion.name!r} has no viable part of its own (necrosis or overlap)."
            findings.append(Finding("warn", "lesion-without-viable-part", text, SOURCE))
    return tuple(findings)


def coverage_findings(lesions: Sequence[Lesion]) -> tuple[Finding, ...]:
    """Lesions that are perfused in part or not at all."""
    limit = threshold("lesion_covered_fraction")
    findings = []
    for lesion in lesions:
        if lesion.is_targeted and lesion.covered_fraction < limit.value:
            text = (
                f"Lesion {lesion.name!r} is perfused only to {percent(lesion.covered_fraction)}: "
                "the rest receives no planned dose, and its planned mean is that of the perfused "
                "part."
            )
            findings.append(Finding("warn", "lesion-partly-perfused", text, limit.source))
        if not lesion.is_targeted and not lesion.viable.is_empty:
            text = f"Lesion {lesion.name!r} lies outside the perfused volume; it is not treated."
            findings.append(Finding("warn", "lesion-not-perfused", text, SOURCE))
    return tuple(findings)


def organ_findings(organs: Region | None) -> tuple[Finding, ...]:
    """Other organs inside the liver outline; a brush of two outlines is not worth a line."""
    if organs is None or organs.volume_ml < 0.05:  # would read 0.0 mL
        return ()
    text = (
        f"The liver outline encloses {organs.volume_ml:.1f} mL of {organs.name}; "
        "not counted as normal liver."
    )
    return (Finding("note", "organ-inside-liver", text, SOURCE),)


def _boxes_meet(a: Region, b: Region) -> bool:
    return all(i.start < j.stop and j.start < i.stop for i, j in zip(a.box, b.box, strict=True))
