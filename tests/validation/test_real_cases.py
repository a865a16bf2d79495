"""The real MAA SPECT planned end to end, against a recomputation of a few lines of NumPy."""

from __future__ import annotations

import json
from itertools import product as combinations
from types import SimpleNamespace

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from opensirt.errors import OpenSirtError
from opensirt.io.dicom_files import open_dicom
from opensirt.io.nifti import read_nifti
from opensirt.plan.plan import Prescription
from opensirt.workflow import (
    RunOptions,
    build_report,
    compute_dose,
    make_plan,
    prepare_case,
    quantify_activity,
    read_case,
    run_study,
)
from opensirt.workflow.setting import make_setting
from tests.case_files import MAA, write_maa_case
from tests.command_line import files_in, refusal
from tests.paths import SHARED, needs_shared

pytestmark = [needs_shared, pytest.mark.shared]

DENSITY, SHUNT, LUNG_KG, NORMAL_GY = 1.06, 0.05, 1.0, 40.0
SEGMENTS = {"liver": "liver", "perfused volume": "perfused", "Tumor 1": "t1", "Tumor 2": "t2",
            "gallbladder": "gallbladder"}  # fmt: skip
CASES = list(combinations(("glass-y90", "resin-y90"), ("partition", "mird")))


@pytest.fixture(scope="module")
def by_hand():
    """Masks on the SPECT by nearest neighbour, with SimpleITK alone; then sums."""
    spect = sitk.ReadImage(str(MAA / "patient_2_SPECT.nrrd"))
    labels = sitk.ReadImage(str(MAA / "patient_2_Segmentation.seg.nrrd"))
    layers = sitk.GetArrayFromImage(labels)
    where = {}
    for key in labels.GetMetaDataKeys():
        if key.endswith("_Name") and labels.GetMetaData(key) in SEGMENTS:
            head = key.removesuffix("_Name")
            layer = int(labels.GetMetaData(f"{head}_Layer"))
            value = int(labels.GetMetaData(f"{head}_LabelValue"))
            mask = sitk.GetImageFromArray((layers[..., layer] == value).astype(np.uint8))
            mask.CopyInformation(sitk.VectorIndexSelectionCast(labels, layer))
            onto = sitk.Resample(mask, spect, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
            where[SEGMENTS[labels.GetMetaData(key)]] = sitk.GetArrayFromImage(onto) > 0
    assert len(where) == 5
    counts = np.maximum(sitk.GetArrayFromImage(spect).astype(np.float64), 0)
    voxel_ml = float(np.prod(spect.GetSpacing())) / 1000
    tumours = where["t1"] | where["t2"]
    liver = where["liver"] | tumours
    perfused = where["perfused"] & liver
    parts = {
        "liver": liver, "perfused": perfused, "t1": where["t1"] & perfused,
        "t2": where["t2"] & perfused, "normal": perfused & ~tumours & ~where["gallbladder"],
    }  # fmt: skip
    found = SimpleNamespace(
        total=float(counts.sum()),
        **{
            name: SimpleNamespace(
                counts=float(counts[mask].sum()),
                volume_ml=float(mask.sum()) * voxel_ml,
                mass_kg=float(mask.sum()) * voxel_ml * DENSITY / 1000,
                mean=float(counts[mask].mean()),
            )
            for name, mask in parts.items()
        },
    )
    found.ratios = (found.t1.mean / found.normal.mean, found.t2.mean / found.normal.mean)
    return found


@pytest.fixture(scope="module")
def maa(tmp_path_factory):
    case = prepare_case(read_case(write_maa_case(tmp_path_factory.mktemp("maa") / "case.toml")))
    return case, quantify_activity(case)


def planned(maa, product, model, **words):
    return make_plan(*maa, model=model, product=product, **words)


def test_the_measured_figures_of_this_patient(maa, by_hand):
    """Liver 1726 mL with 60 % of all counts, uptake ratios 4.5 and 3.8 (README of the data)."""
    setting = make_setting(maa[0])
    assert setting.drawn.whole_liver.volume_ml == pytest.approx(1726, rel=0.015)
    assert by_hand.liver.volume_ml == pytest.approx(1726, rel=0.015)
    counts = maa[0].activity_image.volume
    share = setting.compartments.whole_liver.sum_of(counts) / counts.total()
    assert share == pytest.approx(0.60, abs=0.009)
    assert by_hand.ratios == pytest.approx((4.5, 3.8), rel=0.015)


@pytest.mark.parametrize("product", ["glass-y90", "resin-y90"])
def test_uptake_ratios_and_masses_of_the_plan(maa, by_hand, product):
    plan = planned(maa, product, "partition")
    ratios = [t.mean_dose_gy / plan.normal.mean_dose_gy for t in plan.tumours]
    assert ratios == pytest.approx(by_hand.ratios, rel=0.015)
    masses = [t.mass_g / 1000 for t in plan.tumours]
    assert masses == pytest.approx([by_hand.t1.mass_kg, by_hand.t2.mass_kg], rel=0.015)
    assert plan.normal.mass_g / 1000 == pytest.approx(by_hand.normal.mass_kg, rel=0.015)


@pytest.mark.parametrize("product", ["glass-y90", "resin-y90"])
def test_partition_activity(maa, by_hand, product):
    """A = D_N (sum r_i m_i + m_N) / (K (1 - L)), and D_L = K A L / m_L."""
    plan = planned(maa, product, "partition", prescription=Prescription("normal-dose", NORMAL_GY))
    weighted = by_hand.ratios[0] * by_hand.t1.mass_kg + by_hand.ratios[1] * by_hand.t2.mass_kg
    constant = plan.dose_constant_gy_kg_per_gbq
    activity_gbq = NORMAL_GY * (weighted + by_hand.normal.mass_kg) / (constant * (1 - SHUNT))
    assert plan.activity_bq / 1e9 == pytest.approx(activity_gbq, rel=0.015)
    assert plan.lung.dose_gy == pytest.approx(constant * activity_gbq * SHUNT / LUNG_KG, rel=0.015)
    exact = constant * plan.delivered_activity_bq / 1e9 * SHUNT / LUNG_KG
    assert plan.lung.dose_gy == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("product", ["glass-y90", "resin-y90"])
def test_mird_activity(maa, by_hand, product):
    plan = planned(maa, product, "mird", prescription=Prescription("perfused-dose", 80.0))
    constant = plan.dose_constant_gy_kg_per_gbq
    by_mass = 80.0 * by_hand.perfused.mass_kg / (constant * (1 - SHUNT))
    assert plan.activity_bq / 1e9 == pytest.approx(by_mass, rel=0.015)


@pytest.mark.parametrize(("product", "model"), CASES)
def test_doses_of_both_engines(maa, by_hand, product, model):
    """Local: D = K A (1 - L) (counts / counts of the perfused volume) / mass, part by part."""
    plan = planned(maa, product, model, prescription=Prescription("activity", 2e9))
    gray_kg = plan.dose_constant_gy_kg_per_gbq * 2.0 * (1 - SHUNT)
    activity = plan.scale(maa[1])
    assert activity.total() == pytest.approx(2e9 * (1 - SHUNT), rel=1e-5)  # no lungs in the map
    parts = make_setting(maa[0]).compartments
    regions = {
        "perfused": parts.perfused, "normal": parts.perfused_normal,
        "t1": parts.lesions[0].viable, "t2": parts.lesions[1].viable,
    }  # fmt: skip
    local = compute_dose(maa[0], activity, engine="local")
    spread = compute_dose(maa[0], activity, engine="voxel-convolution")
    for name, region in regions.items():
        here = getattr(by_hand, name)
        expected = gray_kg * here.counts / by_hand.perfused.counts / here.mass_kg
        assert region.mean_of(local) == pytest.approx(expected, rel=0.015), name
        assert 0.90 < region.mean_of(spread) / expected < 1.02, name
    energy = spread.values.sum(dtype=np.float64) * spread.grid.voxel_volume_ml * DENSITY / 1000
    assert energy == pytest.approx(gray_kg, rel=5e-3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One whole run with everything written."""
    folder = tmp_path_factory.mktemp("written")
    options = RunOptions("glass-y90", "partition", prescription=Prescription("normal-dose", 40.0))
    return run_study(write_maa_case(folder / "case.toml"), options, to=folder / "out")


def test_the_whole_run_is_written(written):
    results = json.loads(written.paths["results"].read_text())
    assert results["activity_gbq"] == pytest.approx(written.plan.activity_bq / 1e9)
    assert written.paths["pdf"].read_bytes().startswith(b"%PDF-")
    page = written.paths["report"].read_text()
    assert f"{results['activity_gbq']:.2f} GBq" in page
    assert {row["name"] for row in results["regions"]} >= {"Tumor 1", "Tumor 2", "whole liver"}


def dicom_file(written, modality):
    found = [
        path
        for path in sorted(written.paths["dicom"].rglob("*.dcm"))
        if not path.name.startswith("outlines")
        and pydicom.dcmread(path, stop_before_pixels=True).Modality == modality
    ]
    assert len(found) == 1
    return found[0]


def test_rt_dose_by_independent_readers_is_the_dose(written):
    """By SimpleITK and by pydicom alone: values within half a step, places within 1 um."""
    path = dicom_file(written, "RTDOSE")
    header = pydicom.dcmread(path)
    image = sitk.ReadImage(str(path))
    step = float(header.DoseGridScaling)
    values = sitk.GetArrayFromImage(image).astype(np.float64).reshape(header.pixel_array.shape)
    if values.max() > 10 * float(written.dose.values.max()):
        values *= step
    plain = header.pixel_array * step
    assert np.abs(values - plain).max() <= step
    gray, on = read_nifti(written.paths["dose"])
    rng = np.random.default_rng(1)
    hot = np.argwhere(plain > 0.2 * plain.max())
    origin, spacing = np.asarray(header.ImagePositionPatient, float), header.PixelSpacing
    row, column = np.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(row, column)
    for frame, i, j in rng.choice(hot, 50):
        place = origin + normal * float(header.GridFrameOffsetVector[frame])
        place = place + column * i * float(spacing[0]) + row * j * float(spacing[1])
        index = on.to_index(place)
        assert index == pytest.approx(np.rint(index), abs=1e-3)
        s, r, c = np.rint(index).astype(int)
        assert plain[frame, i, j] == pytest.approx(float(gray[s, r, c]), abs=step)
        by_itk = image.TransformIndexToPhysicalPoint((int(j), int(i), int(frame)))
        assert by_itk == pytest.approx(tuple(place), abs=1e-2)


def test_segmentation_by_highdicom_has_the_volumes(written):
    seg = hd.seg.segread(dicom_file(written, "SEG"))
    counted = make_setting(written.case).counted
    names = {seg.get_segment_description(n).SegmentLabel: n for n in seg.segment_numbers}
    assert {"whole liver", "perfused volume", "Tumor 1", "Tumor 2"} <= set(names)
    wanted = {"whole liver": counted.whole_liver, "Tumor 1": counted.lesions[0].viable}
    for name, region in wanted.items():
        volume = seg.get_volume(segment_numbers=[names[name]], combine_segments=True)
        count = int((np.asarray(volume.array) > 0).sum())
        ml = count * float(np.prod(volume.spacing)) / 1000
        assert ml == pytest.approx(region.volume_ml, rel=0.01)
        centre = np.argwhere(np.asarray(volume.array).squeeze() > 0).mean(axis=0)
        place = volume.map_indices_to_reference(centre[None])[0]
        assert np.linalg.norm(place - np.asarray(region.centroid_mm)) < 1.0


def test_own_reader_reads_the_dose_back(written):
    from opensirt.io.dicom_dose import read_rt_dose

    back = read_rt_dose(open_dicom(dicom_file(written, "RTDOSE"))).onto(written.dose.grid)
    inside = written.dose.values > 0.1 * written.dose.values.max()
    assert np.allclose(back.values[inside], written.dose.values[inside], rtol=1e-4)


def test_the_report_of_this_patient_names_the_hot_gallbladder(maa):
    plan = planned(maa, "glass-y90", "partition")
    dose = compute_dose(maa[0], plan.scale(maa[1]), engine="local")
    report = build_report(maa[0], plan, dose, engine="local")
    said = " ".join(finding.text for finding in report.findings)
    assert "gallbladder" in said
    assert "461" in " ".join(row.note for row in report.study)


def test_the_gallbladder_of_this_patient_has_a_dose(maa):
    given = Prescription("activity", 5.42e9)
    plan = planned(maa, "glass-y90", "partition", prescription=given)
    dose = compute_dose(maa[0], plan.scale(maa[1]), engine="local")
    report = build_report(maa[0], plan, dose, engine="local")
    row = next(r for r in report.results["regions"] if r["role"] == "gallbladder")
    assert row["mean_dose_gy"] > 100
    assert row["maximum_gy"] > 500
    assert "organ-dose" in {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("study", "said"),
    [("pet-fdg-sts001", ("F-18", "F18", "Fluorine")), ("ct-pet-rtstruct-sts002", ("GML",))],
)
def test_studies_that_are_no_beads_are_refused(study, said, tmp_path):
    words = ("--product", "resin-y90", "--model", "partition", "--out", tmp_path / "out")
    line = refusal("run", SHARED / "data" / study, *words)
    assert any(word.lower() in line.lower() for word in said), line
    assert files_in(tmp_path) == []
    with pytest.raises(OpenSirtError):
        run_study(SHARED / "data" / study, RunOptions("resin-y90", "mird"), to=tmp_path / "out")
