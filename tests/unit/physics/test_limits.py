"""Limits: each indication gets its own, each fact counts, nothing is invented."""

from __future__ import annotations

import pytest

from opensirt.errors import InputError, TableError, UnknownNameError
from opensirt.physics.limits import INDICATIONS, INTENTS, Limit, _row, limits_for, lung_limits
from opensirt.physics.products import product_names
from opensirt.physics.references import cite
from opensirt.physics.tables import parse_table


def values(product: str, indication: str, intent: str, quantity: str, **facts: object):
    """(sense, value) of each limit on one quantity, by rising value."""
    found = limits_for(product, indication, intent, **facts)  # type: ignore[arg-type]
    return sorted((limit.value, limit.sense) for limit in found if limit.quantity == quantity)


@pytest.mark.parametrize("product", product_names())
@pytest.mark.parametrize("indication", INDICATIONS)
@pytest.mark.parametrize("intent", INTENTS)
def test_every_limit_has_a_source_and_the_lungs_are_always_there(product, indication, intent):
    found = limits_for(product, indication, intent)
    assert {30.0, 50.0} <= {limit.value for limit in found if limit.severity == "stop"}
    for limit in found:
        assert limit.product == product
        assert cite(limit.source)
        assert limit.level_of_evidence
        assert limit.verified == (limit.source != "assumption")


@pytest.mark.parametrize("product", product_names())
@pytest.mark.parametrize("intent", INTENTS)
def test_net_has_no_target_and_says_what_was_transferred(product, intent):
    found = [x for x in limits_for(product, "net", intent) if not x.quantity.startswith("lung")]
    assert not any(limit.quantity == "tumour-mean" or limit.is_target for limit in found)
    for limit in found:
        assert (limit.source, limit.verified) == ("assumption", False)
        assert "no threshold for NET has guideline status" in limit.text
        assert "transferred" in limit.at


def test_net_normal_liver_limits_are_the_conservative_ones():
    assert values("resin-y90", "net", "unilobar", "perfused-normal-mean") == [(40, "at most")]
    assert values("resin-y90", "net", "bilobar", "perfused-normal-mean") == [(30, "at most")]
    assert values("glass-y90", "net", "bilobar", "whole-normal-mean") == [(50, "at most")]
    assert values("ho166-plla", "net", "bilobar", "whole-normal-mean") == [(40, "at most")]


def test_glass_hcc_follows_bilirubin():
    arguments = ("glass-y90", "hcc", "bilobar", "whole-normal-mean")
    assert values(*arguments, bilirubin_mg_dl=1.5) == [(50, "at most")]
    assert values(*arguments, bilirubin_mg_dl=1.1) == [(50, "at most")]
    assert values(*arguments, bilirubin_mg_dl=0.8) == [(90, "at most")]
    assert values(*arguments) == [(50, "at most")]


def test_glass_hcc_unilobar():
    arguments = ("glass-y90", "hcc", "unilobar")
    assert values(*arguments, "tumour-mean") == [(205, "at least"), (250, "at least")]
    assert values(*arguments, "whole-normal-mean") == [(50, "at most")]
    assert values(*arguments, "whole-normal-mean", bilirubin_mg_dl=1.0) == [(90, "at most")]
    assert values(*arguments, "perfused-normal-mean", reserve_fraction=0.2) == [(120, "at most")]
    assert values(*arguments, "perfused-normal-mean", reserve_fraction=0.5) == []
    assert values(*arguments, "perfused-normal-mean") == [(120, "at most")]


def test_segmentectomy():
    assert values("glass-y90", "icc", "segmentectomy", "perfused-mean") == [(400, "above")]
    assert values("resin-y90", "mcrc", "segmentectomy", "perfused-mean") == [(150, "above")]
    assert values("ho166-plla", "hcc", "segmentectomy", "perfused-mean") == [(60, "at most")]


