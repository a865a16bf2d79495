"""A mirrored, rotated or resampled patient gets the same regional doses (0.5 %)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from opensirt.case import Case
from opensirt.image import Grid
from opensirt.workflow import compute_dose, make_plan, prepare_case, quantify_activity
from tests.cases import moved, outlines, small_case

ENGINES = ("local", "voxel-convolution")
PARTS = ("perfused_normal", "whole_normal", "perfused")


def regional_doses(case: Case, engine: str) -> dict[str, float]:
    from opensirt.workflow.setting import make_setting

    prepared = prepare_case(case)
    activity = quantify_activity(prepared)
    plan = make_plan(prepared, activity, model="partition", product="resin-y90")
    dose = compute_dose(prepared, plan.scale(activity), engine=engine)
    setting = make_setting(prepared)
    parts = setting.compartments
    found = {name: getattr(parts, name).mean_of(dose) for name in PARTS}
    found |= {lesion.name: lesion.viable.mean_of(dose) for lesion in parts.lesions}
    assert setting.lungs is not None
    return found | {"lungs": setting.lungs.mean_of(dose), "activity": plan.activity_bq / 1e9}


@pytest.fixture(scope="module")
def reference() -> dict[str, dict[str, float]]:
    return {engine: regional_doses(small_case(), engine) for engine in ENGINES}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_patient_gets_mirrored_doses(reference, engine, axis):
    matrix = np.eye(4)
    matrix[axis, axis] = -1.0
    mirrored = regional_doses(moved(small_case(), matrix), engine)
    assert mirrored == pytest.approx(reference[engine], rel=5e-3)


@settings(max_examples=4, deadline=None)
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-300, 300)] * 3),
    st.sampled_from(ENGINES),
)
def test_a_patient_lying_elsewhere_gets_the_same_doses(reference, angles, shift_mm, engine):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix[:3, 3] = shift_mm
    assert regional_doses(moved(small_case(), matrix), engine) == pytest.approx(
        reference[engine], rel=5e-3
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_array_axes_in_another_order_change_nothing(reference, engine):
    """The same patient stored as sagittal slices, from right to left or left to right."""
    case = small_case()

    def turned(on: Grid) -> Grid:
        return Grid.from_matrix((on.shape[2], on.shape[0], on.shape[1]), on.matrix[:, [2, 0, 1, 3]])

    spect = case.image("planning-activity")
    volume = replace(
        spect.volume,
        values=spect.volume.values.transpose(2, 0, 1),
        grid=turned(spect.volume.grid),
    )
    case = replace(case, images=(case.image("ct"), replace(spect, volume=volume)))
    assert regional_doses(case, engine) == pytest.approx(reference[engine], rel=5e-3)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spacing_mm", [(2.0, 4.0, 4.0), (4.0, 2.5, 2.5)])
def test_outlines_and_ct_drawn_on_another_grid_change_little(reference, engine, spacing_mm):
    """Outlines and CT on other voxels, the activity image as it was."""
    case = small_case()
    on = case.image("ct").volume.grid
    extent = [n * s for n, s in zip(on.shape, on.spacing_mm, strict=True)]
    shape = [round(length / s) for length, s in zip(extent, spacing_mm, strict=True)]
    half = np.array(spacing_mm) / 2 - np.array(on.spacing_mm) / 2
    other = Grid.regular(shape, spacing_mm, on.origin_mm + half[::-1])
    ct = case.image("ct")
    moved_case = replace(
        case,
        images=(
            replace(ct, volume=ct.volume.onto(other, outside=-1000.0)),
            case.image("planning-activity"),
        ),
        regions=outlines(other),
    )
    assert regional_doses(moved_case, engine) == pytest.approx(reference[engine], rel=5e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_activity_image_on_finer_voxels_changes_little(reference, engine):
    """The SPECT by cubic interpolation on three quarters of its voxel size, counts kept."""
    case = small_case()
    spect = case.image("planning-activity")
    on = spect.volume.grid
    fine_mm = tuple(0.75 * s for s in on.spacing_mm)
    finer = Grid.regular([4 * n // 3 for n in on.shape], fine_mm, on.origin_mm)
    places = np.meshgrid(*[0.75 * np.arange(n) for n in finer.shape], indexing="ij")
    counts = map_coordinates(spect.volume.values, places, order=3, mode="nearest") * 0.75**3
    resampled = replace(spect, volume=replace(spect.volume, values=counts, grid=finer))
    case = replace(case, images=(case.image("ct"), resampled))
    assert regional_doses(case, engine) == pytest.approx(reference[engine], rel=5e-3)
