"""Other programs find the volume, mean and D95 that a result states, in the files written with it.

A program that is not installed is skipped by its name; `validation/interoperability` has the table.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from validation.interoperability.apart import folder
from validation.interoperability.decoders import by_structures, highdicom
from validation.interoperability.figures import DCMJS, Program, Readings, expected, lacking
from validation.interoperability.others import alike
from validation.interoperability.outlines import LARGE_VOXELS, LINE_BOUND, rt_utils
from validation.interoperability.programs import PROGRAMS, report_figures

import opensirt as sirt
from opensirt.image import Regions
from opensirt.io.dicom_common import DicomContext, save
from opensirt.io.dicom_segmentation import build_segmentation
from opensirt.io.dicom_structures import build_rt_structures
from opensirt.io.study import read_study
from opensirt.workflow import write_phantom
from opensirt.workflow.export import outline_image
from tests.cases import small_case

OBJECTS = [p for p in PROGRAMS if p.name.split(",")[0] in ("dcmtk", "dcmjs", "Orthanc", "dcm2niix")]
WITHOUT_PLACES = ("opensirt dvh", "dicompyler-core")
LARGE_ML, BOUND, ROUNDING = 5.0, 0.01, 0.011
"""mL; part of the figure; Gy, as dicompyler-core's bins are 0.01 Gy wide."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A liver with two lesions on 4 mm voxels, outlined on 2 mm."""
    case = sirt.prepare_case(small_case())
    activity = sirt.quantify_activity(case)
    plan = sirt.make_plan(case, activity, model="partition", product="resin-y90")
    dose = sirt.compute_dose(case, plan.scale(activity), engine="local")
    out = tmp_path_factory.mktemp("interoperability") / "out"
    sirt.write_results(case, plan, dose, sirt.build_report(case, plan, dose), to=out)
    return out


@pytest.fixture(scope="module")
def places(result: Path) -> Readings:
    """Where pydicom and numpy find the structures."""
    return by_structures(highdicom)(result)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: f"{p.name}: {p.reads}")
def test_a_program_finds_the_figures_of_the_report(
    program: Program, result: Path, places: Readings
) -> None:
    """And each region, of parts and of outlines, in one place to 0.01 mm."""
    if program.missing:
        pytest.skip(f"{program.name}: {program.missing} is not installed")
    told, found = expected(result), program.read(result)
    large = {name for name, one in told.items() if one.volume_ml >= LARGE_ML}
    assert {"whole liver", "Tumour A", "Tumour B", "lungs"} <= large <= set(found)
    for name in large:
        here, there = told[name], found[name]
        assert there.volume_ml == pytest.approx(here.volume_ml, rel=BOUND), name
        assert there.mean_gy == pytest.approx(here.mean_gy, rel=BOUND, abs=ROUNDING), name
        assert there.d95_gy == pytest.approx(here.d95_gy, rel=BOUND, abs=ROUNDING), name
    placed = {name: one.centre_mm for name, one in found.items() if one.centre_mm}
    assert bool(placed) is (program.name not in WITHOUT_PLACES)
    assert not placed or set(placed) == set(places)
    for name, centre_mm in placed.items():
        assert np.allclose(centre_mm, places[name].centre_mm, atol=0.01), name


MOVE_MM, FACTOR = (12.0, -8.0, 4.0), 1.1
"""Of whole voxels of the dose grid, and of none."""


@pytest.fixture(scope="module")
def changed(result: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The objects with everything elsewhere and more dose; the rest is as it was."""
    out = tmp_path_factory.mktemp("changed") / "out"
    shutil.copytree(result, out)
    for path in (out / "dicom").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        for element in dataset.iterall():
            if element.keyword in ("ImagePositionPatient", "ContourData"):
                places = np.reshape([float(v) for v in element.value], (-1, 3)) + MOVE_MM
                element.value = [f"{v:.10g}" for v in places.ravel()]
        if "DoseGridScaling" in dataset:
            dataset.DoseGridScaling = f"{float(dataset.DoseGridScaling) * FACTOR:.10g}"
        dataset.save_as(path)
    return out


@pytest.mark.parametrize("program", OBJECTS, ids=lambda p: f"{p.name}: {p.reads}")
def test_a_program_finds_another_dose_in_another_place(
    program: Program, result: Path, changed: Path
) -> None:
    """What is compared is of the objects: 10 % more dose, and a place 15 mm away."""
    if program.missing:
        pytest.skip(f"{program.name}: {program.missing} is not installed")
    before, after = program.read(result), program.read(changed)
    for name in ("whole liver", "Tumour A", "Tumour B", "lungs"):
        here, there = before[name], after[name]
        assert there.volume_ml == pytest.approx(here.volume_ml, rel=1e-9), name
        assert there.mean_gy == pytest.approx(FACTOR * here.mean_gy, rel=1e-6, abs=1e-9), name
        assert np.allclose(np.subtract(there.centre_mm, here.centre_mm), MOVE_MM, atol=0.01), name


def test_the_report_object_has_the_doses_of_the_table(result: Path) -> None:
    told, found = expected(result), report_figures(result)
    assert set(found) == set(told)
    for name, one in found.items():
        assert one.mean_gy == pytest.approx(told[name].mean_gy, rel=1e-6), name
        assert one.d95_gy == pytest.approx(told[name].d95_gy, rel=1e-6), name


def test_dcmjs_reads_every_element_of_every_object(result: Path) -> None:
    if lacking(DCMJS):
        pytest.skip("dcmjs could not be installed")
    found = {name: (same, told) for name, same, told in alike(result)}
    assert {"plan.dcm", "report.dcm", "structures.dcm", "activity.dcm"} < set(found)
    for name, (same, told) in found.items():
        assert same == told > 40, name


def test_rt_utils_fills_the_outlines_on_their_ct(tmp_path: Path) -> None:
    """Its volume, without what its lines add, and its place to half a voxel of 8 mm."""
    if folder("rt-utils") is None:
        pytest.skip("rt-utils could not be installed")
    write_phantom("liver-net", tmp_path / "study", voxel_mm=8.0)
    case = read_study(tmp_path / "study" / "dicom")
    context = DicomContext.for_case(case, image=outline_image(case))
    outlines = Regions(tuple(r for r in case.regions if r.volume_ml > LARGE_ML))
    (tmp_path / "dicom").mkdir()
    structures = build_rt_structures(outlines, context, name="outlines")
    save(structures, tmp_path / "dicom" / "outlines.dcm", implicit=True)
    segments = build_segmentation(outlines, context, name="outlines-segmentation")
    save(segments, tmp_path / "dicom" / "outlines-segmentation.dcm")
    found = rt_utils(tmp_path, tmp_path / "study" / "dicom" / "ct")
    large = {name: one for name, one in found.items() if one.told >= LARGE_VOXELS}
    assert {"Body", "Lungs", "Liver", "Perfused right"} <= set(large)
    for name, one in large.items():
        assert 0.02 < one.more < 0.2, name
        assert abs(one.gap) < LINE_BOUND, name
    assert max(one.apart_mm for one in found.values()) < 4.0
