"""The regions that a `case.toml` names, each with its stated role and territory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from opensirt.case import LeftOut, StudyImage
from opensirt.errors import CaseError, InputError, RegionError, alike, did_you_mean
from opensirt.findings import Finding
from opensirt.image import REGION_ROLES, Grid, Region
from opensirt.io.case_images import NIFTI_ENDINGS, NRRD_ENDINGS, find_file, has_suffix
from opensirt.io.case_keys import Table
from opensirt.io.dicom_files import quiet_pydicom
from opensirt.io.dicom_nesting import open_nested
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.nifti import read_nifti_regions
from opensirt.io.role_hints import listed
from opensirt.io.role_patterns import GivenRoles, given_roles, is_pattern
from opensirt.io.slicer import read_nrrd_regions

__all__ = ["REGION_KEYS", "read_case_regions"]

REGION_KEYS = ("file", "roles", "territories")

FloatArray = npt.NDArray[np.float64]
_Read = tuple[tuple[Region, ...], tuple[LeftOut, ...]]


def read_case_regions(
    table: Table, folder: Path, images: Sequence[StudyImage]
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...], tuple[Finding, ...]]:
    """The regions of one `[[regions]]` table, what was left out, and findings.

    With a `roles` table the regions it names, in full or by a pattern, have those roles and all
    others "other"; without one, names and codes in the file decide.

    Raises
    ------
    CaseError
        When a key is wrong or names a region that is not in the file.
    RegionError
        When a region with a role is empty or lies outside every image.
    """
    path = find_file(table, folder)
    roles, territories = table.names("roles"), table.names("territories") or {}
    for name, role in (roles or {}).items():
        if role not in REGION_ROLES:
            raise CaseError(
                f'{table.place}: role "{role}" of region "{name}" is unknown; '
                f"write one of {', '.join(REGION_ROLES)}{did_you_mean(role, REGION_ROLES)}"
            )
    found, left_out = _read(table, path, images)
    plain = [name for name in roles or {} if not is_pattern(name)]
    _require_named(table, path, found, (*plain, *territories))
    given = None if roles is None else _given(table, path, found, roles)
    regions: list[Region] = []
    for region in found:
        role = region.role if given is None else given.roles.get(region.name, "other")
        if region.is_empty:
            if role != "other":
                raise RegionError(
                    f'{table.place}: region "{region.name}" ({role}) is empty in {path.name}; '
                    "draw it or take it out of the roles"
                )
            what = f"region {region.name!r}"
            left_out = (*left_out, LeftOut(what, "no voxel belongs to it", of_regions=True))
            continue
        if role != "other" and not any(_touches(region, image.volume.grid) for image in images):
            raise RegionError(
                f'{table.place}: region "{region.name}" of {path.name} lies outside every image; '
                "check that both come from the same study"
            )
        regions.append(region.named(region.name, role, territories.get(region.name)))
    return tuple(regions), left_out, given.findings if given else ()


def _given(
    table: Table, path: Path, found: Sequence[Region], roles: Mapping[str, str]
) -> GivenRoles:
    """Roles by name or pattern, the names in the file saying what a pattern leaves as it is."""
    try:
        return given_roles({region.name: region.role for region in found}, roles)
    except InputError as error:
        raise CaseError(f"{table.place}: {path.name}: {error}") from None


def _read(table: Table, path: Path, images: Sequence[StudyImage]) -> _Read:
    if has_suffix(path, NRRD_ENDINGS):
        return read_nrrd_regions(path), ()
    if has_suffix(path, NIFTI_ENDINGS):
        return read_nifti_regions(path), ()
    if has_suffix(path, (".dcm",)):
        with quiet_pydicom():
            dataset = open_nested(path)
            modality = str(dataset.get("Modality") or "")
            if modality == "RTSTRUCT":
                return read_rtstruct(dataset, images)
            if modality == "SEG":
                return read_segmentation(dataset, images)
        raise CaseError(f"{table.place}: expected Modality RTSTRUCT or SEG, found {modality!r}")
    known = ", ".join((".seg.nrrd", *NRRD_ENDINGS, *NIFTI_ENDINGS, ".dcm"))
    raise CaseError(f'{table.place}: file "{path.name}" has an unknown ending; give {known}')


def _require_named(
    table: Table, path: Path, found: Sequence[Region], wanted: Sequence[str]
) -> None:
    known = [region.name for region in found]
    for name in wanted:
        if name not in known:
            like = alike(name, known)[:1]
            meant = f' (did you mean "{like[0]}"?)' if like else ""
            raise CaseError(
                f'{table.place}: region "{name}" is not in {path.name}{meant}; '
                f"it has {listed(known)}"
            )


def _touches(region: Region, grid: Grid) -> bool:
    """True where the region's box and the image overlap, seen along the axes of both."""
    ends = np.array([(s.start - 0.5, s.stop - 0.5) for s in region.box])
    image = np.array([(-0.5, n - 0.5) for n in grid.shape])
    return _overlaps(grid.to_index(region.grid.to_patient(_corners(ends))), image) and _overlaps(
        region.grid.to_index(grid.to_patient(_corners(image))), ends
    )


def _corners(ends: FloatArray) -> FloatArray:
    return np.array(np.meshgrid(*ends)).T.reshape(-1, 3)


def _overlaps(points: FloatArray, ends: FloatArray) -> bool:
    return bool(np.all((points.max(axis=0) > ends[:, 0]) & (points.min(axis=0) < ends[:, 1])))
