"""One pseudonymous patient: images, regions, assumptions and what was given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from opensirt.asking import option
from opensirt.errors import CaseError, InputError, unknown_name
from opensirt.findings import Finding
from opensirt.image import Region, Regions, Volume
from opensirt.physics.plausible import require_plausible
from opensirt.provenance import Provenance

__all__ = ["IMAGE_ROLES", "Assumptions", "Case", "LeftOut", "Patient", "StudyImage", "Treatment"]

IMAGE_ROLES = ("ct", "mr", "planning-activity", "treatment-activity")


@dataclass(frozen=True, slots=True)
class StudyImage:
    """One image of a study and what its header says.

    Parameters
    ----------
    role : str
        One of `IMAGE_ROLES`.
    volume : Volume
        HU for ct, counts or Bq/mL for activity, arbitrary for mr.
    label : str
        Short name a user would recognise, such as a series description.
    modality : str
        DICOM modality ("CT", "NM", "PT", "MR") or "" where unknown.
    acquired : datetime (aware), optional
        Instant that the values are decay-corrected to, or of acquisition where they are not.
    decay_correction : str
        "NONE", "START", "ADMIN" or "" as in DICOM `DecayCorrection`.
    series_uid, frame_of_reference_uid, study_uid : str
        DICOM identities, "" for other formats.
    instance_uids : tuple of str
        SOP instance UIDs in slice order, for objects that refer to the image.
    sop_class_uid : str
        SOP class of those instances.
    notes : tuple of str
        What reading had to do: slices resampled to even gaps, padding replaced.
    findings : tuple of Finding
        What reading found that the signer must see: slices that seem to be missing.
    resolution_mm : float, optional
        Full width at half maximum, as stated; None where nobody did.
    """

    role: str
    volume: Volume
    label: str
    modality: str = ""
    acquired: datetime | None = None
    decay_correction: str = ""
    series_uid: str = ""
    frame_of_reference_uid: str = ""
    study_uid: str = ""
    instance_uids: tuple[str, ...] = ()
    sop_class_uid: str = ""
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    resolution_mm: float | None = None

    def __post_init__(self) -> None:
        if self.role not in IMAGE_ROLES:
            raise unknown_name("image role", self.role, IMAGE_ROLES)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, series or region that was not used, and why."""

    what: str
    why: str
    role: str = ""
    """Of a region that could not be read at all: its loss is a finding. "regions" for a whole file
    of them."""

    file: str = ""
    """Its name in the study: for the screen alone, since hospitals make file names of names."""
    of_regions: bool = False
    """A whole region, or a file of them: said where a study then has none."""

    def as_dict(self) -> dict[str, str]:
        """The form in results: without the name of the file."""
        return {"what": self.what, "why": self.why}

    @property
    def shown(self) -> str:
        """What it is, on the screen."""
        return f"{self.what} ({self.file})" if self.file else self.what


PLANNED_ROLES = frozenset(
    {"liver", "tumour", "perfused", "necrosis", "lungs", "lung-left", "lung-right", "regions"}
)
"""Without one of these that was drawn, a plan would be of another patient."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is used where nothing was measured; each one used is reported.

    `None` means not given: a job that needs it stops and asks. Names in `decided` were given for
    this job on purpose and come before a measurement.
    """

    density_g_ml: float | None = None
    lung_shunt_fraction: float | None = None
    lung_mass_g: float | None = None
    decided: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Patient:
    """Facts about the patient that planning uses; identity stays outside opensirt."""

    sex: str = ""
    height_cm: float | None = None
    weight_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Treatment:
    """What was given, for verification."""

    product: str
    activity_bq: float
    """Bq that reached the patient."""
    injected: datetime | None = None
    """With its time zone."""

    def __post_init__(self) -> None:
        require_plausible("activity prescribed or given", self.activity_bq)
        if self.injected is not None and not isinstance(self.injected, datetime):
            raise InputError(
                "injected must be a datetime with time zone, such as "
                f"datetime(2026, 1, 12, 9, tzinfo=UTC); got {type(self.injected).__name__}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything known of one patient's treatment, under a pseudonym.

    Stages return new cases; nothing is changed in place.
    """

    id: str
    images: tuple[StudyImage, ...] = ()
    regions: Regions = field(default_factory=Regions)
    assumptions: Assumptions = field(default_factory=Assumptions)
    patient: Patient = field(default_factory=Patient)
    treatment: Treatment | None = None
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[Finding, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    read_from: tuple[Path, ...] = ()
    """The study, and files or folders elsewhere that it leads to: results never go there."""

    def image(self, role: str) -> StudyImage:
        """The one image of a role.

        Raises
        ------
        CaseError
            When there is none, or more than one.
        """
        found = [image for image in self.images if image.role == role]
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"{image.label!r} ({image.role})" for image in self.images)
        count = len(found) if found else "none"
        there = f"the study has {names}" if names else "the study has no images"
        raise CaseError(
            f"expected one image with role {role!r}, found {count}; {there}{self._refusals()}"
        )

    def _refusals(self) -> str:
        """Why images and files of the study were left out, for a message that misses one."""
        whys = (item.why for item in self.left_out if item.why != "not a DICOM file")
        reasons = list(dict.fromkeys(whys))
        return f"; left out: {' | '.join(reasons[:3])}" if reasons else ""

    def lost_regions(self) -> tuple[Finding, ...]:
        """A finding for each region with a role that was drawn and could not be read."""
        return tuple(
            Finding(
                "stop" if item.role in PLANNED_ROLES else "warn",
                "region-lost",
                f"{item.what} ({item.role}) could not be used: {item.why}.",
            )
            for item in self.left_out
            if item.role
        )

    def has_image(self, role: str) -> bool:
        """True where exactly one image has this role."""
        return sum(image.role == role for image in self.images) == 1

    @property
    def activity_image(self) -> StudyImage:
        """The image that shows where activity is: after treatment where there is one."""
        role = "treatment-activity" if self.has_image("treatment-activity") else "planning-activity"
        return self.image(role)

    @property
    def is_treated(self) -> bool:
        """True where the activity image was taken after treatment."""
        return self.activity_image.role == "treatment-activity"

    def region(self, role: str) -> Region:
        """All regions of a role joined; an error where there is none."""
        joined = self.regions.union(role)
        if joined is None:
            known = ", ".join(f"{r.name!r} ({r.role})" for r in self.regions) or "none"
            raise CaseError(
                f"expected a region with role {role!r}, found none; regions: {known}; "
                "give roles in case.toml under [regions.roles] or with "
                f"{option('role', ('NAME', role))}"
            )
        return joined

    def with_findings(self, *more: Finding) -> Case:
        """The case with more findings, each once."""
        return replace(self, findings=tuple(dict.fromkeys((*self.findings, *more))))
