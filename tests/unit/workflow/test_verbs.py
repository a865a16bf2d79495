"""The seven verbs in the order of the design, on the small case: each number by hand or by law."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

import opensirt as sirt
from opensirt.case import Treatment
from opensirt.errors import CaseError, InputError, UnknownNameError
from opensirt.plan.plan import Prescription
from opensirt.units import BQ_PER_GBQ
from opensirt.workflow import ClinicalFacts
from opensirt.workflow.setting import make_setting
from tests.cases import small_case
from tests.command_line import files_in
from tests.paths import ROOT

SCHEMA = json.loads((ROOT / "docs" / "formats" / "results.schema.json").read_text())


def mean_by_mass(parts):
    return sum(p.mass_g * p.mean_dose_gy for p in parts) / sum(p.mass_g for p in parts)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Every value of the job, as the design writes it."""
    out = tmp_path_factory.mktemp("verbs") / "out"
    case = sirt.prepare_case(small_case())
    activity = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, activity, model="partition", product="resin-y90")
    scaled = plan.scale(activity)
    dose = sirt.compute_dose(case, scaled, engine="local")
    report = sirt.build_report(case, plan, dose, engine="local")
    paths = sirt.write_results(case, plan, dose, report, to=out)
    return {
        "case": case, "activity": activity, "plan": plan, "scaled": scaled, "dose": dose,
        "report": report, "paths": paths, "out": out,
    }  # fmt: skip


def test_the_activity_map_holds_what_was_injected(job):
    """The carrier holds A (1 - L), the lungs A L."""
    setting, activity = make_setting(job["case"]), job["activity"]
    shunt, injected_bq = setting.lung.shunt_fraction, activity.injected_bq
    liver = setting.compartments.whole_liver.whole() > 0
    voxel_ml = activity.grid.voxel_volume_ml
    liver_bq = float(activity.values[liver].sum(dtype=np.float64)) * voxel_ml
    lungs_bq = float(activity.values[~liver].sum(dtype=np.float64)) * voxel_ml
    assert injected_bq == BQ_PER_GBQ
    assert job["activity"].total() == pytest.approx(injected_bq, rel=1e-5)
    assert lungs_bq == pytest.approx(shunt * injected_bq, rel=2e-3)
    assert liver_bq == pytest.approx((1 - shunt) * injected_bq, rel=2e-3)


def test_the_plan_scales_the_map_to_what_is_delivered(job):
    scaled, plan = job["scaled"], job["plan"]
    factor = plan.delivered_activity_bq / BQ_PER_GBQ
    assert scaled.injected_bq == plan.delivered_activity_bq
    assert scaled.total() == pytest.approx(plan.delivered_activity_bq, rel=1e-5)
    assert np.allclose(scaled.values, job["activity"].values * factor, rtol=1e-5)


def test_a_residual_raises_what_is_drawn_up_and_not_what_is_delivered(job):
    more = sirt.make_plan(
        job["case"], job["activity"], model="partition", product="resin-y90",
        facts=ClinicalFacts(residual_fraction=0.2),
    )  # fmt: skip
    plan = job["plan"]
    assert more.delivered_activity_bq == pytest.approx(plan.delivered_activity_bq)
    assert more.activity_bq == pytest.approx(plan.delivered_activity_bq / 0.8)


def test_planned_parts_close(job):
    """Tumours and normal liver make the perfused volume; with the lungs, everything."""
    plan = job["plan"]
    parts = (*plan.tumours, plan.normal)
    assert sum(p.mass_g for p in parts) == pytest.approx(plan.perfused.mass_g, rel=1e-3)
    fraction = sum(p.activity_fraction for p in parts)
    assert fraction == pytest.approx(plan.perfused.activity_fraction, rel=1e-3)
    assert fraction + plan.lung.shunt_fraction == pytest.approx(1.0, abs=1e-3)
    gray_kg = plan.delivered_activity_bq / BQ_PER_GBQ * plan.dose_constant_gy_kg_per_gbq
    for part in (*parts, plan.perfused):
        by_hand = gray_kg * part.activity_fraction / (part.mass_g / 1000)
        assert part.mean_dose_gy == pytest.approx(by_hand, rel=1e-3)
    assert plan.lung.dose_gy == pytest.approx(
        gray_kg * plan.lung.shunt_fraction / (plan.lung.mass_g / 1000), rel=1e-6
    )


