"""What a calibration tells the signer: counts elsewhere, negative values, agreement."""

from __future__ import annotations

from opensirt.findings import Finding, percent
from opensirt.quantify.thresholds import threshold
from opensirt.units import BQ_PER_MBQ, Unit

__all__ = [
    "agreement_findings",
    "background_findings",
    "elsewhere_findings",
    "negative_findings",
]


def elsewhere_findings(fraction: float) -> tuple[Finding, ...]:
    """Counts outside liver and lungs, as a fraction of all."""
    limit = threshold("elsewhere_fraction")
    large = fraction > limit.value
    text = (
        f"{percent(fraction, 1)} of the counts lie outside liver and lungs; they are taken as "
        f"scatter and free pertechnetate, not as spheres (attention above {percent(limit.value)})."
    )
    if large:
        text += " Look for deposits in stomach, bowel, gallbladder and falciform ligament."
    return (Finding("warn" if large else "note", "counts-elsewhere", text, limit.source),)


def negative_findings(fraction: float, *, kept: bool = False) -> tuple[Finding, ...]:
    """Negative values, and whether they were kept."""
    if not fraction > 0:
        return ()
    limit = threshold("negative_fraction")
    what = "were kept" if kept else "were set to zero"
    size = percent(fraction, 2)
    text = f"Negative values, {size} of the positive ones, {what} for the activity map."
    severe = fraction > limit.value
    return (Finding("warn" if severe else "note", "negative-values", text, limit.source),)


def background_findings(background: float, unit: Unit) -> tuple[Finding, ...]:
    """A background that was subtracted."""
    if background == 0:
        return ()
    text = f"A background of {background:g} {unit.value} was subtracted from every voxel."
    return (Finding("note", "background-subtracted", text, "assumption"),)


def agreement_findings(in_view_bq: float, administered_bq: float | None) -> tuple[Finding, ...]:
    """Activity in the image against the activity administered."""
    if administered_bq is None:
        text = (
            f"The administered activity is not known; the {in_view_bq / BQ_PER_MBQ:.1f} MBq in the "
            "field of view stand for it."
        )
        return (Finding("warn", "administered-activity-unknown", text, "assumption"),)
    limit = threshold("activity_disagreement_fraction")
    ratio = in_view_bq / administered_bq
    text = (
        f"The image holds {in_view_bq / BQ_PER_MBQ:.1f} MBq at injection, "
        f"{percent(ratio, 1)} of the {administered_bq / BQ_PER_MBQ:.1f} MBq administered "
        f"(attention beyond {percent(limit.value)})."
    )
    far = abs(ratio - 1.0) > limit.value
    code = "activity-disagrees" if far else "activity-agrees"
    return (Finding("warn" if far else "note", code, text, limit.source),)
