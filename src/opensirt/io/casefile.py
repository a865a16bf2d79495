"""`case.toml`: a case described by hand, for images that are not one DICOM study."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from opensirt.case import Assumptions, Case, LeftOut, Patient, StudyImage, Treatment
from opensirt.clock import in_words, is_unstated
from opensirt.errors import CaseError
from opensirt.findings import Finding
from opensirt.image import Region, Regions
from opensirt.io.case_images import IMAGE_KEYS, find_file, hash_path, read_case_image
from opensirt.io.case_keys import Table
from opensirt.io.case_regions import REGION_KEYS, read_case_regions
from opensirt.io.interfile import POSITION_NOT_KNOWN
from opensirt.io.zones import with_time_zone
from opensirt.physics.products import product_names
from opensirt.provenance import Provenance, hash_file
from opensirt.units import BQ_PER_GBQ

__all__ = ["read_case_file", "write_case_file"]

_TABLES = ("case", "image", "regions", "assumptions", "treatment", "patient")
_ASSUMPTION_KEYS = ("density_g_ml", "lung_shunt_fraction", "lung_mass_g")
_TREATMENT_KEYS = ("product", "activity_gbq", "injected")
_PATIENT_KEYS = ("sex", "height_cm", "weight_kg")
_SEXES = ("F", "M", "O")
MOST_GBQ = 1000.0
"""No treatment holds as much: another unit was meant."""


def read_case_file(path: Path | str) -> Case:
    """The case that a `case.toml` describes; every key is checked, nothing is guessed.

    Raises
    ------
    CaseError
        Names the table and key, what was found and what to write.
    FileFormatError, RegionError
        When an image or region file cannot be used.
    """
    path = Path(path)
    content = _load(path)
    top = Table.of(path.name, content, _TABLES)
    about = Table.of("[case]", content.get("case", {}), ("id", "time_zone"))
    case_id = about.text("id", example='id = "..."')
    zone = about.text("time_zone") if "time_zone" in about.values else None
    image_tables = _tables(top, "image", IMAGE_KEYS)
    if not image_tables:
        raise CaseError(f"{path.name}: no [[image]] is given; describe at least one image")
    images = tuple(read_case_image(table, path.parent) for table in image_tables)
    _require_single_roles(images)
    region_tables = _tables(top, "regions", REGION_KEYS)
    regions, left_out, findings = _regions(region_tables, path.parent, images)
    _require_known_positions(images, regions)
    inputs = {"case.toml": hash_file(path)}
    for kind, tables in (("image", image_tables), ("regions", region_tables)):
        for number, table in enumerate(tables, 1):
            inputs[f"{kind} {number}"] = hash_path(find_file(table, path.parent))
    case = Case(
        id=case_id,
        images=images,
        regions=Regions(regions),
        assumptions=_assumptions(content),
        patient=_patient(content),
        treatment=_treatment(content),
        left_out=left_out,
        findings=findings,
        provenance=Provenance(inputs=inputs),
    )
    return with_time_zone(case, zone)


def write_case_file(
    path: Path | str,
    *,
    case_id: str,
    images: Sequence[Mapping[str, Any]],
    regions: Sequence[Mapping[str, Any]] = (),
    assumptions: Mapping[str, Any] | None = None,
    treatment: Mapping[str, Any] | None = None,
    patient: Mapping[str, Any] | None = None,
) -> Path:
    """Write a `case.toml`, keys as in its tables; values None are left out.

    Parameters
    ----------
    images, regions : sequences of mappings
        One `[[image]]` and `[[regions]]` table each; "roles" and "territories" of regions are
        mappings from region name.
    assumptions, treatment, patient : mappings, optional
        The tables of these names.
    """
    for place, given, known in (
        *((f"[[image]] {i}", table, IMAGE_KEYS) for i, table in enumerate(images, 1)),
        *((f"[[regions]] {i}", table, REGION_KEYS) for i, table in enumerate(regions, 1)),
        ("[assumptions]", assumptions or {}, _ASSUMPTION_KEYS),
        ("[treatment]", treatment or {}, _TREATMENT_KEYS),
        ("[patient]", patient or {}, _PATIENT_KEYS),
    ):
        Table.of(place, given, known)
    blocks = [_block("[case]", {"id": case_id})]
    blocks += [_block("[[image]]", table) for table in images]
    for table in regions:
        plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
        blocks.append(_block("[[regions]]", plain))
        for key in ("roles", "territories"):
            if table.get(key):
                blocks.append(_block(f"[regions.{key}]", table[key], quoted=True))
    named = {"assumptions": assumptions, "treatment": treatment, "patient": patient}
    blocks += [_block(f"[{name}]", table) for name, table in named.items() if table]
    path = Path(path)
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


# -- reading


def _load(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():
        raise CaseError(f"{path.name}: cannot be read: it is no file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CaseError(f"{path.name}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(f"{path.name}: is not valid TOML: {error}") from error


def _tables(top: Table, key: str, known: Sequence[str]) -> list[Table]:
    """The tables of an array, or the one table written with single brackets."""
    found = top.values.get(key, [])
    items = [found] if isinstance(found, Mapping) else found
    if not isinstance(items, list):
        raise CaseError(f"{top.place}: '{key}' must be written as [[{key}]] tables")
    return [Table.of(f"[[{key}]] {number}", item, known) for number, item in enumerate(items, 1)]


def _require_single_roles(images: Sequence[StudyImage]) -> None:
    roles = [image.role for image in images]
    twice = next((role for role in roles if roles.count(role) > 1), None)
    if twice:
        raise CaseError(
            f'[[image]]: role "{twice}" is given {roles.count(twice)} times; '
            "give one image per role"
        )


def _regions(
    tables: Sequence[Table], folder: Path, images: Sequence[StudyImage]
) -> tuple[tuple[Region, ...], tuple[LeftOut, ...], tuple[Finding, ...]]:
    regions: list[Region] = []
    left_out: list[LeftOut] = []
    findings: list[Finding] = []
    for table in tables:
        more, less, told = read_case_regions(table, folder, images)
        known = {region.name for region in regions}
        twice = sorted(region.name for region in more if region.name in known)
        if twice:
            raise CaseError(
                f'{table.place}: region "{twice[0]}" is already given by another file; '
                "rename it in one of them"
            )
        regions += more
        left_out += less
        findings += told
    return tuple(regions), tuple(left_out), tuple(findings)


def _require_known_positions(images: Sequence[StudyImage], regions: Sequence[Region]) -> None:
    """Images without a position in the patient go with nothing but the same voxels."""
    floating = next((image for image in images if POSITION_NOT_KNOWN in image.notes), None)
    if floating is None:
        return
    others = [(image.label, image.volume.grid) for image in images]
    others += [(region.name, region.grid) for region in regions]
    for name, grid in others:
        if not grid.matches(floating.volume.grid):
            raise CaseError(
                f'image "{floating.label}" has no position in the patient (Interfile), so '
                f'"{name}" must be on the same voxels; convert both to NIfTI with their position'
            )


def _assumptions(content: Mapping[str, Any]) -> Assumptions:
    table = Table.of("[assumptions]", content.get("assumptions", {}), _ASSUMPTION_KEYS)
    return Assumptions(
        density_g_ml=table.number("density_g_ml"),
        lung_shunt_fraction=table.number("lung_shunt_fraction", below=1.0, zero=True),
        lung_mass_g=table.number("lung_mass_g"),
    )


def _patient(content: Mapping[str, Any]) -> Patient:
    table = Table.of("[patient]", content.get("patient", {}), _PATIENT_KEYS)
    sex = table.choice("sex", _SEXES, "")
    return Patient(sex, table.number("height_cm"), table.number("weight_kg"))


def _treatment(content: Mapping[str, Any]) -> Treatment | None:
    if "treatment" not in content:
        return None
    table = Table.of("[treatment]", content["treatment"], _TREATMENT_KEYS)
    given_gbq = table.number("activity_gbq", below=MOST_GBQ)
    if given_gbq is None:
        raise CaseError("[treatment]: key 'activity_gbq' is missing; write the injected GBq")
    product = table.choice("product", product_names())
    return Treatment(product, given_gbq * BQ_PER_GBQ, table.instant("injected"))


# -- writing


def _block(head: str, table: Mapping[str, Any], *, quoted: bool = False) -> str:
    lines = [head]
    for key, value in table.items():
        if value is not None:
            name = json.dumps(key, ensure_ascii=False) if quoted else key
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None or is_unstated(value):
            raise CaseError(f"the time {in_words(value)} has no time zone; give one")
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(float(value)) if isinstance(value, float) else str(value)
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    raise CaseError(f"case.toml cannot hold a value of type {type(value).__name__}")
