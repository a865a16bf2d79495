"""Parts of a lesion that hold the same voxels are resampled once, and come out as if each were."""

from __future__ import annotations

import numpy as np

from opensirt.image import Grid, Region
from opensirt.quantify.voxels import moved_once


def test_the_same_voxels_are_resampled_once_and_keep_their_names(monkeypatch):
    fine, coarse = Grid.regular((12, 12, 12), (1, 1, 1)), Grid.regular((6, 6, 6), (2, 2, 2))
    values = np.zeros(fine.shape, np.float32)
    values[3:8, 2:9, 4:7] = 1.0
    drawn = Region.from_mask("T", "tumour", values, fine, "right")
    viable = Region.from_mask("T viable", "tumour", values, fine)
    part = values.copy()
    part[3] = 0
    perfused = Region.from_mask("T perfused", "tumour", part, fine)
    alone = [region.onto(coarse) for region in (drawn, viable, perfused)]
    calls = []
    kept = Region.onto
    monkeypatch.setattr(
        Region, "onto", lambda self, grid: (calls.append(self.name), kept(self, grid))[1]
    )
    moved = moved_once((drawn, viable, perfused), coarse)
    assert calls == ["T", "T perfused"]
    assert [(r.name, r.territory) for r in moved] == [
        ("T", "right"), ("T viable", None), ("T perfused", None),
    ]  # fmt: skip
    for one, other in zip(moved, alone, strict=True):
        assert one.grid == coarse
        assert np.array_equal(one.whole(), other.whole())
