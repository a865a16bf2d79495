"""The loader refuses numbers without unit, source or checksum, and says where."""

from __future__ import annotations

import hashlib
import re
import tomllib
from importlib import resources

import pytest

from opensirt.errors import InputError, TableError, UnknownNameError
from opensirt.physics.plausible import require_plausible, require_plausible_voxels
from opensirt.physics.references import reference_keys
from opensirt.physics.tables import (
    load_csv,
    load_table,
    parse_csv,
    parse_table,
    table_names,
)

CSV = b"energy_mev,yield\n0.1,0.5\n0.2,0.25\n"
DESCRIPTION = {
    "source": "icrp107",
    "licence": "cited figures",
    "script": "validation/tables/make_spectra.py",
    "sha256": hashlib.sha256(CSV).hexdigest(),
    "columns": {"energy_mev": "MeV", "yield": "1/decay"},
}


def table(text: str):
    """A table parsed from TOML text."""
    return parse_table(tomllib.loads(text), "tables/x.toml")


def test_reads_value_unit_from_the_key_and_uncertainty():
    found = table('half_life_h = { value = 64.1, sd = 0.1, source = "icrp107", at = "p. 1" }')
    half_life = found.quantity("half_life_h")
    assert (half_life.value, half_life.unit, half_life.sd) == (64.1, "h", 0.1)
    assert half_life.at == "p. 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("half_life_h = 64.1", "tables/x.toml: half_life_h = 64.1 has no source"),
        ("half_life_h = { value = 64.1 }", "tables/x.toml: half_life_h has no source"),
        (
            'half_life_h = { value = 64.1, source = "nobody1999" }',
            "tables/x.toml: half_life_h has unknown source 'nobody1999'",
        ),
        (
            'half_life = { value = 64.1, source = "icrp107" }',
            "tables/x.toml: half_life has no unit; end the key in one or add unit = ...",
        ),
        (
            'half_life_h = { value = "long", source = "icrp107" }',
            "tables/x.toml: half_life_h needs a number as value, found 'long'",
        ),
        (
            'half_life_h = { value = 1, sd = "x", source = "icrp107" }',
            "tables/x.toml: half_life_h.sd needs a number, found 'x'",
        ),
        ("[[limit]]\nlimit_gy = 30", "tables/x.toml limit[0]: limit_gy = 30 has no source"),
        ("[part]\nsize_mm = 3", "tables/x.toml part: size_mm = 3 has no source"),
        ("vials_gbq = [3, 5]", "tables/x.toml: vials_gbq = [3, 5] has no source"),
    ],
)
def test_refuses_an_incomplete_number(text: str, message: str):
    with pytest.raises(TableError, match=re.escape(message)) as caught:
        table(text)
    assert "\n" not in str(caught.value)


def test_alternatives_stay_selectable_by_source_and_name():
    found = table(
        "density_g_ml = [\n"
        '  { value = 3.2, source = "review2014" },\n'
        '  { name = "high", value = 3.6, source = "wjh2015" },\n]'
    )
    assert found.quantity("density_g_ml").value == 3.2
    assert found.quantity("density_g_ml", "wjh2015").value == 3.6
    assert found.quantity("density_g_ml", "high").value == 3.6
    with pytest.raises(UnknownNameError, match="choose review2014, high"):
        found.quantity("density_g_ml", "cvir2019")


def test_an_assumption_is_allowed_and_shows():
    quantity = table('mass_g = { value = 1000, source = "assumption" }').quantity("mass_g")
    assert quantity.is_assumption
    assert not quantity.verified


def test_lists_and_parts_keep_every_number():
    found = table(
        'vials_gbq = { value = [3, 5], source = "icrp107" }\n'
        'element_mass_fraction = { value = { H = 0.1, O = 0.9 }, source = "icrp107" }'
    )
    assert found.quantity("vials_gbq").values == (3.0, 5.0)
    assert found.quantity("element_mass_fraction").parts == {"H": 0.1, "O": 0.9}
    with pytest.raises(TableError, match="vials_gbq: expected one number, found 2"):
        _ = found.quantity("vials_gbq").value


