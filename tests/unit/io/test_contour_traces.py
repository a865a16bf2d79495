"""Contours traced along voxels of an image that is not here: said, since no grid can mend them."""

from __future__ import annotations

import numpy as np
import pytest

from opensirt.io.contour_traces import Lines, trace_notes, traced_here, traced_step_mm
from opensirt.io.dicom_dose import write_rt_dose
from opensirt.workflow import histograms_from_files
from tests.dicom_samples import GRIDS, sample_context, sample_dose
from tests.region_samples import AXIAL, FRAME, box_loop, circle, loop_mm, read_one, structure_set

OCTAGON = np.array([(5, 7), (5, 8), (7, 10), (8, 10), (10, 8), (10, 7), (8, 5), (7, 5)], float)
STAIRS = np.array([(0, 0), (0, 3), (1, 3), (1, 4), (4, 4), (4, 1), (3, 1), (3, 0)], float)
HALFWAY = np.array([(0, 1), (0, 3), (1, 4), (3, 4), (4, 3), (4, 1), (3, 0), (1, 0)], float)
"""Marching squares around nine voxels, in halves of a voxel."""


def lines(loop, scale=(0.6, 0.75), spacing=(2.0, 1.0), shift=0.3):
    """Seven loops of voxels of `scale` rows and columns of the image here."""
    return Lines("Tumour 1", (loop * scale + shift,) * 7, spacing)


@pytest.mark.parametrize(
    ("loop", "scale", "step"),
    [
        (OCTAGON, (0.6, 0.75), (1.2, 0.75)),  # 0.6 rows of 2 mm, 0.75 columns of 1 mm
        (OCTAGON[::-1], (0.6, 0.75), (1.2, 0.75)),
        (OCTAGON[:, ::-1] + 3, (0.3, 0.6), (0.6, 0.6)),
        (OCTAGON * (1, -1), (1, 2), (2, 2)),
        (STAIRS, (0.6, 0.75), None),  # along edges of voxels: no diagonal
        (HALFWAY, (0.5, 0.5), None),
        (HALFWAY * 3, (0.1, 0.1), None),
        (np.array(circle(15, 15, 8.0)), (1, 1), None),
        (np.round(np.array(circle(15, 15, 8.0)), 1), (1, 1), None),  # rounded to 0.1
        (OCTAGON + np.eye(8, 2), (0.6, 0.75), None),  # one vertex beside
    ],
)
def test_the_voxels_that_a_line_steps_along(loop, scale, step):
    found = traced_step_mm(lines(loop, scale))
    assert found == (None if step is None else pytest.approx(step, abs=1e-3))


def test_vertices_may_be_rounded():
    rounded = np.round(OCTAGON * 0.7421 + 0.3, 2)
    assert traced_step_mm(lines(rounded, (1, 1), (1.0, 1.0))) == pytest.approx(
        (0.742, 0.742), abs=2e-3
    )


def test_few_points_are_chance():
    one = Lines("speck", (OCTAGON * 0.6,), (2.0, 1.0))
    assert trace_notes([one], traced_here([one])) == []
    assert traced_step_mm(Lines("empty", (), (2.0, 1.0))) is None


def test_each_is_told_where_it_was_traced():
    rois = [Lines("here", (OCTAGON,) * 7, (2.0, 1.0)), lines(OCTAGON)]
    assert traced_here(rois) == [True, False]
    own, other = trace_notes(rois, [True, False])
    assert own.what == "contour line of 'here'"
    assert own.why.startswith("runs through voxel centres")
    assert other.what == "contour line of 'Tumour 1'"
    assert other.why.startswith(
        "steps along voxels of 1.2 x 0.75 mm, traced from a mask on an image"
    )


def test_a_structure_set_on_another_grid_says_so():
    loops = [(k, [tuple(p) for p in OCTAGON * 0.75 + 0.3]) for k in range(2, 9)]
    _, left_out = read_one(AXIAL, loops)
    assert [item.why.partition(",")[0] for item in left_out] == [
        "steps along voxels of 0.75 x 0.75 mm"
    ]
    _, left_out = read_one(AXIAL, [(4, box_loop(9.75, 14.75))])
    assert left_out == ()


def test_dvh_tells_it(tmp_path):
    grid = GRIDS["axial"]
    dose = write_rt_dose(tmp_path / "dose.dcm", sample_dose(grid), sample_context())
    small = OCTAGON * 0.7 + 1.1
    data = structure_set([("T", [loop_mm(grid, k, [tuple(p) for p in small]) for k in range(7)])])
    context = sample_context()
    for item in data.StructureSetROISequence:
        assert item.ReferencedFrameOfReferenceUID == FRAME
        item.ReferencedFrameOfReferenceUID = context.frame_of_reference_uid
    data.save_as(tmp_path / "rs.dcm", implicit_vr=False, little_endian=True)
    found = histograms_from_files(dose, tmp_path / "rs.dcm")
    assert [item["what"] for item in found["left_out"]] == ["contour line of 'T'"]
    assert "too small all round" in found["left_out"][0]["why"]
