"""Registry, findings, provenance and case: small things everything else leans on."""

import hashlib
import importlib.util
import os
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import numba
import numpy as np
import pytest

import opensirt
from opensirt import provenance, units
from opensirt.backend import compiled_kernels, gpu_status, thread_count
from opensirt.case import Case, StudyImage
from opensirt.errors import CaseError, InputError, OpenSirtError, UnknownNameError
from opensirt.findings import Finding, percent, worst_severity
from opensirt.image import Grid, Volume
from opensirt.provenance import Provenance, hash_file
from opensirt.registry import Registry
from opensirt.units import Unit


def image(role: str, label: str) -> StudyImage:
    grid = Grid.regular((2, 2, 2), (1, 1, 1))
    return StudyImage(role, Volume(np.zeros((2, 2, 2)), grid, Unit.COUNTS), label)


def test_an_unknown_name_lists_what_is_known():
    registry: Registry[str] = Registry("colour", "opensirt.dose.engines")
    registry._loaded = True
    registry.register("red")(lambda: "#f00")
    assert registry.create("red") == "#f00"
    with pytest.raises(UnknownNameError, match="colour 'blue' is unknown; choose one of red"):
        registry.create("blue")
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("red")(lambda: "#e00")


def test_every_deliberate_error_is_an_opensirt_error():
    assert issubclass(UnknownNameError, OpenSirtError)
    assert issubclass(CaseError, OpenSirtError)


def test_the_worst_finding_wins():
    note, stop = Finding("note", "a", "A."), Finding("stop", "b", "B.", "weber2022")
    assert worst_severity((note, stop)) == "stop"
    assert worst_severity(()) is None
    assert stop.as_dict()["source"] == "weber2022"


def test_provenance_adds_and_never_loses(tmp_path):
    first = Provenance(inputs={"ct": "aa"}, citations=("kao2013",))
    second = first.adding(inputs={"spect": "bb"}, citations=("kao2013", "weber2022"))
    assert dict(second.inputs) == {"ct": "aa", "spect": "bb"}
    assert second.citations == ("kao2013", "weber2022")
    assert second.as_dict()["versions"]["opensirt"] == opensirt.__version__
    (tmp_path / "f").write_bytes(b"beads")
    assert hash_file(tmp_path / "f") == hashlib.sha256(b"beads").hexdigest()


def test_a_case_gives_the_one_image_or_says_what_it_has():
    case = Case("c1", images=(image("ct", "liver"), image("planning-activity", "MAA")))
    assert case.image("ct").label == "liver"
    assert case.activity_image.label == "MAA"
    with pytest.raises(CaseError, match="expected one image with role 'mr', found no"):
        case.image("mr")
    with pytest.raises(CaseError, match="expected a region with role 'liver', found none"):
        case.region("liver")
    with pytest.raises(UnknownNameError, match="image role 'pet' is unknown"):
        image("pet", "x")


def test_findings_are_kept_once():
    finding = Finding("warn", "x", "X.")
    assert Case("c").with_findings(finding, finding).findings == (finding,)


def test_the_package_offers_the_seven_verbs():
    assert set(opensirt.__all__) >= {"read_case", "make_plan", "compute_dose", "write_results"}
    with pytest.raises(AttributeError, match="no attribute 'spleen'"):
        _ = opensirt.spleen


def test_severities_rise_from_note_to_warn_to_stop():
    note, warn, stop = (Finding(kind, kind, "X.") for kind in ("note", "warn", "stop"))
    assert worst_severity((note, warn)) == "warn"
    assert worst_severity((warn, note)) == "warn"
    assert worst_severity((stop, warn, note)) == worst_severity((note, warn, stop)) == "stop"
    assert worst_severity((note,)) == "note"


def test_percent_has_the_digits_asked_for():
    assert (percent(0.25), percent(0.0449), percent(1.5)) == ("25 %", "4 %", "150 %")
    assert (percent(0.0449, 1), percent(0.04494, 2)) == ("4.5 %", "4.49 %")


def test_factors_of_units_are_those_of_the_definitions():
    """1 Ci is 3.7e10 Bq, 1 eV is 1.602176634e-19 J, a day has 86400 s."""
    assert units.MBQ_PER_MCI * units.BQ_PER_MBQ == 3.7e10 * 1e-3
    assert pytest.approx(1.602176634e-19 * 1e6, rel=1e-15) == units.JOULE_PER_MEV
    assert units.SECONDS_PER_DAY == 24 * units.SECONDS_PER_HOUR == 86400
    assert units.BQ_PER_GBQ == 1000 * units.BQ_PER_MBQ == 1e9
    assert (units.MM_PER_CM, units.CM_PER_M, units.G_PER_KG) == (10, 100, 1000)
    assert pytest.approx(1.0) == units.ML_PER_MM3 * units.MM_PER_CM**3
    assert [unit.is_extensive for unit in Unit] == [unit is Unit.COUNTS for unit in Unit]


def test_provenance_keeps_earlier_inputs_options_sources_and_assumptions():
    record = Provenance().adding({"ct": "aa"}, {"model": "mird"}, ("kao2013",), ("no CT",))
    more = record.adding({"pet": "bb"}, {"engine": "local"}, ("weber2022",), ("no shunt",))
    assert dict(more.inputs) == {"ct": "aa", "pet": "bb"}
    assert dict(more.options) == {"model": "mird", "engine": "local"}
    assert more.citations == ("kao2013", "weber2022")
    assert more.assumptions == ("no CT", "no shunt")
    nothing = more.adding()
    assert nothing == more


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_threads_is_a_whole_one_above_zero(text, monkeypatch):
    monkeypatch.setenv("OPENSIRT_THREADS", text)
    with pytest.raises(InputError, match=f"must be a whole number above 0, got '{text}'"):
        thread_count()
    monkeypatch.setenv("OPENSIRT_THREADS", "3")
    assert thread_count() == 3