def test_missing_entries_are_named():
    found = table('label = "x"\nnames = ["a", "b"]')
    assert found.text("names") == "a b"
    assert found.text("note", "none") == "none"
    with pytest.raises(
        TableError, match=r"tables/x\.toml: number 'mass_g' is missing; it has none"
    ):
        found.quantity("mass_g")
    with pytest.raises(TableError, match=r"tables/x\.toml: text 'note' is missing"):
        found.text("note")


def test_missing_files_are_named():
    with pytest.raises(TableError, match=r"tables/nuclides/xx.toml does not exist"):
        load_table("nuclides/xx")
    with pytest.raises(TableError, match="tables/nowhere does not exist"):
        table_names("nowhere")


def test_csv_gives_columns_and_units():
    found = parse_csv(DESCRIPTION, CSV, "tables/x.toml")
    assert found.column("energy_mev").tolist() == [0.1, 0.2]
    assert found.units["yield"] == "1/decay"
    with pytest.raises(TableError, match="column 'mass' is missing"):
        found.column("mass")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, "sha256 of the csv is"),
        ({"licence": ""}, "licence is missing; a csv table needs it"),
        ({"script": None}, "script is missing; a csv table needs it"),
        ({"source": "nobody1999"}, "csv has unknown source 'nobody1999'"),
        ({"columns": {"energy_mev": "MeV"}}, "column 'yield' has no unit"),
    ],
)
def test_csv_refuses_what_is_incomplete(change: dict, message: str):
    with pytest.raises(TableError, match=re.escape(message)):
        parse_csv({**DESCRIPTION, **change}, CSV, "tables/x.toml")


def test_csv_refuses_a_changed_byte():
    with pytest.raises(TableError, match=r"make it again with validation/tables/make_spectra\.py"):
        parse_csv(DESCRIPTION, CSV.replace(b"0.25", b"0.26"), "tables/x.toml")


def test_csv_refuses_ragged_rows_and_words_for_numbers():
    ragged = b"energy_mev,yield\n0.1\n"
    description = {**DESCRIPTION, "sha256": hashlib.sha256(ragged).hexdigest()}
    with pytest.raises(TableError, match="line 2 of the csv has 1 cells, expected 2"):
        parse_csv(description, ragged, "tables/x.toml")
    words = b"energy_mev,yield\nhigh,0.1\n"
    description = {**DESCRIPTION, "sha256": hashlib.sha256(words).hexdigest()}
    with pytest.raises(TableError, match="column 'energy_mev' needs numbers"):
        parse_csv(description, words, "tables/x.toml").column("energy_mev")


def _tables(ending: str) -> list[str]:
    root = resources.files("opensirt") / "tables"
    found, places = [], [("", root)]
    while places:
        prefix, place = places.pop()
        for entry in place.iterdir():
            if entry.is_dir():
                places.append((f"{prefix}{entry.name}/", entry))
            elif entry.name.endswith(ending):
                found.append(prefix + entry.name.removesuffix(ending))
    return sorted(found)


def test_every_shipped_table_passes_the_loader_and_its_sources_resolve():
    sheets = set(_tables(".csv"))
    keys = {*reference_keys(), "assumption"}
    assert len(sheets) >= 22
    for name in sheets:
        assert load_csv(name).source in keys
    quantities = 0
    for name in set(_tables(".toml")) - sheets:
        for quantity in load_table(name).every_quantity():
            assert quantity.source in keys, (name, quantity.key)
            quantities += 1
    assert quantities >= 150


def test_references_named_beside_a_sheet_resolve():
    root = resources.files("opensirt") / "tables"
    for name in _tables(".csv"):
        raw = tomllib.loads(root.joinpath(*f"{name}.toml".split("/")).read_text(encoding="utf-8"))
        assert set(raw.get("references", ())) <= set(reference_keys()), name


@pytest.mark.parametrize("row", [b"0.1", b"0.1,0.2,0.3"])
def test_csv_rows_must_have_as_many_cells_as_the_head(row: bytes):
    ragged = b"energy_mev,yield\n" + row + b"\n"
    description = {**DESCRIPTION, "sha256": hashlib.sha256(ragged).hexdigest()}
    count = row.count(b",") + 1
    with pytest.raises(TableError, match=f"line 2 of the csv has {count} cells, expected 2"):
        parse_csv(description, ragged, "tables/x.toml")


