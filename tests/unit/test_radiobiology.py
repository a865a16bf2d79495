"""BED and EUD against published and hand-made figures; parameter sets as tables."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt import radiobiology
from opensirt.errors import InputError, UnknownNameError
from opensirt.physics.nuclides import nuclide
from opensirt.physics.tables import parse_table
from opensirt.radiobiology import (
    bed_gy,
    eqd2_gy,
    eud_gy,
    response_names,
    tissue_response,
    tissue_responses,
)

Y90 = nuclide("y90")
HOUR_S = 3600.0


def test_bed_of_the_published_liver_tolerance() -> None:
    """52 Gy with 2.5 Gy and 2.5 h is 92.6 Gy (Strigari 2010 states about 93 Gy)."""
    response = tissue_response("liver")
    found = response.bed_gy(np.array([0.0, 52.0]), Y90.half_life_s)
    assert found == pytest.approx([0.0, 92.6], abs=0.05)


def test_bed_of_a_uniform_tumour_dose() -> None:
    """292 Gy with 10 Gy and 1.5 h is 487 Gy (hand calculation)."""
    assert bed_gy(292.0, 64.1 * HOUR_S, 1.5 * HOUR_S, 10.0) == pytest.approx(487.0, abs=0.5)


def test_immediate_repair_leaves_the_dose_and_none_gives_the_acute_bed() -> None:
    assert bed_gy(30.0, HOUR_S, 0.0, 10.0) == pytest.approx(30.0)
    assert bed_gy(30.0, 1e-9, HOUR_S, 10.0) == pytest.approx(120.0)


def test_eud_of_a_uniform_dose_is_the_dose() -> None:
    assert eud_gy(np.full(7, 123.0), 0.3) == pytest.approx(123.0, rel=1e-12)


def test_eud_lies_near_the_cold_part_and_never_overflows() -> None:
    """Half at 0 and half at 10 kGy: ln 2 / alpha above the cold half (hand calculation)."""
    assert eud_gy([0.0, 1e4], 0.2) == pytest.approx(np.log(2.0) / 0.2, rel=1e-12)
    assert eud_gy([1e5, 2e5], 0.2) == pytest.approx(1e5 + np.log(2.0) / 0.2, rel=1e-12)


def test_eud_weights_voxels_by_volume() -> None:
    assert eud_gy([10.0, 50.0], 0.05, [1.0, 3.0]) == pytest.approx(
        eud_gy([10.0, 50.0, 50.0, 50.0], 0.05), rel=1e-12
    )


def test_parameter_sets_are_named_and_marked() -> None:
    assert response_names() == ("literature", "thesis-code")
    assert tissue_response("liver", "thesis-code").alpha_beta_gy == 10.0
    tumour = tissue_responses()["tumour"]
    assert (tumour.alpha_beta_gy, tumour.repair_half_time_s) == (10.0, 5400.0)
    assert tumour.sources == ("assumption",) * 3
    with pytest.raises(UnknownNameError, match="no radiobiology for 'lung' in set 'literature'"):
        tissue_response("lung")


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=r"alpha/beta above 0 .* 0 Gy"):
        bed_gy(10.0, HOUR_S, HOUR_S, 0.0)
    with pytest.raises(InputError, match="alpha above 0 per Gy, got 0"):
        eud_gy([1.0], 0.0)
    with pytest.raises(InputError, match="at least one voxel"):
        eud_gy([], 0.1)


def test_eqd2_of_the_published_liver_tolerance() -> None:
    """92.6 Gy / (1 + 2 / 2.5) = 51.4 Gy; tumour of 10 Gy: 120 / 1.2 = 100 Gy."""
    assert eqd2_gy(92.6, 2.5) == pytest.approx(51.44, abs=0.005)
    assert eqd2_gy([120.0, 0.0], 10.0) == pytest.approx([100.0, 0.0])
    assert tissue_response("tumour").eqd2_gy(120.0) == pytest.approx(100.0)
    with pytest.raises(InputError, match="EQD2 needs an alpha/beta above 0, got 0 Gy"):
        eqd2_gy(1.0, 0.0)


def test_each_tissue_has_its_own_and_mixed_regions_have_none() -> None:
    found = tissue_responses()
    assert {region: r.tissue for region, r in found.items()} == {
        "tumour": "tumour",
        "perfused normal liver": "liver",
        "whole normal liver": "liver",
        "non-perfused normal liver": "liver",
    }


def test_a_named_set_holds_for_every_region() -> None:
    """The repair half-times of the two sets are exchanged: 2.5 h of liver are those of tumour."""
    found = {name: tissue_responses(name) for name in response_names()}
    hours = {
        name: [
            of[region].repair_half_time_s / HOUR_S for region in ("tumour", "whole normal liver")
        ]
        for name, of in found.items()
    }
    assert hours == {"literature": [1.5, 2.5], "thesis-code": [2.5, 1.5]}
    assert tissue_responses()["tumour"] == found["literature"]["tumour"]
    assert found["thesis-code"]["perfused normal liver"].alpha_beta_gy == 10.0
    assert found["literature"]["perfused normal liver"].alpha_beta_gy == 2.5
    resin = tissue_responses("thesis-code", product="resin-y90")  # it has no row of a product
    assert resin == found["thesis-code"]


def test_a_source_that_is_about_one_product_is_used_for_it_alone() -> None:
    resin = tissue_response("liver", product="resin-y90")
    assert resin.sources == ("assumption", "strigari2010", "strigari2010")
    assert tissue_response("liver", product="glass-y90").sources == ("assumption",) * 3
    assert tissue_responses(product="resin-y90")["whole normal liver"] == resin
    assert tissue_responses(product="ho166-plla")["tumour"] == tissue_response("tumour")
    assert not resin.is_verified
    assert resin.text == (
        "liver: alpha 0.004/Gy (assumption), alpha/beta 2.5 Gy (strigari2010), "
        "repair half-time 2.5 h (strigari2010); not verified"
    )


PARAMETERS = {"alpha_per_gy": "1/Gy", "alpha_beta_gy": "Gy", "repair_half_time_h": "h"}


def set_of_table(monkeypatch: pytest.MonkeyPatch, unread: str = "") -> radiobiology.TissueResponse:
    """A liver of 0.01/Gy, 4 Gy and 3 h, each read in a source of its own but for `unread`."""
    sources, values = ("codata2018", "estar", "iupac2021"), (0.01, 4.0, 3.0)
    row: dict[str, object] = {"name": "made", "tissue": "liver"}
    for (key, unit), source, value in zip(PARAMETERS.items(), sources, values, strict=True):
        row[key] = {"value": value, "unit": unit, "source": source, "verified": key != unread}
    table = parse_table({"name": "radiobiology", "response": [row]}, "made.toml")
    monkeypatch.setattr(radiobiology, "load_table", lambda name: table)
    return tissue_response("liver", "made")


def test_each_parameter_stands_beside_its_own_source(monkeypatch: pytest.MonkeyPatch) -> None:
    found = set_of_table(monkeypatch)
    assert (found.alpha_per_gy, found.alpha_beta_gy) == (0.01, 4.0)
    assert found.repair_half_time_s == 3.0 * 3600.0
    assert found.is_verified
    assert found.text == (
        "liver: alpha 0.01/Gy (codata2018), alpha/beta 4 Gy (estar), "
        "repair half-time 3 h (iupac2021)"
    )


@pytest.mark.parametrize("unread", list(PARAMETERS))
def test_a_set_is_read_only_where_each_parameter_is(
    monkeypatch: pytest.MonkeyPatch, unread: str
) -> None:
    found = set_of_table(monkeypatch, unread)
    assert not found.is_verified
    assert found.text.endswith("; not verified")
