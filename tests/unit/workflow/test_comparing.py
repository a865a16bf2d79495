"""Several engines on one map: who runs, in which order, under which names."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.dose.engine import dose_engines
from opensirt.errors import DoseMapError, InputError, RegionError, UnknownNameError
from opensirt.findings import Finding
from opensirt.image import Grid, Region, Regions, Volume
from opensirt.report.engines import ComparisonPage
from opensirt.units import Unit
from opensirt.workflow import comparing, dosing
from opensirt.workflow import engines as checking
from opensirt.workflow.comparing import _paths, _within, engine_names
from opensirt.workflow.dosing import Dosing, error_path

NAMES = ("voxel-superposition", "monte-carlo", "local", "voxel-convolution")


def test_engines_run_as_asked_and_monte_carlo_last(monkeypatch):
    monkeypatch.setattr(dose_engines, "names", lambda: NAMES)
    assert engine_names("all") == (*NAMES[:1], *NAMES[2:], "monte-carlo")
    assert engine_names("monte-carlo, voxel-convolution,local") == (
        "voxel-convolution", "local", "monte-carlo",
    )  # fmt: skip
    for words in ("local", "local,local", ","):
        with pytest.raises(InputError, match="a comparison needs at least two engines"):
            engine_names(words)
    with pytest.raises(UnknownNameError, match="dose engine 'gpu' is unknown; choose among voxel-"):
        engine_names("local,gpu")


def test_each_file_has_the_name_of_what_is_in_it():
    found = _paths(Path("a/dose.v2.nii.gz"), ("local", "monte-carlo"))
    assert {name: path.name for name, path in found.items()} == {
        "local": "dose.v2-local.nii.gz",
        "monte-carlo": "dose.v2-monte-carlo.nii.gz",
        "relative error": "dose.v2-monte-carlo-relative-error.nii.gz",
        "comparison json": "dose.v2-comparison.json",
        "comparison html": "dose.v2-comparison.html",
        "comparison png": "dose.v2-comparison.png",
    }
    assert {path.parent for path in found.values()} == {Path("a")}
    assert "relative error" not in _paths(Path("d.nii"), ("local", "voxel-convolution"))
    assert error_path(Path("a/D.NII")) == Path("a/D-relative-error.nii")


def test_the_bar_of_one_engine_is_a_part_of_the_whole():
    said = []
    step = _within(lambda what, done: said.append((what, done)), "local", 0.4, 0.2)
    step("rays", 0.5)
    assert said == [("local: rays", pytest.approx(0.5))]
    of_run = checking._within(lambda what, done: said.append((what, done)), 0.5, 4)
    of_run("rays", 0.5)
    assert said[1] == ("rays", pytest.approx(0.625))


@pytest.mark.parametrize(
    ("used", "every", "run", "compared"),
    [
        ("local", False, ["voxel-superposition", "voxel-convolution"], 2),
        ("voxel-convolution", False, ["voxel-superposition"], 2),
        ("voxel-superposition", False, None, 0),
        ("monte-carlo", False, None, 0),
        ("local", True, ["voxel-superposition", "voxel-convolution", "monte-carlo"], 4),
        ("monte-carlo", True, ["voxel-superposition", "local", "voxel-convolution"], 4),
    ],
)
def test_a_dose_is_checked_by_the_engines_that_see_what_it_does_not(
    used, every, run, compared, monkeypatch
):
    """The plain convolution tells density from reach for local; it is no engine compared."""
    grid = Grid.regular((1, 1, 1), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
    dose = Volume(np.ones(grid.shape, np.float32), grid, Unit.GY)
    asked = []

    def calculate(name, *_):
        asked.append(name)
        return Dosing(dose, None, {})

    monkeypatch.setattr(dose_engines, "names", lambda: NAMES)
    monkeypatch.setattr(checking, "calculate", calculate)
    monkeypatch.setattr(checking, "make_setting", lambda _: SimpleNamespace(density=None))
    nuclide = dosing.nuclide("y90")
    check = checking.check_engines(
        None, dose, checking.EngineDose(used, dose), nuclide, every=every
    )
    if run is None:
        assert check is None
        return
    assert asked == run
    assert check.is_full is every
    assert check.doses[0].engine == used
    assert len(check.doses) == compared
    assert (check.plain is not None) is (used == "local" and not every)
    assert check.reach_mm > 5.0


def test_only_a_difference_of_density_alone_matters(monkeypatch):
    """Of three regions one differs, one is uncertain, one agrees."""
    rows = [SimpleNamespace(name=v, verdict=v) for v in ("differs", "uncertain", "agrees")]
    told = []

    def compare(pair, *_, **words):
        told.append(([d.engine for d in pair], words))
        return SimpleNamespace(of=lambda _: rows)

    monkeypatch.setattr(checking, "compare_doses", compare)
    local, plain, aware = (
        SimpleNamespace(engine=name)
        for name in ("local", "voxel-convolution", "voxel-superposition")
    )
    check = checking.EngineCheck((local, aware), False, 11.0, plain=plain)
    assert checking._where_density_matters(check, None, Regions()) == frozenset(("differs",))
    assert told == [(["voxel-convolution", "voxel-superposition"], {"with_gamma": False})]


def test_a_section_on_request_judges_the_engine_in_use(monkeypatch):
    """All is shown where it was asked for; unasked, findings on density and a table with them."""
    told = {}
    found = SimpleNamespace(reference="monte-carlo", as_dict=lambda: {"a": 1})

    def compare(doses, *_, **words):
        told.update(words)
        return found

    def judge(of, judged=None):
        told["judged"] = judged
        return ("disagreement",)

    for name, made in (
        ("compare_doses", compare),
        ("disagreement_findings", judge),
        ("density_findings", lambda of, used, varied: tuple(varied)),
        ("difference_picture", lambda doses, reference, *_: ("picture", reference)),
        ("comparison_table", lambda of: "table"),
        ("_where_density_matters", lambda check, *_: check.reach_mm),
    ):
        monkeypatch.setattr(checking, name, made)
    doses = (SimpleNamespace(engine="local"), SimpleNamespace(engine="monte-carlo"))
    asked = checking.engine_section(checking.EngineCheck(doses, True), None, Regions())
    assert told == {"with_gamma": True, "judged": "local"}
    assert (asked.findings, asked.block) == (("disagreement",), {"a": 1})
    assert (asked.table, asked.picture) == ("table", ("picture", "monte-carlo"))
    for matters, table in ((("lungs",), "table"), ((), None)):
        check = checking.EngineCheck(doses, False, reach_mm=matters)
        unasked = checking.engine_section(check, None, Regions())
        assert told["with_gamma"] is False
        assert (unasked.findings, unasked.table, unasked.picture) == (matters, table, None)
        assert unasked.block == {"a": 1}


@pytest.mark.parametrize("with_regions", [False, True])
def test_the_record_of_a_comparison_names_every_file_that_went_in(with_regions, monkeypatch):
    """Regions of a file replace those by density, for the errors of the means and for the page."""
    asked, written = {}, {}
    maps = (SimpleNamespace(grid="grid", total=lambda: 5e10), "mass", dosing.nuclide("y90"))
    drawn = Regions()
    page = ComparisonPage("t", (), (Finding("note", "x", "So."),), (), None)  # type: ignore[arg-type]

    def run(name, source, mass, of, options, step, known):
        asked[name] = (source, mass, options, known)
        step("going", 0.5)
        return Dosing("dose", None, {"engine": name})

    def judge(doses, mass, regions, made, say):
        asked["judged"] = ([d.engine for d in doses], mass, regions)
        return SimpleNamespace(as_dict=lambda: {"c": 1}), page

    for name, made in (
        ("read_maps", lambda *words: asked.update(read=words) or maps),
        ("calculate", run),
        ("_judge", judge),
        ("_regions", lambda path, source: drawn),
        ("density_classes", lambda mass: "classes"),
        ("hash_file", lambda path: f"hash of {path.name}"),
        ("_write", lambda paths, inputs, made, page, data: written.update(data)),
    ):
        monkeypatch.setattr(comparing, name, made)
    said = []
    done = comparing.compare_from_files(
        Path("a.nii"), density=None, ct=Path("ct.nii"), nuclide_name="y90",
        engine="local,voxel-convolution", to=Path("out/d.nii.gz"),
        regions=Path("r.nii") if with_regions else None, dose_constant=49.38,
        activity_unit="kBq/mL",
        step=lambda what, part: said.append((what, part)),
    )  # fmt: skip
    assert asked["read"] == (Path("a.nii"), None, Path("ct.nii"), "y90", 49.38, "kBq/mL")
    known = drawn if with_regions else "classes"
    assert asked["local"] == (maps[0], "mass", None, known)
    expected = drawn if with_regions else None
    assert asked["judged"] == (["local", "voxel-convolution"], "mass", expected)
    names = {"activity": "a.nii", "ct": "ct.nii"} | ({"regions": "r.nii"} if with_regions else {})
    hashes = {role: f"hash of {name}" for role, name in names.items()}
    assert written["provenance"]["inputs"] == hashes
    assert done.result["regions_from"] == ("regions" if with_regions else "density and dose")
    assert done.result["engines"]["local"] == {"engine": "local", "out": "out/d-local.nii.gz"}
    assert done.result["comparison"] == {"c": 1}
    assert [f["code"] for f in done.result["findings"]] == ["map-activity-implausible", "x"]
    assert said == [
        ("local", 0.0), ("local: going", pytest.approx(0.2125)),
        ("voxel-convolution", pytest.approx(0.425)),
        ("voxel-convolution: going", pytest.approx(0.6375)),
    ]  # fmt: skip


GRID = Grid.regular((2, 2, 2), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))


def part(name: str, on: Grid = GRID) -> Region:
    return Region.from_mask(name, "liver", np.ones(on.shape, np.float32), on)


def test_regions_of_a_file_are_those_that_lie_on_the_map(monkeypatch):
    away = Grid.regular((2, 2, 2), (3.0, 3.0, 3.0), (900.0, 0.0, 0.0))
    source = Volume(np.ones(GRID.shape, np.float32), GRID, Unit.BQ_PER_ML)
    both, far = (part("here"), part("far", away)), (part("far", away),)
    monkeypatch.setattr(comparing, "read_regions", lambda path, on: (both, ()))
    assert [r.name for r in comparing._regions(Path("r.nii"), source)] == ["here"]
    monkeypatch.setattr(comparing, "read_regions", lambda path, on: (far, ()))
    with pytest.raises(RegionError, match=r"no region of r\.nii lies on the activity map"):
        comparing._regions(Path("r.nii"), source)


@pytest.mark.parametrize("drawn", [None, Regions((part("liver"),))], ids=["density", "drawn"])
def test_the_page_of_a_comparison_judges_and_outlines_the_regions_given(drawn, monkeypatch):
    """Without them the reference's dose and the density make regions, and nothing is outlined."""
    asked, said = {}, []
    found = SimpleNamespace(reference="voxel-superposition", engines=("local", "x"))

    def compare(doses, mass, regions, *, step):
        asked["judged"] = regions
        step("comparing local", 0.5)
        return found

    def picture(doses, reference, mass, regions):
        asked["outlined"] = (reference, [r.name for r in regions])
        return "picture"

    for name, made in (
        ("compare_doses", compare),
        ("density_regions", lambda mass, dose: ("by density and", dose)),
        ("difference_picture", picture),
        ("facts_of", lambda of, facts: facts),
        ("disagreement_findings", lambda of: ("finding",)),
        ("comparison_table", lambda of: "all"),
        ("engine_table", lambda of, engine: engine),
    ):
        monkeypatch.setattr(comparing, name, made)
    made = {
        name: Dosing(f"dose of {name}", None, {"name": name})
        for name in ("local", "voxel-superposition")
    }
    comparison, page = comparing._judge(
        (), "mass", drawn, made, lambda what, done: said.append((what, done))
    )
    assert comparison is found
    by_density = ("by density and", "dose of voxel-superposition")
    assert asked["judged"] == (drawn or by_density)
    assert asked["outlined"] == ("voxel-superposition", [] if drawn is None else ["liver"])
    assert (page.title, page.findings) == ("Dose engines on one activity map", ("finding",))
    assert page.tables == ("all", "local", "x")
    assert page.facts == {name: {"name": name} for name in made}
    assert page.picture == "picture"
    assert said == [("comparing local", pytest.approx(0.91)), ("drawing", pytest.approx(0.97))]


@pytest.mark.parametrize(
    ("refused", "failed"), [("voxel-convolution", False), ("voxel-superposition", True)]
)
def test_only_the_engine_that_sees_density_is_missed(refused, failed, monkeypatch):
    """Without the plain convolution the check goes on; without the other there is none."""
    dose = Volume(np.ones(GRID.shape, np.float32), GRID, Unit.GY)

    def calculate(name, *_):
        if name == refused:
            raise DoseMapError(f"{name} is impossible")
        return Dosing(dose, None, {})

    monkeypatch.setattr(dose_engines, "names", lambda: NAMES)
    monkeypatch.setattr(checking, "calculate", calculate)
    monkeypatch.setattr(checking, "make_setting", lambda _: SimpleNamespace(density=None))
    used = checking.EngineDose("local", dose)
    check = checking.check_engines(None, dose, used, dosing.nuclide("y90"))
    assert bool(check.failure) is failed
    assert [d.engine for d in check.doses] == (
        ["local"] if failed else ["local", "voxel-superposition"]
    )
    assert check.plain is None