def test_ranges_have_two_ends_and_name_their_unit():
    assert require_plausible("tissue density", 1.06) == 1.06
    assert (require_plausible("height", 30.0), require_plausible("height", 260.0)) == (30.0, 260.0)
    for value in (0.099, 3.01, 1060.0):
        with pytest.raises(InputError, match=r"from 0.1 to 3 g/mL, got .*; check the number and"):
            require_plausible("tissue density", value)
    for value in (1.72, 29.9, 260.1, 1720.0):
        with pytest.raises(InputError, match="the height must be from 30 to 260 cm"):
            require_plausible("height", value)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("k_gy_kg_per_gbq", "Gy kg/GBq"), ("bilirubin_mg_per_dl", "mg/dL"),
        ("yield_per_decay", "1/decay"), ("spheres_per_mg", "1/mg"), ("density_g_ml", "g/mL"),
        ("x_ml_per_g", "mL/g"), ("share_fraction", "1"), ("lesion_count", "1"), ("x_kev", "keV"),
        ("x_mev", "MeV"), ("x_gbq", "GBq"), ("x_mbq", "MBq"), ("x_bq", "Bq"), ("x_gy", "Gy"),
        ("x_um", "um"), ("x_mm", "mm"), ("x_ml", "mL"), ("x_mg", "mg"), ("x_kg", "kg"),
        ("x_hu", "HU"), ("x_ev", "eV"), ("x_g", "g"), ("x_h", "h"), ("x_d", "d"), ("x_s", "s"),
    ],
)  # fmt: skip
def test_the_end_of_a_key_is_its_unit(key: str, unit: str):
    assert table(f'{key} = {{ value = 1, source = "icrp107" }}').quantity(key).unit == unit
    stated = table(f'{key} = {{ value = 1, unit = "other", source = "icrp107" }}')
    assert stated.quantity(key).unit == "other"


def test_a_quantity_keeps_its_ends_place_and_note():
    found = table(
        'x_gy = { value = 3, sd = 1, low = 2, high = 5, source = "icrp107", at = "p. 3", '
        'note = "so", name = "n", read = 2026-01-15, verified = false }'
    ).quantity("x_gy")
    assert (found.value, found.sd, found.low, found.high) == (3.0, 1, 2, 5)
    assert (found.at, found.note, found.name, found.read) == ("p. 3", "so", "n", "2026-01-15")
    assert not found.verified
    assert not found.is_assumption
    assert table('x_gy = { value = 3, source = "icrp107" }').quantity("x_gy").verified


def test_rows_are_tables_of_their_own_and_all_numbers_are_found():
    found = table(
        'flag = true\nday = 2026-01-15\nx_gy = { value = 1, source = "icrp107" }\n'
        '[[row]]\nx_gy = { value = 2, source = "icrp107" }\n'
        '[[row]]\nname = "b"\n[part]\nx_gy = { value = 4, source = "icrp107" }'
    )
    assert (found.text("flag"), found.text("day")) == ("true", "2026-01-15")
    assert [row.has("x_gy") for row in found.rows["row"]] == [True, False]
    assert found.rows["part"][0].quantity("x_gy").value == 4.0
    assert sorted(q.value for q in found.every_quantity()) == [1.0, 2.0, 4.0]


def test_voxel_edges_are_those_of_a_patients_image():
    require_plausible_voxels("the CT", (0.1, 50.0, 3.0))
    for edges in ((0.09, 1.0, 1.0), (1.0, 51.0, 1.0), (1.0, 1.0, 0.0)):
        with pytest.raises(InputError, match=r"the CT: the voxel edge must be from 0.1 to 50 mm"):
            require_plausible_voxels("the CT", edges)


def test_every_alternative_is_among_all_numbers():
    found = table(
        'x_gy = [{ value = 1, source = "icrp107" }, { value = 2, source = "ddep" }]\n'
        '[[row]]\ny_gy = [{ value = 3, source = "icrp107" }, { value = 4, source = "ddep" }]'
    )
    assert [q.value for q in found.every_quantity()] == [1.0, 2.0, 3.0, 4.0]
