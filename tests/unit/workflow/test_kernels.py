"""What a kernel file is asked of: size by (x, y, z), the density of its medium, and statistics."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from opensirt.dose.kernels import VoxelKernel
from opensirt.dose.mc_kernel import KernelPlan
from opensirt.errors import InputError
from opensirt.physics.materials import tissue
from opensirt.workflow import KernelStatistics, kernel_to_file, kernels

SIZES = (2.0, 3.0, 4.0)


@pytest.fixture
def told(monkeypatch):
    """The kernels asked for: 5 of 8 MeV in the array, 3 of them in the source voxel."""
    asked = {}
    energy = np.zeros((3, 1, 1), np.float64)
    energy[:, 0, 0] = 1.0, 3.0, 1.0

    def folded(of, spacing_mm, rho, extent, medium):
        asked["folded"] = (of.name, spacing_mm, rho, extent, medium)
        return VoxelKernel(of.name, spacing_mm, rho, energy, 8.0)

    def simulated(of, spacing_mm, rho, medium, extent, plan, progress):
        asked["simulated"] = (of.name, spacing_mm, rho, extent, medium, plan)
        progress(0.5)
        return SimpleNamespace(
            kernel=VoxelKernel(of.name, spacing_mm, rho, energy, 8.0), rel_err=0.1 * energy,
            self_error=0.01, histories=900, seconds=0.5, threads=2, energy_balance=0.0,
        )  # fmt: skip

    monkeypatch.setattr(kernels, "voxel_kernel", folded)
    monkeypatch.setattr(kernels, "simulated_kernel", simulated)
    return asked


def make(out, medium="liver", engine="voxel-convolution", **more):
    words = {"density_g_ml": None, "extent": 3} | more
    return kernel_to_file("ho166", SIZES, medium=medium, engine=engine, to=out, **words)


@pytest.mark.parametrize("medium", kernels.MEDIA)
def test_a_kernel_has_the_density_of_its_medium_or_the_one_given(medium, told, tmp_path):
    result = make(tmp_path / "k.npz", medium)
    own = tissue(medium).density_g_ml
    assert told["folded"] == ("ho166", (4.0, 3.0, 2.0), own, 3, medium)
    assert (result["density_g_ml"], result["medium"]) == (own, medium)
    given = make(tmp_path / "g.npz", medium, density_g_ml=0.4)
    assert told["folded"][2] == given["density_g_ml"] == 0.4


def test_the_account_of_a_folded_kernel(told, tmp_path):
    """3 MeV in 0.024 g: 3 x 1.602e-13 J / 2.4e-5 kg per decay, in mGy per MBq s."""
    result = make(tmp_path / "k.npz", density_g_ml=1.0)
    s_value = 3.0 * 1.602176634e-13 / 2.4e-5 * 1e9
    assert result["self_s_mgy_per_mbq_s"] == pytest.approx(s_value, rel=1e-6)
    assert result["energy_in_array_fraction"] == pytest.approx(5.0 / 8.0)
    assert (result["shape"], result["spacing_mm"]) == ([3, 1, 1], [4.0, 3.0, 2.0])
    assert (result["kernel_medium"], result["nuclide"]) == ("soft-tissue", "ho166")
    with np.load(tmp_path / "k.npz") as file:
        assert "rel_err" not in file
        assert file["voxel_mm"].tolist() == list(SIZES)


def test_a_simulated_kernel_gets_its_statistics(told, tmp_path):
    said = []
    result = make(
        tmp_path / "k.npz", "lung", "monte-carlo",
        statistics=KernelStatistics(histories=5000, seed=0, threads=2),
        step=lambda what, done: said.append((what, done)),
    )  # fmt: skip
    plan = KernelPlan(5000, KernelPlan().uncertainty, 0, 2)
    assert told["simulated"] == (
        "ho166", (4.0, 3.0, 2.0), tissue("lung").density_g_ml, 3, "lung", plan,
    )  # fmt: skip
    assert said == [("monte-carlo kernel", 0.5)]
    assert (result["kernel_medium"], result["histories_per_second"]) == ("lung", 1800.0)
    with np.load(tmp_path / "k.npz") as file:
        assert int(file["histories"]) == 900
        assert file["rel_err"].ravel().tolist() == pytest.approx([0.1, 0.3, 0.1])
    assert KernelStatistics(uncertainty=0.01).plan() == KernelPlan(None, 0.01, 1, None)
    assert KernelStatistics().plan().seed == 1


def test_statistics_of_a_folded_kernel_are_refused(told, tmp_path):
    with pytest.raises(InputError, match="are options of a Monte Carlo kernel"):
        make(tmp_path / "k.npz", statistics=KernelStatistics(seed=0))
    assert told == {}
