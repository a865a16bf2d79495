"""Registry, findings, provenance and case: small things everything else leans on."""

import hashlib

import numpy as np
import pytest

import opensirt
from opensirt.case import Case, StudyImage
from opensirt.errors import CaseError, OpenSirtError, UnknownNameError
from opensirt.findings import Finding, worst_severity
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
