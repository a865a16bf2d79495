"""The first two verbs: read a study, and bring it into one space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from opensirt.asking import option
from opensirt.case import Case, StudyImage
from opensirt.errors import CaseError, InputError
from opensirt.findings import Finding
from opensirt.image import Grid
from opensirt.io.study import describe_study, read_study
from opensirt.workflow.belonging import require_kinds
from opensirt.workflow.roles import with_roles

__all__ = [
    "PLANNING",
    "TREATMENT",
    "Progress",
    "describe_case",
    "prepare_case",
    "read_case",
    "with_roles",
]

PLANNING, TREATMENT = "planning-activity", "treatment-activity"
PLANNING_ROLES = ("liver", "tumour", "perfused", "necrosis")
HELD_FRACTION = 0.98
"""Part of the liver that a grid must hold; moving outlines rounds the rest."""
Progress = Callable[[str, float], None]
"""Called with what is being done and the part done, 0 to 1."""


def read_case(
    study: str | Path,
    *,
    choose: Mapping[str, str] | None = None,
    roles: Mapping[str, str] | None = None,
    time_zone: str | None = None,
    progress: Progress | None = None,
) -> Case:
    """Read a DICOM folder, a `case.toml` or a single image file.

    Parameters
    ----------
    study : path
    choose : mapping of image role to series name, optional
        Decides where several series could be meant.
    roles : mapping of region name to role, optional
        Overrides the role that a region's name suggests.
    time_zone : str, optional
        IANA name or offset of the clock of headers that state none.
    progress : callable (text, part done), optional

    Raises
    ------
    OpenSirtError
        With one line that says what was needed and found; see `opensirt.errors`.
    """
    if not isinstance(study, str | Path):
        raise InputError(f"the study must be a path, as text or Path; got {type(study).__name__}")
    step = progress or (lambda what, done: None)
    case = read_study(
        Path(study),
        choose=choose,
        time_zone=time_zone,
        progress=lambda seen, total: step("reading files", seen / max(total, 1)),
    )
    return with_roles(case, roles or {})


def describe_case(case: Case) -> dict[str, Any]:
    """What is in a case, as plain values for JSON."""
    return describe_study(case)


def prepare_case(case: Case, *, image: str | None = None, assume_aligned: bool = False) -> Case:
    """The case with every region on one grid, after checking that its images share one space.

    The grid is the finest that holds the liver, so that planning sees the outlines as drawn.

    Parameters
    ----------
    case : Case
    image : str, optional
        "planning-activity" or "treatment-activity": which image to use where the study has both;
        that of planning where there is one. The other is left out.
    assume_aligned : bool
        Accept images of different DICOM frames of reference; recorded as an assumption.

    Raises
    ------
    CaseError
        Without an activity image or a liver, or with images in different frames of reference.
    """
    require_kinds(case=case)
    _refuse_stopped(case)
    case = _with_one_activity_image(case, image)
    activity = case.activity_image
    case = _in_one_frame(case, activity, assume_aligned)
    grid = _outline_grid(case)
    return replace(case, regions=case.regions.onto(grid))


def _with_one_activity_image(case: Case, role: str | None) -> Case:
    asked = role or PLANNING
    if role is None:
        role = PLANNING if case.has_image(PLANNING) else TREATMENT
    if role not in (PLANNING, TREATMENT):
        raise InputError(f"image must be {PLANNING} or {TREATMENT}, found {role!r}")
    if not any(image.role == role for image in case.images):
        case.image(asked)  # raises, listing the images there are
    other = TREATMENT if role == PLANNING else PLANNING
    return replace(case, images=tuple(image for image in case.images if image.role != other))


def _refuse_stopped(case: Case) -> None:
    """What reading found that rules out planning, such as an image of another nuclide."""
    for finding in case.findings:
        if finding.severity == "stop":
            raise CaseError(finding.text)


def _in_one_frame(case: Case, activity: StudyImage, assume_aligned: bool) -> Case:
    """Check DICOM frames of reference; images of other formats carry none and share one space."""
    frame = activity.frame_of_reference_uid
    if not frame or not case.has_image("ct"):
        return case
    ct = case.image("ct")
    if not ct.frame_of_reference_uid or ct.frame_of_reference_uid == frame:
        return case
    if not assume_aligned:
        raise CaseError(
            f"expected {ct.label!r} and {activity.label!r} in one frame of reference, found "
            "different FrameOfReferenceUID; register them first, or state that they are aligned "
            f"with {option('assume-aligned')}"
        )
    text = f"{ct.label!r} and {activity.label!r} have different frames of reference."
    finding = Finding("warn", "assumed-aligned", text + " They are taken as aligned.", "assumption")
    record = case.provenance.adding(assumptions=(text + " Taken as aligned on request.",))
    return replace(case, provenance=record).with_findings(finding)


def _outline_grid(case: Case) -> Grid:
    """The finest grid that lesions or volumes were drawn on and that holds the whole liver."""
    liver = case.region("liver")
    drawn = (r.grid for role in PLANNING_ROLES for r in case.regions.with_role(role))
    for grid in sorted(drawn, key=lambda on: on.voxel_volume_ml):
        if liver.grid.matches(grid):
            return liver.grid
        if liver.onto(grid).volume_ml > HELD_FRACTION * liver.volume_ml:
            return grid
    return liver.grid
