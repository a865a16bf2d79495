"""Damage that is read as other values in silence, and is known to.

No reader can see it: the file is sound and says another thing, and nothing else in it says so too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.fuzz.mutations import Drawn
from tests.fuzz.seen import Outcome

__all__ = ["UNSEEN", "why_known"]

BYTES = frozenset({"flip in", "insert in", "zero in", "ones in"})
NUMBERS = BYTES | {
    "zero", "one", "minus one", "huge", "vast", "negative", "one more", "one less", "doubled",
}  # fmt: skip
"""What leaves a number, or may."""
TEXTS = NUMBERS | {"text", "nan", "inf", "quoted", "one value"}
ABSENT = frozenset({"delete", "empty", "other type", "item less", "value less"})


@dataclass(frozen=True, slots=True)
class Unseen:
    """Damage of some kinds to some fields of some studies, and why nothing shows it."""

    studies: str
    fields: str
    """Names, with "|" between them, as are the studies."""
    kinds: frozenset[str]
    why: str


ONCE = "a number that stands once: another one is another statement"
NAMED = "the name of a region gives its role where nothing else does"
SIDE = "a direction or place that stands once: the image then lies elsewhere"
LINES = "a table that ends early is a table"
UNSEEN = (
    Unseen("ct|pet|enhanced-ct", "RescaleSlope|RescaleIntercept", NUMBERS, ONCE),
    Unseen("nii|nii.gz|labels.nii.gz", "scl_slope|scl_inter", NUMBERS, ONCE),
    Unseen("ct|pet|nm|enhanced-ct", "ImagePositionPatient|ImageOrientationPatient", NUMBERS, SIDE),
    Unseen("ct|pet|nm|enhanced-ct", "PatientSize|PatientWeight", NUMBERS, ONCE),
    Unseen("pet|nm|ct", "AcquisitionDate|AcquisitionTime|SeriesDate|SeriesTime", NUMBERS, ONCE),
    Unseen("pet|ct|nm", "TimezoneOffsetFromUTC", NUMBERS, ONCE),
    Unseen("pet|nm", "RadionuclideHalfLife", BYTES,
           "within 1 % of the nuclide's own it is that, rounded"),
    Unseen("pet|ct|nm|enhanced-ct", "PixelSpacing", NUMBERS, ONCE),
    Unseen("nm|enhanced-ct", "SpacingBetweenSlices|SliceThickness", NUMBERS, ONCE),
    Unseen("nrrd|nhdr|seg.nrrd", "space origin", NUMBERS, SIDE),
    Unseen("nhdr|nrrd|seg.nrrd", "space directions", NUMBERS, SIDE),
    Unseen("seg", "PixelSpacing|SpacingBetweenSlices|ImageOrientationPatient|ImagePositionPatient",
           NUMBERS - {"vast"}, SIDE),
    Unseen("seg", "ReferencedSegmentNumber", NUMBERS, "a frame of another segment that is there"),
    Unseen("ct|pet|enhanced-ct", "RescaleSlope|RescaleIntercept", frozenset({"other type"}),
           "the same bytes as a binary number"),
    Unseen("rtstruct", "ROIName|head of ROIName|head of ReferencedFrameOfReferenceUID",
           TEXTS | ABSENT, NAMED),
    Unseen("rtstruct", "ContourSequence", ABSENT, "a hole or a part that is not there"),
    Unseen("nii|nii.gz|labels.nii.gz", "srow_x|srow_y|srow_z|quatern_b|quatern_c|quatern_d",
           BYTES, "sform and qform may lie 0.1 mm apart"),
    Unseen("toml", "[assumptions] density_g_ml|[assumptions] lung_shunt_fraction|"
           "[assumptions] lung_mass_g|[treatment] activity_gbq|[treatment] injected|"
           "[patient] height_cm|[patient] weight_kg|[[image]] acquired", NUMBERS, ONCE),
    Unseen("toml", '[regions.roles] "liver"|[regions.roles] "Tumor 1"', BYTES | ABSENT, NAMED),
    Unseen("toml", '[regions.territories] "Tumor 1"', TEXTS, "a territory has any name"),
)  # fmt: skip
CUT = Unseen("toml", "", frozenset({"cut in", "delete"}), LINES)


def why_known(case: Drawn, outcome: Outcome) -> str:
    """Why a silent outcome is known; "" where it is not, or is none."""
    if outcome.kind == "silent":
        for row in (*UNSEEN, CUT):
            studies, fields = row.studies.split("|"), row.fields.split("|")
            is_field = row is CUT or case.field in fields
            if case.seed.name in studies and is_field and case.kind in row.kinds:
                return f"unseen: {row.why}"
    return ""
