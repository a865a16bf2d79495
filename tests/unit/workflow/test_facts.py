"""Where shunt, lung mass and density of a case come from: decided, measured, stated, assumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from opensirt.case import Assumptions, Case, StudyImage
from opensirt.errors import CaseError, InputError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.quantify import liver_compartments
from opensirt.quantify.shunt import LungShunt
from opensirt.units import Unit
from opensirt.workflow import setting as module
from opensirt.workflow.setting import Setting, _mass, _refuse_cut, _shunt, make_setting
from opensirt.workflow.study import prepare_case
from tests.unit.quantify.samples import block

GRID = Grid.regular((10, 10, 12), (20.0, 20.0, 10.0), (-50.0, 70.0, 900.0))
"""Voxels of 4 mL: a liver of 1440 mL, and lungs of 240 mL above it that share a slice with it."""
LIVER = block("liver", "liver", (2, 8), (2, 8), (1, 11), grid=GRID)
RIGHT = block("right", "perfused", (2, 8), (2, 8), (6, 11), grid=GRID)
LUNGS = block("lungs", "lungs", (7, 9), (2, 8), (1, 11), grid=GRID)
CUT = Finding("warn", "shunt-region-cut", "The lungs reach the edge.", "assumption")


def case(*, with_ct: bool = True, lungs: bool = True, hu: float = 50.0, **known) -> Case:
    """Counts: 3 in perfused liver, 1 in the rest of it, 0.5 in the lungs."""
    counts = np.zeros(GRID.shape, np.float32)
    for region, value in ((LUNGS, 0.5), (LIVER, 1.0), (RIGHT, 3.0)):
        counts[region.box] = value
    ct = StudyImage("ct", Volume(np.full(GRID.shape, hu, np.float32), GRID, Unit.HU), "CT")
    spect = StudyImage("planning-activity", Volume(counts, GRID, Unit.COUNTS), "SPECT")
    regions = Regions((LIVER, RIGHT, *((LUNGS,) if lungs else ())))
    images = (ct, spect) if with_ct else (spect,)
    return Case(id="a", images=images, regions=regions, assumptions=Assumptions(**known))


def decided(**values: float) -> dict:
    return {**values, "decided": frozenset(values)}


def made(of: Case) -> Setting:
    return make_setting(prepare_case(of))


@pytest.fixture
def measured(monkeypatch):
    """A shunt of 7 % on the image, with a finding."""
    found = LungShunt(0.07, 7.0, 93.0, "counts", (CUT,))
    monkeypatch.setattr(module, "measure_lung_shunt", lambda *_: found)


def shunt(of: Case, lungs: Region | None = LUNGS):
    """The fraction and its source, findings, and assumptions."""
    findings, assumed = [], []
    return (
        _shunt(of, liver_compartments(of.regions), lungs, (), findings, assumed),
        findings,
        assumed,
    )


@pytest.mark.usefixtures("measured")
def test_a_shunt_given_for_this_plan_comes_before_the_measured_one():
    given = case(**decided(lung_shunt_fraction=0.03))
    found, (finding,), assumed = shunt(given)
    assert found == (0.03, "given for this plan")
    assert (finding.severity, finding.code) == ("note", "lung-shunt-decided")
    assert finding.text == (
        "The image shows a lung shunt of 7.0 %; 3.0 % was given for this plan and is used."
    )
    assert assumed == []
    assert shunt(given, None) == ((0.03, "given for this plan"), [], [])


@pytest.mark.usefixtures("measured")
def test_a_measured_shunt_comes_before_a_stated_one_with_what_it_found():
    other = case(lung_shunt_fraction=0.03, **decided(lung_mass_g=900.0))
    assert shunt(other) == ((0.07, "measured: counts"), [CUT], [])


def test_a_stated_shunt_is_an_assumption_and_none_stops():
    assert shunt(case(lung_shunt_fraction=0.03), None) == (
        (0.03, "as stated in the study, not measured here"), [],
        ["Lung shunt fraction 0.03, as stated in the study; not measured here."],
    )  # fmt: skip
    with pytest.raises(CaseError, match="the lung shunt is not known"):
        shunt(case(), None)


def test_the_shunt_is_of_all_the_liver_and_of_lungs_beside_it():
    """60 voxels of lung alone with 0.5: 30 counts; liver 180 with 3 and 180 with 1: 720."""
    found = made(case(lung_mass_g=900.0)).lung
    assert found.shunt_fraction == pytest.approx(30.0 / 750.0)
    assert found.shunt_source == "measured: SPECT counts in lungs and liver"


def test_a_lung_mass_is_needed_where_there_is_a_shunt():
    findings, assumed = [], []
    assert _mass(case(), None, 0.0, findings, assumed) == (1000.0, "not needed: no shunt")
    with pytest.raises(CaseError, match="the lung mass is not known"):
        _mass(case(), None, 0.001, findings, assumed)
    assert _mass(case(lung_mass_g=870.0), None, 0.0, findings, assumed)[0] == 870.0
    assert assumed == ["Lung mass 870 g, as stated in the study; not measured here."]
    assert findings == []


def test_the_mass_of_whole_lungs_is_that_of_their_density_on_the_ct():
    """480 mL at -700 HU are 144 g; stated grams do not count then, those given for this plan do."""
    thin = case(hu=-700.0, lung_mass_g=870.0)
    findings, assumed = [], []
    mass_g, source = _mass(thin, LUNGS, 0.05, findings, assumed)
    assert mass_g == pytest.approx(144.0, rel=1e-5)
    assert source == "measured: CT density in the lungs"
    given = case(hu=-700.0, **decided(lung_mass_g=870.0))
    assert _mass(given, LUNGS, 0.05, findings, assumed) == (870.0, "given for this plan")
    (said,) = findings
    assert (said.severity, said.code) == ("warn", "lung-mass-decided")
    assert said.text == "The CT shows lungs of 144 g; 870 g were given and are used."
    near = case(hu=-700.0, **decided(lung_mass_g=170.0))
    findings.clear()
    assert _mass(near, LUNGS, 0.05, findings, assumed)[0] == 170.0
    assert [(f.severity, f.code) for f in findings] == [("note", "lung-mass-decided")]
    findings.clear()
    cut = block("lungs", "lungs", (7, 10), (2, 8), (1, 11), grid=GRID)
    mass_g, source = _mass(case(hu=-500.0), cut, 0.05, findings, assumed)
    assert mass_g == pytest.approx(360.0, rel=1e-5)
    assert source == "measured: CT density, part of the lungs only"
    assert [f.code for f in findings] == ["lung-mass-partial"]


def test_a_piece_of_the_lungs_has_no_mass_to_plan_with():
    """720 mL at -700 HU are 216 g, at -590 HU 295 g: less than any lungs weigh."""
    cut = block("lungs", "lungs", (7, 10), (2, 8), (1, 11), grid=GRID)
    for hu, grams in ((-700.0, "216 g"), (-590.0, "295 g")):
        with pytest.raises(
            CaseError, match=f"the images show {grams} of the lungs, which weigh 300"
        ):
            _mass(case(hu=hu), cut, 0.05, [], [])
    assert _mass(case(hu=-700.0), cut, 0.0, [], [])[0] == pytest.approx(216.0, rel=1e-5)
    given = case(hu=-700.0, lung_mass_g=870.0)
    assert _mass(given, cut, 0.05, [], [])[0] == 870.0


def test_a_density_beside_a_ct_is_not_used_and_that_is_said():
    both = made(case(**decided(density_g_ml=1.2)))
    assert [f.severity for f in both.findings if f.code == "density-from-ct"] == ["note"]
    assert both.assumptions == ()
    stated = made(case(density_g_ml=1.2))
    assert not [f for f in stated.findings if f.code.startswith("density")]
    for found in (both, stated):
        assert found.compartments.whole_liver.mean_of(found.density) < 1.1


def test_one_density_for_all_is_said_and_is_an_assumption():
    found = made(case(with_ct=False, density_g_ml=1.07, lung_mass_g=900.0))
    (finding,) = [f for f in found.findings if f.code == "density-assumed"]
    text = "There is no CT: density 1.07 g/mL everywhere."
    assert (finding.severity, finding.text) == (
        "warn", f"{text} Masses follow it, and doses inversely."
    )  # fmt: skip
    assert found.assumptions[0] == text
    assert found.lung_tissue is None
    assert (found.lung.mass_g, found.lung.mass_source[:9]) == (900.0, "as stated")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"density_g_ml": 0.05, "with_ct": False}, "the tissue density must be from"),
        ({"density_g_ml": 1.3, "with_ct": False}, "the mean density of the liver must be from"),
        ({"hu": -300.0}, "the mean density of the liver must be from"),
    ],
)
def test_a_density_of_no_liver_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        made(case(lung_mass_g=900.0, **change))


def lesion_of(seen: int):
    """A lesion of 40 voxels of which so many are seen, none of them viable."""
    grid = Grid.regular((1, 1, 100), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
    spot = block("T1", "tumour", (0, 1), (0, 1), (0, seen), grid=grid)
    organ = block("liver", "liver", (0, 1), (0, 1), (0, 100), grid=grid)
    dead = block("dead", "necrosis", (0, 1), (0, 1), (0, 40), grid=grid)
    return liver_compartments(Regions((organ, spot, dead)))


def test_a_lesion_more_than_half_outside_the_image_is_refused_dead_or_not():
    _refuse_cut(lesion_of(40), lesion_of(20))
    with pytest.raises(CaseError, match=r"covers 48 % of the lesion 'T1', needed are 50 %"):
        _refuse_cut(lesion_of(40), lesion_of(19))


def cut(of: Case, columns: slice) -> Case:
    """The case with a CT of these columns alone."""
    ct = of.image("ct")
    part = replace(ct, volume=ct.volume.crop((slice(0, 10), slice(0, 10), columns)))
    return replace(of, images=(part, of.activity_image))


def test_a_ct_that_misses_liver_outside_the_perfused_part_is_refused() -> None:
    """Columns 2 to 11 of 12 hold nine of ten columns of the liver, and all that is perfused."""
    with pytest.raises(CaseError, match="the CT covers 90 % of the liver, needed are 97 %"):
        made(cut(case(lung_mass_g=900.0), slice(2, 12)))


def test_a_ct_that_misses_a_little_liver_is_a_warning_with_the_share() -> None:
    """One voxel of 361 is outside; 83 of 833 counts are then put where there is no CT."""
    speck = block("liver", "liver", (2, 3), (2, 3), (0, 1), grid=GRID)
    liver = replace(LIVER | speck, name="liver")
    of = case(lung_mass_g=900.0)
    of = replace(of, regions=Regions((liver, RIGHT, LUNGS)))
    found = made(cut(of, slice(1, 12)))
    (finding,) = [f for f in found.findings if f.code == "ct-does-not-cover"]
    assert finding.text.startswith("The CT covers 99.7 % of region 'whole liver'")
    assert not [f for f in found.findings if f.code == "activity-without-density"]
    spect = of.activity_image
    counts = spect.volume.values.copy()
    counts[0, 0, 0] = 83.0
    hot = replace(spect, volume=spect.volume.with_values(counts))
    of = replace(of, images=(of.image("ct"), hot))
    found = made(cut(of, slice(1, 12)))
    (finding,) = [f for f in found.findings if f.code == "activity-without-density"]
    assert finding.severity == "warn"
    assert finding.text.startswith("10.0 % of the activity in the image lies outside the CT")
