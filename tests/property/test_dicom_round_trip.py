"""Laws of DICOM output: what is written comes back at its place, on any right-angled grid."""

from __future__ import annotations

import highdicom as hd
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opensirt.image import Grid, Region, Regions, Volume
from opensirt.io.dicom_dose import build_rt_dose, read_rt_dose
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.units import Unit
from tests.dicom_samples import AXIAL, rotation, sample_context

CONTEXT = sample_context()
ANGLES = st.floats(-3.1, 3.1, allow_subnormal=False)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Any size, spacing, place, rotation and handedness."""
    shape = draw(st.tuples(*[st.integers(2, 7)] * 3))
    spacing = draw(st.tuples(*[st.floats(0.3, 9.0)] * 3))
    origin = draw(st.tuples(*[st.floats(-900.0, 900.0, allow_subnormal=False)] * 3))
    signs = np.array(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    turned = AXIAL @ rotation(*draw(st.tuples(ANGLES, ANGLES, ANGLES))).T
    order = draw(st.permutations([0, 1, 2]))
    return Grid.from_directions(shape, spacing, origin, turned[list(order)] * signs[:, None])


@settings(max_examples=25, deadline=None)
@given(grids(), st.sampled_from([16, 32]), st.floats(1e-3, 1e4))
def test_dose_comes_back_at_its_place(grid: Grid, bits: int, high_gy: float) -> None:
    values = np.linspace(0, high_gy, np.prod(grid.shape), dtype=np.float32).reshape(grid.shape)
    dataset = build_rt_dose(Volume(values, grid, Unit.GY), CONTEXT, bits=bits)
    back = read_rt_dose(dataset)
    index = grid.to_index(back.grid.to_patient(np.argwhere(np.ones(back.grid.shape))))
    whole = np.rint(index).astype(int)
    assert np.abs(grid.to_patient(whole) - grid.to_patient(index)).max() < 0.01
    resolution_gy = 0.51 * float(dataset.DoseGridScaling) + 2e-7 * high_gy
    assert np.abs(values[tuple(whole.T)] - back.values.ravel()).max() <= resolution_gy


@settings(max_examples=15, deadline=None)
@given(grids(), st.integers(0, 2**31))
def test_voxels_of_a_segment_come_back_at_their_place(grid: Grid, seed: int) -> None:
    mask = np.random.default_rng(seed).random(grid.shape) < 0.4
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    regions = Regions((Region.from_mask("liver", "liver", mask, grid),))
    dataset = hd.seg.Segmentation.from_dataset(build_segmentation(regions, CONTEXT))
    volume = dataset.get_volume(combine_segments=True, allow_missing_positions=True)
    points = np.argwhere(volume.array) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    index = grid.to_index(points)
    assert np.abs(grid.to_patient(np.rint(index)) - points).max() < 0.01
    found = np.zeros(grid.shape, bool)
    found[tuple(np.rint(index).astype(int).T)] = True
    assert np.array_equal(found, mask)
