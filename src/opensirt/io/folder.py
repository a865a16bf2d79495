"""A DICOM folder to a `Case`: the images and regions used, and what was left out, why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydicom.dataset import Dataset

from opensirt.asking import option
from opensirt.case import Case, LeftOut, Patient, StudyImage
from opensirt.errors import (
    AmbiguousStudyError,
    FileFormatError,
    InputError,
    NotUsableError,
    OpenSirtError,
)
from opensirt.findings import Finding
from opensirt.image import Region, Regions
from opensirt.io.dicom_files import number, printable, quiet_pydicom, title
from opensirt.io.dicom_frames import Instance, said_of, series_label
from opensirt.io.dicom_images import read_series
from opensirt.io.dicom_nesting import open_nested
from opensirt.io.dicom_roles import REGIONS, Chosen, check_choice, choose_series
from opensirt.io.dicom_rtstruct import read_rtstruct
from opensirt.io.dicom_seg import read_segmentation
from opensirt.io.dicom_series import REGION_CLASSES, Progress, Scan, Series, scan_files
from opensirt.io.own_results import drawn_outlines, is_own_result, nearest_to_drawn
from opensirt.io.pseudonym import KEY_VARIABLE, is_kept, pseudonym
from opensirt.io.walk import files_in
from opensirt.provenance import Provenance, hash_file
from opensirt.units import CM_PER_M

__all__ = ["read_dicom_files", "read_folder"]

SAME_VOLUME_FRACTION = 0.01
SAME_CENTRE_MM = 1.0
"""Two regions of one name this close are the same region, stored twice."""
TALLEST_M = 3.0
"""PatientSize is in metres; a larger number was written in centimetres and is not used."""


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    images: list[StudyImage] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    """Region name -> the object it came from."""
    left_out: list[LeftOut] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    errors: list[OpenSirtError] = field(default_factory=list)


def read_folder(
    folder: Path, *, choose: Mapping[str, str] | None = None, progress: Progress | None = None
) -> Case:
    """The case in a folder of DICOM files, read recursively.

    Parameters
    ----------
    folder : Path
    choose : mapping, optional
        Role ("ct", "mr", "planning-activity", "treatment-activity", "regions") -> series
        description, number or UID, where several would do.
    progress : callable, optional
        Called with (files looked at, files in all).

    Raises
    ------
    AmbiguousStudyError
        Several series for one role; the text names them and how to choose.
    FileFormatError, InputError
        No DICOM file, several patients, a choice that names nothing.
    """
    files, closed = files_in(folder)
    if not files and closed:
        raise FileFormatError(
            f"the folder {folder.name!r} cannot be read ({closed[0].why}); ask for access to it"
        )
    if not files:
        raise FileFormatError(f"the folder {folder.name!r} is empty; give a folder of DICOM files")
    case, _, scan = _read(files, folder, choose or {}, progress, trust=False, closed=closed)
    if not scan.dicom_files:
        raise FileFormatError(
            f"the folder {folder.name!r} holds {len(files)} file(s) but none is DICOM; "
            "for other images write a case.toml beside them"
        )
    return case


def read_dicom_files(file: Path, *, choose: Mapping[str, str] | None = None) -> Case:
    """The case in one DICOM file.

    A sound object that cannot serve (other units, no place in the patient) is described among what
    was left out; a damaged or incomplete one raises its error.
    """
    case, errors, _ = _read([file], file, choose or {}, None, trust=True)
    damaged = [error for error in errors if not isinstance(error, NotUsableError)]
    if damaged and not case.images and not len(case.regions):
        raise damaged[0]
    return case


def _read(
    files: Sequence[Path],
    root: Path,
    choose: Mapping[str, str],
    progress: Progress | None,
    *,
    trust: bool,
    closed: Sequence[LeftOut] = (),
) -> tuple[Case, list[OpenSirtError], Scan]:
    check_choice(choose)
    with quiet_pydicom():
        scan = scan_files(files, root, progress, trust=trust)
        scan.left_out += closed
        scan.damaged += len(closed)
        chosen = choose_series(scan.series, choose)
        _require_one_patient(list(chosen.by_role.values()))
        reading = _Reading()
        _read_images(chosen, choose, reading)
        _read_regions(_chosen_regions(scan, choose, reading, chosen), reading, chosen)
        case = _case(scan, chosen, reading)
    return case, [*scan.errors, *chosen.errors, *reading.errors], scan


def _read_images(chosen: Chosen, choose: Mapping[str, str], reading: _Reading) -> None:
    for role, series in sorted(chosen.by_role.items()):
        try:
            found = read_series(
                series.instances, role=role, name=series.label, frames=series.frames
            )
        except OpenSirtError as error:
            if role in choose:
                raise
            chosen.lose(series, error)
            continue
        reading.images.append(replace(found.image, label=series.label))
        reading.inputs[role] = found.sha256


def _chosen_regions(
    scan: Scan, choose: Mapping[str, str], reading: _Reading, chosen: Chosen
) -> list[tuple[str, Instance]]:
    """Region objects to read, RT structure sets first, each under its label."""
    kinds = {id(i): REGION_CLASSES[i.sop_class] for i in scan.regions}
    ordered = sorted(scan.regions, key=lambda i: (kinds[id(i)] != "RTSTRUCT", i.path.as_posix()))
    named = [(f"{_region_label(i)} ({kinds[id(i)]})", i) for i in ordered]
    if REGIONS not in choose:
        return _without_results(named, reading, chosen)
    wanted = choose[REGIONS].strip().casefold()
    kept = [
        (label, i)
        for label, i in named
        if wanted
        in (label.casefold(), _region_label(i).casefold(), i.path.name.casefold(), i.called)
    ]
    if not kept:
        listed = ", ".join(f"{label!r} in {i.path.name}" for label, i in named) or "none"
        raise InputError(f"no regions are called {choose[REGIONS]!r}; there are {listed}")
    why = "other regions were chosen"
    reading.left_out += [
        LeftOut(f"{la} in {i.called}", why, file=i.path.name)
        for la, i in named
        if (la, i) not in kept
    ]
    return kept


def _without_results(
    named: Sequence[tuple[str, Instance]], reading: _Reading, chosen: Chosen
) -> list[tuple[str, Instance]]:
    """The regions of the study; those that opensirt wrote itself only where there are no others."""
    used = list(chosen.by_role.values())
    own = [instance for _, instance in named if is_own_result(instance)]
    its = [i for i in own if not _not_of_patient(i, used)]
    others = [i for _, i in named if i not in own and not _not_of_patient(i, used)]
    taken = [] if others else nearest_to_drawn(its)
    for label, instance in named:
        if instance not in own or instance in taken:
            continue
        why = "a result of opensirt, left out"
        if instance in its:
            why += f"; to use it, {option('choose', ('regions', instance.called))}"
        reading.left_out.append(
            LeftOut(f"{label} in {instance.called}", why, file=instance.path.name, of_regions=True)
        )
    if own:
        chosen.findings.append(_about_results(len(own), bool(others), bool(taken)))
    return [(label, i) for label, i in named if i not in own or i in taken]


def _about_results(count: int, others: bool, taken: bool) -> Finding:
    """What was done with regions that opensirt wrote."""
    objects = f"{count} objects with regions are" if count > 1 else "an object with regions is"
    text = f"Among the files {objects} of opensirt itself, written with an earlier result"
    if taken:
        text += (
            "; the study has no other regions, and those nearest to what was drawn are used: "
            "check that they are what was meant."
        )
        return Finding("warn", "own-regions-used", text)
    text += "; left out, since the study has its own." if others else "; left out."
    return Finding("note", "own-regions-left-out", text)


def _region_label(instance: Instance) -> str:
    header, name = instance.header, instance.path.name
    return printable(title(header, "StructureSetLabel", name)) or series_label(header, name)


def _read_regions(
    objects: Sequence[tuple[str, Instance]], reading: _Reading, chosen: Chosen
) -> None:
    for label, instance in objects:
        what = f"{label} in {instance.called}"
        if why := _not_of_patient(instance, list(chosen.by_role.values())):
            left = LeftOut(what, why, file=instance.path.name, of_regions=True)
            reading.left_out.append(left)
            chosen.findings.append(Finding("warn", "regions-not-of-patient", f"{what}: {why}."))
            continue
        try:
            regions, left_out = _regions_in(instance, reading.images, what)
        except OpenSirtError as error:
            why = said_of(error, [instance])
            reading.left_out.append(LeftOut(what, why, "regions", instance.path.name))
            reading.errors.append(error)
            continue
        reading.left_out += left_out
        used = [region for region in regions if _is_new(region, what, reading)]
        if used:
            reading.regions += used
            reading.sources |= {region.name: what for region in used}
            reading.inputs[f"regions: {what}"] = hash_file(instance.path)


def _not_of_patient(instance: Instance, used: Sequence[Series]) -> str:
    """Why regions are not of the patient of the images, "" where they are.

    Some software leaves PatientID empty; one study is of one patient.
    """
    name = instance.path.name
    owner, study = (title(instance.header, k, name) for k in ("PatientID", "StudyInstanceUID"))
    patients = {series.text("PatientID") for series in used}
    if not used or owner in patients:
        return ""
    if owner and "" not in patients:
        return "of another patient (PatientID differs)"
    if study and study in {series.text("StudyInstanceUID") for series in used}:
        return ""
    return "its PatientID, or that of the images, is empty, and its StudyInstanceUID is another"


def _regions_in(
    instance: Instance, images: Sequence[StudyImage], what: str
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...]]:
    dataset = open_nested(instance.path)
    kind = REGION_CLASSES[instance.sop_class]
    found = (read_rtstruct if kind == "RTSTRUCT" else read_segmentation)(dataset, images)
    if not is_own_result(instance):
        return found
    regions, parts = drawn_outlines(found[0], what)
    return regions, (*found[1], *parts)


def _is_new(region: Region, what: str, reading: _Reading) -> bool:
    """False for a region stored twice; an error for two different ones of one name."""
    same_name = [known for known in reading.regions if known.name == region.name]
    if not same_name:
        return True
    known, source = same_name[0], reading.sources[region.name]
    if _same_region(known, region):
        why = f"the same region as in {source}"
        reading.left_out.append(LeftOut(f"region {region.name!r} of {what}", why))
        return False
    apart = f", {_apart_mm(known, region):.1f} mm apart"
    if known.is_empty or region.is_empty:
        apart = ""
    raise AmbiguousStudyError(
        f"region {region.name!r} is {known.volume_ml:.1f} mL in {source} and "
        f"{region.volume_ml:.1f} mL in {what}{apart}; choose one, for example "
        f"{option('choose', ('regions', source.rpartition(' in ')[2]))}"
    )


def _same_region(known: Region, other: Region) -> bool:
    if known.is_empty or other.is_empty:
        return known.is_empty and other.is_empty
    apart_mm = _apart_mm(known, other)
    return (
        abs(known.volume_ml - other.volume_ml) <= SAME_VOLUME_FRACTION * known.volume_ml
        and apart_mm <= SAME_CENTRE_MM
    )


def _require_one_patient(series: Sequence[Series]) -> None:
    patients = {s.text("PatientID") for s in series}
    if len(patients) > 1:
        names = ", ".join(s.described for s in series)
        raise InputError(
            f"the images are of {len(patients)} patients (PatientID differs): {names}; "
            "give the folder of one patient"
        )


def _case(scan: Scan, chosen: Chosen, reading: _Reading) -> Case:
    headers = [s.header for s in chosen.by_role.values()] or [
        instance.header for s in scan.series for instance in s.instances[:1]
    ] or [i.header for i in (*scan.regions, *scan.others)]  # fmt: skip
    findings = list(chosen.findings)
    if scan.damaged:
        text = (
            f"{scan.damaged} of the study's files or folders could not be read, and what they hold "
            "is not known: it may be slices of the images used. They are listed as left out."
        )
        findings.append(Finding("warn", "files-unreadable", text))
    called = _pseudonym(headers)
    if not is_kept():
        text = (
            "The site key could not be kept, so that the name of this case is of this run alone; "
            f"set {KEY_VARIABLE}, or let the settings folder be written."
        )
        findings.append(Finding("note", "site-key-not-kept", text))
    return Case(
        id=called,
        images=tuple(reading.images),
        regions=Regions(tuple(reading.regions)),
        patient=_patient(headers),
        left_out=(*scan.left_out, *chosen.left_out, *reading.left_out),
        findings=tuple(findings),
        provenance=Provenance(inputs=reading.inputs),
    )


def _pseudonym(headers: Sequence[Dataset]) -> str:
    """A name for the case; that of the study with the first identity where there are several."""
    identities = sorted(
        f"{title(h, 'PatientID', 'header')}|{title(h, 'StudyInstanceUID', 'header')}"
        for h in headers
    )
    text = identities[0] if identities else "nothing"
    return pseudonym(text)


def _patient(headers: Sequence[Dataset]) -> Patient:
    """Sex, height and weight, each from the first header that states it."""
    sex, height_cm, weight_kg = "", None, None
    for header in headers:
        try:
            stated = title(header, "PatientSex")
            sex = sex or (stated if stated in ("F", "M", "O") else "")
            size_m = number(header, "PatientSize", "header")
            mass_kg = number(header, "PatientWeight", "header")
        except OpenSirtError:
            continue
        if height_cm is None and size_m and 0 < size_m < TALLEST_M:
            height_cm = size_m * CM_PER_M
        if weight_kg is None and mass_kg and mass_kg > 0:
            weight_kg = mass_kg
    return Patient(sex, height_cm, weight_kg)


def _apart_mm(known: Region, other: Region) -> float:
    """Distance of the centres of two regions."""
    return math.dist(known.centroid_mm, other.centroid_mm)
