"""One path of any kind to a case: by its ending, described as it is, named by its content."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from opensirt.case import Case, LeftOut, Patient, StudyImage
from opensirt.errors import InputError
from opensirt.findings import Finding
from opensirt.image import Region, Regions, Volume
from opensirt.io.archive import staged_directory, staged_files, write_json
from opensirt.io.label_maps import stem
from opensirt.io.nifti import write_volume_nifti
from opensirt.io.slicer import write_regions_seg_nrrd
from opensirt.io.study import describe_study, read_study
from opensirt.provenance import Provenance
from opensirt.units import Unit
from tests.region_samples import turned_grid
from tests.unit.io.case_samples import boxes, write_good_case

GRID = turned_grid((3, 4, 5), (3.0, 1.5, 1.25))


def test_everything_of_a_case_is_described_under_its_own_name() -> None:
    values = np.zeros(GRID.shape)
    values[0, 0, 0], values[2, 3, 4] = -3.0, 9.0
    noon = datetime(2025, 1, 10, 12, tzinfo=UTC)
    volume = Volume(values, GRID, Unit.BQ_PER_ML, "y90", noon, 2e9)
    image = StudyImage(
        "treatment-activity", volume, "PET", "PT", noon, "START", notes=("resampled",)
    )
    mask = np.zeros(GRID.shape)
    mask[1, 2, 3] = 0.5
    regions = Regions(
        (
            Region.from_mask("Lesion", "tumour", mask, GRID, "right"),
            Region.from_mask("nothing", "other", np.zeros(GRID.shape), GRID),
        )
    )
    case = Case(
        "c1", images=(image,), regions=regions, patient=Patient("F", 165.0, 62.5),
        left_out=(LeftOut("scout", "a localizer"),), findings=(Finding("warn", "x", "X."),),
        provenance=Provenance(inputs={"pet": "aa"}),
    )  # fmt: skip
    found = describe_study(case)
    json.dumps(found)
    assert found["patient"] == {"sex": "F", "height_cm": 165.0, "weight_kg": 62.5}
    assert found["left_out"] == [{"what": "scout", "why": "a localizer"}]
    assert (found["case_id"], found["inputs"]) == ("c1", {"pet": "aa"})
    assert found["findings"][0]["code"] == "x"
    (said,) = found["images"]
    assert {k: v for k, v in said.items() if k != "directions"} == {
        "label": "PET", "role": "treatment-activity", "modality": "PT", "unit": "Bq/mL",
        "nuclide": "y90", "shape": [3, 4, 5], "spacing_mm": [3.0, 1.5, 1.25],
        "origin_mm": [-31.5, 12.25, 100.75], "minimum": -3.0, "maximum": 9.0,
        "acquired": "2025-01-10T12:00:00+00:00", "decay_correction": "START", "injected_bq": 2e9,
        "notes": ["resampled"],
    }  # fmt: skip
    assert said["directions"] == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    lesion, nothing = found["regions"]
    place = [round(float(v), 3) for v in GRID.to_patient((1, 2, 3))]
    assert lesion == {
        "name": "Lesion", "role": "tumour", "territory": "right", "centroid_mm": place,
        "volume_ml": pytest.approx(0.5 * 3 * 1.5 * 1.25 / 1000),
    }  # fmt: skip
    assert (nothing["centroid_mm"], nothing["volume_ml"]) == (None, 0.0)


def test_an_image_alone_is_described_and_not_used(tmp_path: Path) -> None:
    path = tmp_path / "spect.nii.gz"
    write_volume_nifti(path, Volume(np.arange(60.0).reshape(GRID.shape), GRID, Unit.COUNTS))
    case = read_study(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert case.id == f"case-{digest[:8]}"
    assert dict(case.provenance.inputs) == {"file": digest}
    assert (case.images, len(case.regions)) == ((), 0)
    assert case.left_out[0].what.startswith("3 x 4 x 5 voxels of 3 x 1.5 x 1.25 mm")
    assert case.left_out[0].what.endswith("values 0 to 59")
    assert "neither role nor unit" in case.left_out[0].why


def test_a_segmentation_alone_gives_its_regions(tmp_path: Path) -> None:
    path = tmp_path / "s.seg.nrrd"
    write_regions_seg_nrrd(path, boxes())
    case = read_study(path)
    assert [region.name for region in case.regions] == ["liver", "Tumor 1", "perfused volume"]
    assert case.left_out == ()


@pytest.mark.parametrize("name", ["case.toml", "."])
def test_a_folder_with_a_case_file_is_that_case(tmp_path: Path, name: str) -> None:
    folder = write_good_case(tmp_path)
    assert read_study(folder / name).id == "liver-2"
    with pytest.raises(InputError, match="leave choose out, it is for DICOM"):
        read_study(folder / name, choose={"ct": "x"})


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("liver.nii.gz", "liver"), ("liver.NII", "liver"), ("a.b.seg.nrrd", "a.b"),
        ("a.nrrd", "a"), ("a.nhdr", "a"), ("a.h33", "a"), ("a.hv", "a"), ("a.txt", "a"),
    ],
)  # fmt: skip
def test_a_name_is_shown_without_its_image_ending(name: str, short: str) -> None:
    assert stem(Path("folder.nii") / name) == short


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "dose.nii.gz"

    def failing() -> None:
        with staged_files({"dose": out}) as staged:
            assert staged["dose"].name == "dose.nii.gz"
            staged["dose"].write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        failing()
    assert list(out.parent.iterdir()) == []
    with staged_files({"dose": out}) as staged:
        staged["dose"].write_text("new")
        assert not out.exists()
    assert [p.name for p in out.parent.iterdir()] == ["dose.nii.gz"]
    assert out.read_text() == "new"
    for place, said in ((tmp_path, "to be a file, found a folder"), (out / "a" / "b", "create")):
        with pytest.raises(InputError, match=said), staged_files({"dose": place}):
            pass


def test_results_may_be_read_by_others(tmp_path: Path) -> None:
    with staged_directory(tmp_path / "out") as folder:
        write_json(folder / "a.json", {"a": (1, np.int64(2), np.bool_(True), None)})
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert json.loads((tmp_path / "out" / "a.json").read_text()) == {"a": [1, 2, True, None]}
    assert (tmp_path / "out" / "a.json").read_text().endswith("\n")
