"""Names that are unknown: what is known, and what may be meant."""

from __future__ import annotations

import pytest

from opensirt.dose.engine import dose_engines
from opensirt.errors import UnitMismatchError, UnknownNameError, alike, did_you_mean, unknown_name
from opensirt.image.regions import require_role
from opensirt.phantoms import make_phantom
from opensirt.physics.limits import limits_for
from opensirt.physics.materials import hu_conversion, tissue
from opensirt.physics.nuclides import dose_constant, nuclide
from opensirt.physics.products import product
from opensirt.plan.model import planning_models
from opensirt.units import parse_unit
from opensirt.workflow.comparing import engine_names

NAMES = ("hcc", "net", "unilobar", "bilobar", "resin-y90", "glass-y90", "y90", "Läsion 1")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NET", ("net",)),
        ("Y-90", ("y90",)),
        ("RESIN_Y90", ("resin-y90",)),
        ("resin", ("resin-y90",)),
        ("lobar", ("unilobar", "bilobar")),
        ("lasion 1", ("Läsion 1",)),
        ("Laesion 1", ("Läsion 1",)),
        ("bilobal", ("bilobar",)),
        ("ne", ("net",)),
        ("zzz", ()),
        ("", ()),
    ],
)
def test_the_names_that_another_may_stand_for(name: str, meant: tuple[str, ...]) -> None:
    assert alike(name, NAMES) == meant


def test_three_names_at_most_are_offered() -> None:
    assert did_you_mean("tumour", [f"Tumour {n}" for n in range(9)]) == (
        "; did you mean 'Tumour 0' or 'Tumour 1' or 'Tumour 2'?"
    )


def test_an_unknown_name_lists_the_others() -> None:
    said = str(unknown_name("intent", "lobar", ("lobectomy", "unilobar", "bilobar")))
    assert said == (
        "intent 'lobar' is unknown; choose one of lobectomy, unilobar, bilobar; "
        "did you mean 'unilobar' or 'bilobar'?"
    )
    said = str(unknown_name("device", "x", ("cpu", "cuda"), of="this machine"))
    assert said == "device 'x' of this machine is unknown; choose cpu or cuda"


@pytest.mark.parametrize(
    ("ask", "meant"),
    [
        (lambda: product("resin"), "resin-y90"),
        (lambda: nuclide("Y-90"), "y90"),
        (lambda: limits_for("resin-y90", "NET", "bilobar"), "net"),
        (lambda: limits_for("resin-y90", "net", "Bi-lobar"), "bilobar"),
        (lambda: planning_models.create("partiton"), "partition"),
        (lambda: dose_engines.create("Monte Carlo"), "monte-carlo"),
        (lambda: engine_names("local,montecarlo"), "monte-carlo"),
        (lambda: require_role("tumor"), "tumour"),
        (lambda: tissue("Liver"), "liver"),
        (lambda: hu_conversion("Schneider"), "schneider"),
        (lambda: dose_constant("y90", "ICRP107"), "icrp107"),
        (lambda: make_phantom("NEMA"), "nema-like"),
        (lambda: parse_unit("Bq/ml"), "Bq/mL"),
    ],
)
def test_every_list_of_names_says_which_may_be_meant(ask, meant: str) -> None:
    with pytest.raises((UnknownNameError, UnitMismatchError), match=rf"did you mean '{meant}"):
        ask()