def test_voxel_doses_weigh_up_to_the_energy_of_the_plan(job):
    """Local engine: sum of dose x mass over liver and lungs is A k."""
    setting, plan = make_setting(job["case"]), job["plan"]
    energy = job["dose"].values.astype(np.float64) * setting.density.values
    gray_kg = energy.sum() * job["dose"].grid.voxel_volume_ml / 1000
    expected = plan.delivered_activity_bq / BQ_PER_GBQ * plan.dose_constant_gy_kg_per_gbq
    assert gray_kg == pytest.approx(expected, rel=2e-3)


def test_regional_voxel_doses_agree_with_the_model(job):
    doses = {d.name: d for d in job["report"].doses}
    plan = job["plan"]
    for part in (*plan.tumours, plan.normal):
        assert doses[part.name].mean_dose_gy == pytest.approx(part.mean_dose_gy, rel=0.05)
    total = sum(
        doses[name].activity_fraction
        for name in ("whole normal liver", "Tumour A", "Tumour B", "lungs")
    )
    assert total == pytest.approx(1.0, abs=5e-3)
    for dose in doses.values():
        assert dose.minimum_gy <= dose.d98_gy <= dose.d95_gy <= dose.d70_gy <= dose.d50_gy
        assert dose.d50_gy <= dose.d2_gy <= dose.maximum_gy


def test_results_keep_their_schema(job):
    written = json.loads(job["paths"]["results"].read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(written)
    assert written["activity_gbq"] == pytest.approx(job["plan"].activity_bq / BQ_PER_GBQ)
    assert written["case_id"] == "small"
    assert written["engine"] == "local"
    assert all(path.exists() for path in job["paths"].values())


@pytest.mark.parametrize("model", ["mird", "bsa"])
def test_other_models_keep_the_schema_too(job, model):
    plan = sirt.make_plan(job["case"], job["activity"], model=model, product="resin-y90")
    dose = sirt.compute_dose(job["case"], plan.scale(job["activity"]), engine="local")
    report = sirt.build_report(job["case"], plan, dose)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(report.results)))
    assert (report.results["bsa_m2"] is None) == (model == "mird")


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("tumour-dose", 120.0, lambda p: mean_by_mass(p.tumours)),
        ("perfused-dose", 60.0, lambda p: p.perfused.mean_dose_gy),
        ("normal-dose", 35.0, lambda p: p.normal.mean_dose_gy),
        ("activity", 1.7e9, lambda p: p.activity_bq),
    ],
)
def test_each_prescription_is_met(job, kind, value, found):
    plan = sirt.make_plan(
        job["case"], job["activity"], model="partition", product="glass-y90",
        prescription=Prescription(kind, value),
    )  # fmt: skip
    assert found(plan) == pytest.approx(value)
    assert plan.binding_limit is None


def test_a_case_without_ct_takes_the_stated_density_everywhere():
    case = sirt.prepare_case(small_case(with_ct=False))
    setting = make_setting(case)
    assert np.unique(setting.density.values).tolist() == pytest.approx([1.06])
    assert setting.lung.mass_g == 1000
    assert "There is no CT: density 1.06 g/mL everywhere." in setting.assumptions
    assert [f.severity for f in setting.findings if f.code == "density-assumed"] == ["warn"]


def test_what_is_not_known_is_asked_for():
    from opensirt.case import Assumptions
    from opensirt.image import Regions

    bare = replace(small_case(with_ct=False), assumptions=Assumptions())
    with pytest.raises((CaseError, InputError), match="density"):
        sirt.quantify_activity(sirt.prepare_case(bare))
    dense = replace(bare, assumptions=Assumptions(density_g_ml=1.06))
    with pytest.raises(CaseError, match="the lung mass is not known: no CT shows the lungs"):
        sirt.quantify_activity(sirt.prepare_case(dense))
    no_lungs = replace(dense, regions=Regions(tuple(r for r in dense.regions if r.role != "lungs")))
    with pytest.raises(CaseError, match="the lung shunt is not known"):
        sirt.quantify_activity(sirt.prepare_case(no_lungs))
    no_liver = replace(dense, regions=Regions(()))
    with pytest.raises(CaseError, match="expected a region with role 'liver', found none"):
        sirt.prepare_case(no_liver)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"model": "oracle"}, "planning model 'oracle' is unknown; choose one of bsa, mird, part"),
        ({"product": "wood"}, "product 'wood' is unknown"),
    ],
)
def test_unknown_names(job, change, line):
    words = {"model": "partition", "product": "resin-y90"} | change
    with pytest.raises(UnknownNameError, match=line):
        sirt.make_plan(job["case"], job["activity"], **words)


