"""Energy of an active voxel across every border of media: no jump but that of physics."""

from __future__ import annotations

import numpy as np
import pytest
from validation.density_sweep.sweep import around_borders, point, stopping_ratio

HISTORIES = {"fast": 60_000, "full": 12_000}


@pytest.mark.parametrize("mode", ["fast", "full"])
@pytest.mark.parametrize("border", range(len(around_borders())))
def test_no_jump_at_a_border_of_media(border: int, mode: str) -> None:
    """The border and one float32 number to each side, a second medium present.

    Up to the border within four standard errors; beyond it by no more than the stopping powers
    differ besides.
    """
    below, at, above = around_borders()[border]
    (a, ea), (b, eb), (c, ec) = (
        point("y90", mode, "cpu", HISTORIES[mode], rho, seed)
        for seed, rho in enumerate((below, at, above))
    )
    assert 0.0 < eb < 0.05 * b
    assert b / a == pytest.approx(1.0, abs=4.0 * np.hypot(ea / a, eb / b))
    differ = abs(stopping_ratio(at, above) - 1.0)
    assert c / b == pytest.approx(1.0, abs=differ + 4.0 * np.hypot(eb / b, ec / c))


@pytest.mark.parametrize("name", ["y90", "lu177"])
@pytest.mark.parametrize("density_g_ml", [0.001, 0.05])
def test_fast_mode_is_full_mode_in_thin_and_dense_media(name: str, density_g_ml: float) -> None:
    """Energy of a source voxel of 3 mm, within 1 % and three standard errors."""
    (fast, error), (full, other) = (
        point(name, mode, "cpu", histories, density_g_ml, seed)
        for mode, histories, seed in (("fast", 150_000, 1), ("full", 30_000, 2))
    )
    spread = float(np.hypot(error / fast, other / full))
    assert spread < 0.02
    assert fast / full == pytest.approx(1.0, abs=0.01 + 3.0 * spread)
