"""What air does not send back: the share of directions that leads out, and the dose it costs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expn

from opensirt.dose.rays import share_facing_air
from tests.unit.dose.test_superposition import SPACING_MM, dose_of

Floats = npt.NDArray[np.float32]


def test_the_share_that_faces_air_is_half_at_a_flat_surface_and_an_integral_below_it() -> None:
    """E2(t/d)/2 at a depth t, from each side alike; the border of the map is no surface."""
    density = np.full((40, 40, 40), 1.0, np.float32)
    density[30:] = 0.0012
    depths = np.arange(5) * 2.0
    expected = (expn(3, depths) - expn(3, depths + 2.0)) / 2.0 / 2.0
    for turn in range(3):
        for back in (1, -1):
            turned = np.ascontiguousarray(np.moveaxis(density, 0, turn)[::back, ::back, ::back])
            share = np.moveaxis(
                share_facing_air(turned, SPACING_MM, 1.0)[::back, ::back, ::back], turn, 0
            )
            middle = share[:, 15:25, 15:25].mean(axis=(1, 2))
            assert middle[29:24:-1] == pytest.approx(expected, rel=0.05)
            assert middle[33] == pytest.approx(0.55, abs=0.05)
            assert share[:20].max() < 1e-6


@pytest.mark.parametrize(
    ("name", "last_mm", "last_2_mm"), [("y90", 0.060, 0.031), ("ho166", 0.047, 0.024)]
)
def test_the_last_millimetres_before_air_lose_what_monte_carlo_says(
    name: str, last_mm: float, last_2_mm: float
) -> None:
    """Endless planes; Monte Carlo of 2 million decays each (validation/interfaces), +- 0.003."""
    density = np.full((48, 1, 1), 1.04, np.float32)
    activity = np.full((48, 1, 1), 1e6, np.float32)
    activity[24:] = 0.0
    spacing = (0.5, 1e4, 1e4)
    whole = dose_of(activity, density, name, spacing)[:, 0, 0]
    density[24:] = 0.0012
    at_air = dose_of(activity, density, name, spacing)[:, 0, 0]
    assert 1.0 - at_air[22:24].sum() / whole[22:24].sum() == pytest.approx(last_mm, abs=0.009)
    assert 1.0 - at_air[20:24].sum() / whole[20:24].sum() == pytest.approx(last_2_mm, abs=0.006)