def test_tumour_targets_of_each_product():
    assert values("glass-y90", "icc", "unilobar", "tumour-mean") == [(260, "at least")]
    assert values("glass-y90", "mcrc", "bilobar", "tumour-mean") == [(189, "at least")]
    assert values("resin-y90", "mcrc", "unilobar", "tumour-mean") == [(100, "above")]
    assert values("ho166-plla", "icc", "unilobar", "tumour-mean") == [(150, "above")]
    assert values("ho166-plla", "hcc", "unilobar", "tumour-mean") == []


def test_resin_follows_liver_function_and_reserve():
    arguments = ("resin-y90", "hcc", "bilobar", "perfused-normal-mean")
    assert values(*arguments) == [(30, "at most")]
    assert values(*arguments, compromised_liver=True) == [(30, "at most")]
    assert values(*arguments, compromised_liver=False) == [(40, "at most")]
    lobectomy = ("resin-y90", "hcc", "lobectomy", "perfused-normal-mean")
    assert values(*lobectomy, reserve_fraction=0.4) == [(70, "above")]
    for little in (None, 0.1, 0.3):  # exactly 30 % is not more than 30 %
        assert values(*lobectomy, reserve_fraction=little) == [(40, "at most")]


def test_levels_of_evidence_are_those_printed():
    glass = limits_for("glass-y90", "icc", "segmentectomy")[0]
    assert (glass.level_of_evidence, glass.at, glass.source) == ("4", "Table 2", "weber2022")


def test_lung_shunt_belongs_to_resin():
    shunt = [limit for limit in lung_limits("resin-y90") if limit.quantity == "lung-shunt"]
    assert [(limit.value, limit.severity) for limit in shunt] == [(0.20, "stop"), (0.15, "warn")]
    assert shunt[0].text.startswith("lung shunt fraction at most 20 %")
    with pytest.raises(TableError, match="lung-shunt limit is in 1, not in Gy"):
        _ = shunt[0].value_gy
    assert not any(limit.quantity == "lung-shunt" for limit in lung_limits("glass-y90"))


def test_is_met():
    lung = lung_limits("glass-y90")[0]
    assert lung.value_gy == 30.0
    assert (lung.is_met(30.0), lung.is_met(30.1)) == (True, False)
    above = limits_for("glass-y90", "hcc", "segmentectomy")[0]
    assert (above.is_met(400.0), above.is_met(401.0)) == (False, True)


def test_names_and_facts_are_checked():
    with pytest.raises(UnknownNameError, match="product 'glass' is unknown; choose one of"):
        lung_limits("glass")
    with pytest.raises(UnknownNameError, match="indication 'HCC' is unknown; choose one of hcc"):
        limits_for("glass-y90", "HCC", "unilobar")
    with pytest.raises(UnknownNameError, match="intent 'whole' is unknown; choose one of segm"):
        limits_for("glass-y90", "hcc", "whole")
    with pytest.raises(InputError, match="bilirubin must be a number of at least 0, found -1"):
        limits_for("glass-y90", "hcc", "unilobar", bilirubin_mg_dl=-1.0)


@pytest.mark.parametrize("product", product_names())
@pytest.mark.parametrize("indication", INDICATIONS)
@pytest.mark.parametrize("intent", INTENTS)
def test_a_perfused_mean_is_an_alternative_wherever_others_are_printed(product, indication, intent):
    """EANM 2022, Tables 2 to 4: n/a for tumour and normal liver in segmentectomy alone."""
    of_partition = limits_for(product, indication, intent, model="partition")
    of_mird = limits_for(product, indication, intent, model="mird")
    assert set(of_partition) <= set(of_mird)
    assert set(of_mird) == set(limits_for(product, indication, intent))
    perfused = [x for x in of_partition if x.quantity == "perfused-mean"]
    assert perfused == [] or intent == "segmentectomy"