def test_the_image_after_treatment_comes_before_that_of_planning():
    plan, given = image("planning-activity", "MAA"), image("treatment-activity", "PET")
    for images in ((plan, given), (given, plan)):
        case = Case("c1", images=images)
        assert (case.activity_image.label, case.is_treated) == ("PET", True)
    assert not Case("c1", images=(plan,)).is_treated


def test_an_option_stated_later_takes_the_place_of_the_earlier():
    """A record holds what was used: the last word on each input and option."""
    first = Provenance(inputs={"ct": "aa", "pet": "cc"}, options={"engine": "local", "seed": 1})
    later = first.adding({"ct": "bb"}, {"engine": "monte-carlo"})
    assert dict(later.inputs) == {"ct": "bb", "pet": "cc"}
    assert dict(later.options) == {"engine": "monte-carlo", "seed": 1}
    assert dict(first.options) == {"engine": "local", "seed": 1}
    record = later.adding(citations=("kao2013",), assumptions=("no CT",)).as_dict()
    assert (record["inputs"], record["options"]) == (dict(later.inputs), dict(later.options))
    assert (record["citations"], record["assumptions"]) == (["kao2013"], ["no CT"])
    written = datetime.fromisoformat(record["created"])
    assert abs((datetime.now(UTC) - written).total_seconds()) < 60


def test_packages_that_are_not_installed_are_said_to_be_so(monkeypatch):
    def version(name):
        if name == "numba":
            raise PackageNotFoundError(name)
        return f"{name} 1"

    monkeypatch.setattr(provenance, "version", version)
    found = provenance.package_versions()
    assert found["numba"] == "not installed as a package"
    assert found["SimpleITK"] == "SimpleITK 1"
    assert set(found) == {
        "python", "opensirt", "numpy", "scipy", "numba", "SimpleITK", "pydicom", "highdicom",
        "nibabel",
    }  # fmt: skip


def test_threads_are_the_cores_that_this_process_may_use(monkeypatch):
    monkeypatch.delenv("OPENSIRT_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: {0, 3, 5}, raising=False)
    assert thread_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert thread_count() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert thread_count() == 1
    monkeypatch.setenv("OPENSIRT_THREADS", "1")
    assert thread_count() == 1


def test_a_registry_looks_through_its_package_once_and_hands_on_options():
    engines: Registry[object] = Registry("colour", "opensirt.dose.engines")
    engines._loaded = True
    engines.register("red")(lambda **options: options)
    engines.register("blue")(lambda **options: options)
    assert engines.names() == ["blue", "red"]
    assert engines.create("red", depth=3, wide=True) == {"depth": 3, "wide": True}


def test_units_are_written_and_read_by_the_same_text():
    assert {unit: units.parse_unit(unit.value) for unit in Unit} == {unit: unit for unit in Unit}
    assert [unit.value for unit in Unit] == [
        "Bq/mL", "counts", "Gy", "g/mL", "HU", "1", "arbitrary",
    ]  # fmt: skip


def cuda(**more):
    """What numba offers where there is a device, or where a call of it fails."""
    device = SimpleNamespace(name=b"H200", compute_capability=(9, 0))
    facts = {"is_available": lambda: True, "get_current_device": lambda: device, **more}
    return SimpleNamespace(**facts)


def failing():
    raise RuntimeError("driver too old")


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (
            cuda(),
            {"mode": "gpu", "available": True, "device": "H200", "compute_capability": "9.0"},
        ),
        (
            cuda(is_available=lambda: False),
            {"mode": "none", "available": False, "reason": "no CUDA driver or device found"},
        ),
        (
            cuda(get_current_device=failing),
            {"mode": "none", "available": False, "reason": "RuntimeError: driver too old"},
        ),
    ],
)
def test_a_device_is_named_or_what_is_missing(monkeypatch, offered, expected):
    monkeypatch.setattr(numba.config, "ENABLE_CUDASIM", False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(numba, "cuda", offered, raising=False)
    assert gpu_status() == expected


def test_a_simulator_and_a_missing_package_are_no_device(monkeypatch):
    monkeypatch.setattr(numba.config, "ENABLE_CUDASIM", False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = gpu_status()
    assert (found["mode"], found["reason"]) == (
        "none", "numba-cuda is not installed: pip install 'opensirt[gpu]'"
    )  # fmt: skip
    monkeypatch.setattr(numba.config, "ENABLE_CUDASIM", True)
    found = gpu_status()
    assert (found["mode"], found["available"]) == ("simulator", False)


@pytest.mark.parametrize(("factor", "works"), [(3.0, True), (2.0, False)])
def test_a_compiled_kernel_must_give_the_right_number(monkeypatch, factor, works):
    monkeypatch.setattr(numba, "njit", lambda law: lambda value: factor * value)
    assert compiled_kernels() == {"works": works, "numba": numba.__version__}
    monkeypatch.setattr(numba, "njit", lambda law: failing())
    assert compiled_kernels() == {"works": False, "error": "RuntimeError: driver too old"}