def test_overwriting_keeps_the_old_result_when_writing_fails(job, monkeypatch):
    import opensirt.workflow.results as module

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left")

    before = {path: path.read_bytes() for path in job["out"].rglob("*") if path.is_file()}
    monkeypatch.setattr(module, "write_dicom", full)
    values = (job["case"], job["plan"], job["dose"], job["report"])
    with pytest.raises(InputError, match=r"expected to write .*, got no space left; choose"):
        sirt.write_results(*values, to=job["out"], overwrite=True)
    assert {p: p.read_bytes() for p in job["out"].rglob("*") if p.is_file()} == before
    assert [path for path in files_in(job["out"].parent) if "/.out" in path] == []
    with pytest.raises(InputError, match="to be new or empty, found files in it"):
        sirt.write_results(*values, to=job["out"])


def test_a_liver_cut_by_the_activity_image_is_refused():
    """A third of the liver below the first SPECT slice: masses of the part are not the liver's."""
    from opensirt.image import Grid

    case = small_case()
    spect = case.image("planning-activity")
    whole = spect.volume
    start = whole.grid.shape[0] // 3
    moved = whole.grid.matrix
    moved[:3, 3] = whole.grid.to_patient([start, 0, 0])
    grid = Grid.from_matrix((whole.grid.shape[0] - start, *whole.grid.shape[1:]), moved)
    volume = replace(whole, values=whole.values[start:], grid=grid)
    cut = replace(case, images=(case.image("ct"), replace(spect, volume=volume)))

    with pytest.raises(CaseError, match=r"the activity image covers \d+ % of the liver, needed"):
        sirt.quantify_activity(sirt.prepare_case(cut))


def test_a_perfused_volume_without_normal_liver_can_be_planned_by_its_mean():
    """Segmentectomy: the single-compartment model needs no uptake ratio."""
    from opensirt.image import Regions

    case = small_case()
    kept = [r for r in case.regions if r.role != "perfused"]
    tumour = case.regions["Tumour A"]
    case = replace(case, regions=Regions((*kept, tumour.named("segment", "perfused"))))
    case = sirt.prepare_case(case)
    plan = sirt.make_plan(
        case, sirt.quantify_activity(case), model="mird", product="glass-y90",
        prescription=Prescription("perfused-dose", 400.0),
    )  # fmt: skip
    assert plan.perfused.mean_dose_gy == pytest.approx(400)


def test_a_plan_after_treatment_is_what_was_given_by_the_verbs_too():
    """The map is absolute, so a plan of another activity would scale what the image shows."""
    case = small_case()
    spect = replace(case.image("planning-activity"), role="treatment-activity")
    treated = replace(case, images=(case.image("ct"), spect), treatment=Treatment("resin-y90", 2e9))
    prepared = sirt.prepare_case(treated)
    activity = sirt.quantify_activity(prepared)
    words = {"model": "partition", "product": "resin-y90"}
    assert sirt.make_plan(prepared, activity, **words).delivered_activity_bq == 2e9
    with pytest.raises(InputError, match="shows the 2 GBq that were given; leave the prescription"):
        sirt.make_plan(prepared, activity, prescription=Prescription("normal-dose", 40.0), **words)


def test_a_dose_constant_of_the_plan_scales_the_voxels_too_and_the_report_knows_the_engine(job):
    """No fact is given twice: the map carries the plan's constant, the dose its engine."""
    own = job["plan"].dose_constant_gy_kg_per_gbq
    plan = sirt.make_plan(
        job["case"], job["activity"], model="partition", product="resin-y90",
        prescription=Prescription("activity", job["plan"].activity_bq),
        facts=ClinicalFacts(dose_constant_gy_kg_per_gbq=own * 1.013),
    )  # fmt: skip
    dose = sirt.compute_dose(job["case"], plan.scale(job["activity"]), engine="local")
    assert dose.values.sum() == pytest.approx(1.013 * job["dose"].values.sum(), rel=1e-5)
    report = sirt.build_report(job["case"], plan, dose)
    assert report.results["provenance"]["options"]["engine"] == "local"
    found = {row["name"]: row["mean_dose_gy"] for row in report.results["regions"]}
    ratio = found["perfused normal liver"] / plan.normal.mean_dose_gy
    before = {row["name"]: row["mean_dose_gy"] for row in job["report"].results["regions"]}
    same = before["perfused normal liver"] / job["plan"].normal.mean_dose_gy
    assert ratio == pytest.approx(same, rel=1e-4)