@pytest.mark.parametrize("product", product_names())
@pytest.mark.parametrize("indication", INDICATIONS)
@pytest.mark.parametrize("intent", INTENTS)
def test_what_protects_the_patient_stops_and_aims_do_not(product, indication, intent):
    for limit in limits_for(product, indication, intent):
        if limit.unit == "Gy":
            assert (limit.severity == "stop") == (limit.sense == "at most"), limit.text


def test_unknown_facts_are_the_worse_of_what_they_may_be():
    """No known fact makes a limit stricter than not knowing it does."""
    for product in product_names():
        for indication in INDICATIONS:
            for intent in INTENTS:
                unknown = limits_for(product, indication, intent)
                for facts in (
                    {"bilirubin_mg_dl": 0.5}, {"bilirubin_mg_dl": 3.0}, {"reserve_fraction": 0.9},
                    {"reserve_fraction": 0.1}, {"compromised_liver": True},
                    {"compromised_liver": False},
                ):  # fmt: skip
                    known = limits_for(product, indication, intent, **facts)
                    for limit in known:
                        if limit.sense != "at most" or limit.quantity == "lung-shunt":
                            continue
                        if not limit.verified:
                            continue  # of a liver stated to be weak: no source prints it
                        same = [
                            x.value
                            for x in unknown
                            if (x.quantity, x.sense) == (limit.quantity, limit.sense)
                        ]
                        assert min(same) <= limit.value  # fmt: skip


def test_texts_say_both_ends_and_the_exception():
    rows = limits_for("glass-y90", "hcc", "unilobar")
    texts = [limit.text for limit in rows]
    assert any(t.startswith("mean dose to the tumour from 250 to 300 Gy") for t in texts)
    assert any("at most 150 Gy unless the whole liver stays below 150 Gy" in t for t in texts)
    aim = next(limit for limit in rows if limit.upper is not None)
    assert [aim.is_met(gy) for gy in (249.9, 250.0, 300.0, 300.1)] == [False, True, True, False]
    assert [aim.is_exceeded(gy) for gy in (249.9, 300.0, 300.1)] == [False, False, True]


def limit(sense: str, value: float = 40.0, unit: str = "Gy", **more: object) -> Limit:
    facts = {"product": "glass-y90", "indication": "hcc", "intent": "bilobar", **more}
    return Limit(
        quantity="lung-shunt" if unit == "1" else "tumour-mean", sense=sense, value=value,
        unit=unit, severity="stop", source="weber2022", level_of_evidence="4", **facts,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sense", "met", "target"),
    [("at least", (False, True, True), True), ("above", (False, False, True), True),
     ("at most", (True, True, False), False)],
)  # fmt: skip
def test_a_limit_is_kept_below_at_and_above_its_value(sense, met, target):
    of = limit(sense)
    assert tuple(of.is_met(gy) for gy in (39.9, 40.0, 40.1)) == met
    assert of.is_target == target
    assert not any(of.is_exceeded(gy) for gy in (39.9, 40.0, 1e6))


def test_an_aim_ends_at_its_upper_value():
    of = limit("at least", upper=50.0)
    assert [of.is_met(gy) for gy in (39.9, 40.0, 50.0, 50.1)] == [False, True, True, False]
    assert [of.is_exceeded(gy) for gy in (50.0, 50.1)] == [False, True]
    assert of.text == "mean dose to the tumour from 40 to 50 Gy"


def test_a_limit_is_said_in_its_own_unit():
    assert limit("at most", 0.2, "1").text == "lung shunt fraction at most 20 %"
    assert limit("above").text == "mean dose to the tumour above 40 Gy"
    of = limit("at most", note="so printed", unless_whole_liver_gy=30.0)
    assert of.text == (
        "mean dose to the tumour at most 40 Gy unless the whole liver stays below 30 Gy "
        "(so printed)"
    )
    assert of.value_gy == 40.0


@pytest.mark.parametrize(
    ("facts", "limit_gy"),
    [({"bilirubin_mg_dl": 1.09}, 90), ({"bilirubin_mg_dl": 1.1}, 50),
     ({"bilirubin_mg_dl": 1.11}, 50)],
)  # fmt: skip
def test_bilirubin_of_exactly_the_border_is_high(facts, limit_gy):
    found = values("glass-y90", "hcc", "bilobar", "whole-normal-mean", **facts)
    assert found == [(limit_gy, "at most")]


