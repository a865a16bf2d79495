"""The demo's comparison: each quantity beside its own truth, doses for what was delivered."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opensirt.io.phantom_study import treated_at
from opensirt.phantoms.imaging import default_pet, default_spect
from opensirt.physics.nuclides import nuclide
from opensirt.workflow import demo
from opensirt.workflow.demo import _compare
from tests.unit.report.samples import region, sample_doses, sample_plan

TRUTH = {
    "lung_shunt_fraction": 0.08,
    "tumour_to_normal": {"viable_by_volume": 4.4, "viable_by_mass": 4.3},
    "regions": [
        {"name": "Liver", "volume_ml": 1480.0, "mass_g": 1560.0, "activity_fraction": 0.92},
        {"name": "Normal liver", "volume_ml": 1380.0, "mass_g": 1450.0, "activity_fraction": 0.55},
        {"name": "Lungs", "volume_ml": 3300.0, "mass_g": 1010.0, "activity_fraction": 0.079},
    ],
    "tumours": [
        {
            "name": f"Tumour {n}", "diameter_mm": 60.4 - n, "viable_volume_ml": 10.0 / n,
            "viable_mass_g": 12.0 / n, "mass_g": 20.0 / n, "activity_fraction": 0.1 / n**2,
        }
        for n in range(1, 31)
    ],
}  # fmt: skip


def test_each_quantity_is_held_against_its_own_truth():
    """1.8 GBq delivered; a dose is A K x share / mass, for lesion n 0.1 / n^2 in 12 / n g."""
    doses = (*sample_doses(), region("Tumour 15", "tumour", 31.0, 3.0))
    run = SimpleNamespace(plan=sample_plan(), report=SimpleNamespace(doses=doses))
    found = {item.quantity: (item.true, item.recovered) for item in _compare(TRUTH, run)}
    gray_g = 1.8 * nuclide("y90").dose_constant_gy_kg_per_gbq * 1000
    assert found == {
        "lung shunt fraction": (0.08, 0.1),
        "lung mass (g)": (1010.0, 995.0),
        "liver volume (mL)": (1480.0, 1500.0),
        "viable tumour volume (mL)": (
            pytest.approx(10.0 * sum(1 / n for n in range(1, 31))), pytest.approx(96 + 47 + 3)
        ),
        "tumour-to-normal ratio": (4.4, 4.1),
        "lung dose (Gy)": (pytest.approx(gray_g * 0.08 / 1010), 9.0),
        "normal liver dose (Gy)": (pytest.approx(gray_g * 0.55 / 1450), 20.5),
        "Tumour 1 dose, 59 mm (Gy)": (pytest.approx(gray_g * 0.1 / 12), 154.0),
        "Tumour 15 dose, 45 mm (Gy)": (pytest.approx(gray_g * 0.1 / 12 / 15), 31.0),
    }  # fmt: skip


def test_a_phantom_is_written_with_its_own_images_and_the_times_of_their_tables(monkeypatch):
    """Two images of two maps; 1 GBq injected; delay before duration."""
    ct = SimpleNamespace(grid=SimpleNamespace(spacing_mm=(3.0, 2.0, 2.0)))
    patient = SimpleNamespace(
        ct=ct, tracer="tracer", activity="activity", density="density", regions="regions",
        truth={"a": 1},
    )  # fmt: skip
    asked, said = {}, []

    def make(name, *, voxel_mm, seed):
        asked["made"] = (name, voxel_mm, seed)
        return patient

    def write(folder, study, *, overwrite):
        asked["written"] = (folder, study, overwrite)
        return folder

    monkeypatch.setattr(demo, "make_phantom", make)
    monkeypatch.setattr(demo, "simulate_spect", lambda of, *, seed: ("spect", of, seed))
    monkeypatch.setattr(demo, "simulate_pet", lambda of, **words: ("pet", of, words))
    monkeypatch.setattr(demo, "write_phantom_study", write)
    found = demo.write_phantom(
        "liver-net", "out", voxel_mm=2.0, seed=7, overwrite=True,
        progress=lambda what, done: said.append(done),
    )  # fmt: skip
    assert asked["made"] == ("liver-net", 2.0, 7)
    folder, study, overwrite = asked["written"]
    assert (str(folder), overwrite) == ("out", True)
    spect, pet = default_spect(), default_pet()
    assert spect.delay_s != spect.duration_s
    assert pet.delay_s != pet.duration_s
    assert study.scout == (spect.injected_bq, spect.delay_s, spect.duration_s)
    assert study.treatment == (1e9, pet.delay_s, pet.duration_s)
    assert study.spect == ("spect", "tracer", 7)
    words = {"injected_bq": 1e9, "injected": treated_at(), "seed": 7}
    assert study.pet == ("pet", "activity", words)
    assert study.maps == {"true_activity": "activity", "true_density": "density"}
    assert (study.name, study.variant) == ("liver-net", "(3.0, 2.0, 2.0) mm, seed 7")
    assert (study.ct, study.regions, study.truth) == (ct, "regions", {"a": 1})
    assert found["truth"] == {"a": 1}
    assert found["paths"] == {
        "dicom": "out/dicom", "nifti": "out/nifti/case.toml", "truth": "out/truth.json",
    }  # fmt: skip
    assert said == sorted(said)
    assert said[-1] == 1.0
