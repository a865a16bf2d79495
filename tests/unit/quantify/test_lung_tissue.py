"""Lung tissue on large voxels: its mass is that of the CT, and voxels inside get the lung dose."""

import numpy as np
import pytest

from opensirt.image import Grid, Region, Volume
from opensirt.quantify.calibration import patient_relative_activity
from opensirt.quantify.lungs import lung_mass_g, lung_tissue
from opensirt.units import Unit
from tests.cases import ellipsoid

FINE = Grid.regular((60, 60, 60), (2.0, 2.0, 2.0), (-59.0, -59.0, -59.0))
COARSE = Grid.regular((28, 28, 28), (4.4, 4.4, 4.4), (-59.4, -59.4, -59.4))


def test_mass_is_kept_and_inner_voxels_get_the_lung_dose():
    share = ellipsoid(FINE, (0.0, 0.0, 0.0), (45.0, 35.0, 40.0))
    ct = Volume(np.where(share > 0, -740.0, 40.0).astype(np.float32), FINE, Unit.HU)
    lungs = Region.from_mask("lungs", "lungs", share, FINE)
    tissue, density = lung_tissue(ct, lungs, COARSE)
    mass_g = lung_mass_g(ct, lungs)
    assert mass_g == pytest.approx(4 / 3 * np.pi * 4.5 * 3.5 * 4.0 * 0.26, rel=0.01)
    assert density.total() == pytest.approx(mass_g, rel=0.01)

    liver = Region.from_mask("liver", "liver", ellipsoid(COARSE, (0, 0, -55), (9, 9, 6)), COARSE)
    counts = Volume(np.ones(COARSE.shape, np.float32), COARSE, Unit.COUNTS)
    activity, _ = patient_relative_activity(
        counts, liver, lung_shunt_fraction=0.1, lungs=tissue, density=density, nuclide="y90"
    )
    inside = activity.at((0.0, 0.0, 0.0))
    assert inside / 0.26 == pytest.approx(0.1 * 1e9 / mass_g, rel=0.01)  # Bq per gram of lung