@pytest.mark.parametrize(("reserve", "target"), [(0.29, False), (0.3, False), (0.31, True)])
def test_a_reserve_of_exactly_the_border_is_little(reserve, target):
    found = values(
        "resin-y90", "hcc", "lobectomy", "perfused-normal-mean", reserve_fraction=reserve
    )
    assert (found == [(70, "above")]) == target


@pytest.mark.parametrize("product", product_names())
def test_limits_of_a_product_end_with_those_of_its_lungs(product):
    """Rows for any indication and intent say so; one treatment 30 Gy, all together 50 Gy."""
    lungs = lung_limits(product)
    assert limits_for(product, "hcc", "unilobar")[-len(lungs) :] == lungs
    doses = {x.quantity: x.value_gy for x in lungs if x.unit == "Gy"}
    assert doses == {"lung-mean": 30.0, "lung-mean-cumulative": 50.0}
    assert {(x.indication, x.intent) for x in lungs} == {("any", "any")}
    others = limits_for(product, "hcc", "unilobar")[: -len(lungs)]
    assert {(x.indication, x.intent) for x in others} == {("hcc", "unilobar")}


@pytest.mark.parametrize("reserve", [-0.1, float("nan"), float("inf")])
def test_a_reserve_is_a_number_of_at_least_nothing(reserve):
    with pytest.raises(InputError, match="reserve fraction must be a number of at least 0"):
        limits_for("glass-y90", "hcc", "unilobar", reserve_fraction=reserve)
    assert limits_for("glass-y90", "hcc", "unilobar", reserve_fraction=0.0)


ROW = {
    "product": "glass-y90", "indications": "hcc icc", "intents": "unilobar", "models": "mird",
    "quantity": "tumour-mean", "sense": "at least", "severity": "warn", "level_of_evidence": "4",
    "limit_gy": {"value": 205, "source": "weber2022", "at": "Table 2"},
}  # fmt: skip


@pytest.mark.parametrize(
    "key",
    ["product", "indications", "intents", "models", "condition", "quantity", "sense", "severity"],
)
def test_a_word_of_the_table_that_nobody_knows_is_refused(key):
    """A slip of the pen in a table would otherwise take a limit away in silence."""
    with pytest.raises(TableError, match=f"x: {key} 'hcv' is unknown; write "):
        _row(parse_table({**ROW, key: "hcv"}, "x"))


def test_a_row_speaks_of_what_it_names_and_of_nothing_else():
    row = _row(parse_table(ROW, "x"))
    assert [row.speaks_of(i, "unilobar", "mird") for i in ("hcc", "icc", "mcrc")] == [
        True, True, False,
    ]  # fmt: skip
    assert not row.speaks_of("hcc", "bilobar", "mird")
    assert row.speaks_of("hcc", "unilobar", None)
    assert not row.speaks_of("hcc", "unilobar", "partition")
    every = _row(parse_table({**ROW, "models": "any"}, "x"))
    assert every.speaks_of("hcc", "unilobar", "partition")
    found = row.limit_of("hcc", "unilobar")
    assert (found.value, found.unit, found.sense, found.severity) == (205, "Gy", "at least", "warn")
    assert (found.source, found.at, found.level_of_evidence) == ("weber2022", "Table 2", "4")
    assert (found.upper, found.unless_whole_liver_gy, found.verified) == (None, None, True)
    more = {"upper_gy": {"value": 300, "source": "weber2022"},
            "unless_whole_liver_gy": {"value": 150, "source": "weber2022"}}  # fmt: skip
    found = _row(parse_table({**ROW, **more}, "x")).limit_of("hcc", "unilobar")
    assert (found.upper, found.unless_whole_liver_gy) == (300, 150)
