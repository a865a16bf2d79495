"""A real Tc-99m-MAA SPECT: volumes, counts and ratios against the figures measured on the data.

Figures: README of the shared data (liver 1726 mL with 60 % of the counts, perfused volume 1082 mL
with 57 %, tumour-to-normal 1437/322 and 1209/322). Tolerance 1.5 %: moving regions to the SPECT
grid shifts them by about 1 %.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from opensirt.image import Regions, Volume
from opensirt.io.slicer import read_nrrd, read_nrrd_regions
from opensirt.quantify import (
    LiverCompartments,
    liver_compartments,
    patient_relative_activity,
    tumour_to_normal,
)
from opensirt.units import Unit
from tests.paths import SHARED, needs_shared

pytestmark = needs_shared
FOLDER = SHARED / "data" / "maa-spect-liver"
ROLES = {
    "liver": "liver",
    "gallbladder": "gallbladder",
    "Tumor 1": "tumour",
    "Tumor 2": "tumour",
    "perfused volume": "perfused",
}


@pytest.fixture(scope="module")
def image() -> Volume:
    values, grid = read_nrrd(FOLDER / "patient_2_SPECT.nrrd")
    return Volume(values, grid, Unit.COUNTS, "tc99m")


@pytest.fixture(scope="module")
def compartments(image: Volume) -> LiverCompartments:
    found = read_nrrd_regions(FOLDER / "patient_2_Segmentation.seg.nrrd")
    known = [replace(r, role=ROLES[r.name]).onto(image.grid) for r in found if r.name in ROLES]
    return liver_compartments(Regions(tuple(known)))


def test_volumes(compartments: LiverCompartments) -> None:
    assert compartments.whole_liver.volume_ml == pytest.approx(1726, rel=0.015)
    assert compartments.perfused.volume_ml == pytest.approx(1082, rel=0.015)
    assert [t.viable.volume_ml for t in compartments.lesions] == pytest.approx(
        [113, 129], rel=0.015
    )


def test_normal_liver_is_that_of_the_author(compartments: LiverCompartments) -> None:
    """The author's own "perfused normal" is 799.4 mL, "whole liver normal" 1443.3 mL."""
    assert compartments.perfused_normal.volume_ml == pytest.approx(799.4, rel=0.015)
    assert compartments.whole_normal.volume_ml == pytest.approx(1443.3, rel=0.015)


def test_counts(image: Volume, compartments: LiverCompartments) -> None:
    total = image.total()
    assert compartments.whole_liver.sum_of(image) / total == pytest.approx(0.60, abs=0.01)
    assert compartments.perfused.sum_of(image) / total == pytest.approx(0.57, abs=0.01)


def test_ratios(image: Volume, compartments: LiverCompartments) -> None:
    found = tumour_to_normal(image, compartments)
    assert [t.ratio for t in found.tumours] == pytest.approx([1437 / 322, 1209 / 322], rel=0.015)
    assert found.normal_mean * image.grid.voxel_volume_ml == pytest.approx(322, rel=0.015)


def test_activity_map(image: Volume, compartments: LiverCompartments) -> None:
    """All of the activity that stays is in the perfused volume; 40 % of the counts are no beads."""
    activity, summary = patient_relative_activity(
        image,
        compartments.perfused,
        lung_shunt_fraction=0.05,
        lungs=None,
        nuclide="y90",
        liver=compartments.whole_liver,
    )
    assert activity.total() == pytest.approx(0.95e9, rel=1e-6)
    assert summary.elsewhere_fraction == pytest.approx(0.40, abs=0.01)
