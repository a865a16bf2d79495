"""`dose`, `kernel` and `dvh`: files in, files out, numbers by hand, bad input."""

from __future__ import annotations

import math

import nibabel
import numpy as np
import pytest

from opensirt.dose.engines.local import LocalDeposition
from opensirt.image import Region, Volume
from opensirt.io.nifti import read_nifti, write_labels_nifti, write_volume_nifti
from opensirt.physics.nuclides import nuclide
from opensirt.units import Unit
from tests.case_files import write_map
from tests.cases import grid
from tests.command_line import call, call_json, files_in, refusal

SHAPE = (12, 13, 14)
CONCENTRATION_BQ_ML = 2e6


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Uniform activity, density and CT, and faulty files beside them."""
    folder = tmp_path_factory.mktemp("maps")
    uniform = np.ones(SHAPE, np.float32)
    write_map(folder / "activity.nii.gz", uniform * CONCENTRATION_BQ_ML)
    write_map(folder / "density.nii.gz", uniform * 1.06)
    write_map(folder / "ct.nii.gz", uniform * 0.0)
    holed = uniform.copy()
    holed[3, 4, 5] = np.nan
    write_map(folder / "nan.nii.gz", holed)
    write_map(folder / "negative.nii.gz", -uniform)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4, 2), "f4"), np.eye(4)), folder / "4d.nii.gz")
    (folder / "text.nii.gz").write_text("this is no image")
    far = nibabel.Nifti1Image(uniform, np.diag([4.0, 4.0, 4.0, 1.0]))
    far.affine[:3, 3] = 5000.0
    nibabel.save(nibabel.Nifti1Image(uniform, far.affine), folder / "far.nii.gz")
    return folder


def dose_words(maps, out, activity="activity", density="density", **options):
    words = {"activity-unit": "Bq/mL", "nuclide": "y90", "engine": "local"} | options
    given = [part for key, value in words.items() for part in (f"--{key}", value)]
    source = ["--activity", maps / f"{activity}.nii.gz"]
    mass = ["--density", maps / f"{density}.nii.gz"] if density else []
    return ["dose", *source, *mass, *given, "--out", out]


def test_dose_of_uniform_activity_by_hand(maps, tmp_path):
    """D = a T/ln 2 E / rho with the nuclide's own half-life and energy."""
    y90 = nuclide("y90")
    result = call_json(*dose_words(maps, tmp_path / "dose.nii.gz"))
    joule = (
        CONCENTRATION_BQ_ML * y90.half_life_s / math.log(2) * y90.mean_energy_mev * 1.602176634e-13
    )
    assert result["mean_dose_gy"] == pytest.approx(joule / 1.06e-3, rel=1e-5)
    assert result["maximum_dose_gy"] == pytest.approx(joule / 1.06e-3, rel=1e-5)
    litres = np.prod(SHAPE) * 0.064
    assert result["decays"] == pytest.approx(
        CONCENTRATION_BQ_ML * litres * y90.mean_life_s, rel=1e-5
    )
    assert result["threads"] >= 1
    assert result["seconds"] >= 0
    values, on = read_nifti(tmp_path / "dose.nii.gz")
    assert values.shape == SHAPE
    assert on.spacing_mm == pytest.approx((4, 4, 4))
    assert float(values.mean()) == pytest.approx(result["mean_dose_gy"], rel=1e-6)
    assert files_in(tmp_path) == [str(tmp_path / "dose.nii.gz")]


def test_dose_with_another_constant_and_with_a_ct(maps, tmp_path):
    plain = call_json(*dose_words(maps, tmp_path / "a.nii.gz"))
    other = call_json(*dose_words(maps, tmp_path / "b.nii.gz"), "--dose-constant", 49.0)
    ratio = 49.0 / plain["dose_constant_gy_kg_per_gbq"]
    assert other["mean_dose_gy"] == pytest.approx(ratio * plain["mean_dose_gy"], rel=1e-6)
    words = dose_words(maps, tmp_path / "c.nii.gz", density=None, ct=maps / "ct.nii.gz")
    assert call_json(*words)["mean_dose_gy"] == pytest.approx(
        1.06 * plain["mean_dose_gy"], rel=0.02
    )


def test_dose_is_printed_for_people(maps, tmp_path):
    outcome = call(*dose_words(maps, tmp_path / "dose.nii.gz", engine="voxel-convolution"))
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "highest dose" in outcome.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activity": "missing"}, "expected a file, found none at"),
        ({"activity": "text"}, "text.nii.gz: "),
        ({"activity": "4d"}, "4d.nii.gz: "),
        ({"activity": "nan"}, "nan.nii.gz: 1 voxels are not finite numbers"),
        ({"density": "nan"}, "nan.nii.gz: 1 voxels are not finite numbers"),
        ({"density": "negative"}, "density"),
        ({"density": "far"}, "overlap"),
        ({"density": None}, "expected one of --density and --ct, found none"),
        ({"ct": "ct.nii.gz"}, "expected one of --density and --ct, found both"),
        ({"engine": "exact"}, "dose engine 'exact' is unknown; choose one of local, monte-carlo"),
        ({"nuclide": "f18"}, "nuclide 'f18' is unknown; choose one of ho166, i131"),
        ({"dose-constant": "best"}, "best"),
        ({"dose-constant": -3}, "-3"),
    ],
)
def test_bad_input_of_dose_is_one_line_and_writes_nothing(maps, tmp_path, change, said):
    assert said in refusal(*dose_words(maps, tmp_path / "sub" / "dose.nii.gz", **change))
    assert [path for path in files_in(tmp_path) if "nii" in path] == []


def test_a_dose_map_with_an_unknown_ending_is_refused(maps, tmp_path):
    assert "dose.png" in refusal(*dose_words(maps, tmp_path / "dose.png"))
    assert files_in(tmp_path) == []


def kernel_words(out, **options):
    words = {"nuclide": "y90", "voxel-mm": 3} | options
    return [
        "kernel",
        *[p for key, value in words.items() for p in (f"--{key}", value)],
        "--out",
        out,
    ]


def test_kernel_file(tmp_path):
    result = call_json(*kernel_words(tmp_path / "k.npz", medium="liver", extent=11))
    assert result["shape"] == [11, 11, 11]
    with np.load(tmp_path / "k.npz") as file:
        values = file["s_mgy_per_mbq_s"]
        assert float(file["density_g_ml"]) == result["density_g_ml"]
        assert values.shape == (11, 11, 11)
        assert values.argmax() == values.size // 2
        assert float(values.max()) == pytest.approx(result["self_s_mgy_per_mbq_s"])
        y90 = nuclide("y90")
        deposited_mev = values.sum(dtype=np.float64) * 1e-9 * 0.027e-3 * result["density_g_ml"]
        part = deposited_mev / 1.602176634e-13 / y90.mean_energy_mev
    assert part == pytest.approx(result["energy_in_array_fraction"], rel=1e-3)
    assert 0.98 < part <= 1.0
    assert files_in(tmp_path) == [str(tmp_path / "k.npz")]


def test_kernel_of_unequal_sides_and_a_density(tmp_path):
    """Twice the density, half the reach: S(2 rho, d) = 4 S(rho, 2 d) in one medium."""
    dense = call_json(*kernel_words(tmp_path / "a.npz", **{"density-g-ml": 2, "voxel-mm": "2,3,1"}))
    light = call_json(*kernel_words(tmp_path / "b.npz", **{"density-g-ml": 1, "voxel-mm": "4,6,2"}))
    assert dense["self_s_mgy_per_mbq_s"] == pytest.approx(
        4 * light["self_s_mgy_per_mbq_s"], rel=5e-3
    )
    assert "self S value" in call(*kernel_words(tmp_path / "c.npz")).stdout


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"voxel-mm": "3x3"}, "--voxel-mm needs X or X,Y,Z in mm, found '3x3'"),
        ({"voxel-mm": "3,4"}, "--voxel-mm needs X or X,Y,Z in mm, found '3,4'"),
        ({"voxel-mm": 0}, "voxel sizes must be above 0 mm, found (0.0, 0.0, 0.0)"),
        ({"extent": 4}, "the extent of a kernel must be odd and positive, got 4 voxels"),
        ({"density-g-ml": -1}, "a kernel needs a positive density in g/mL, got -1"),
        (
            {"medium": "cheese"},
            "medium 'cheese' is unknown; choose one of water, soft-tissue, liver, lung, bone",
        ),
        (
            {"engine": "local"},
            "engine 'local' makes no voxel kernels; choose voxel-convolution or monte-carlo",
        ),
        (
            {"seed": 2},
            "histories, uncertainty, seed and threads are options of a Monte Carlo kernel; "
            "choose --engine monte-carlo, or leave them out",
        ),
        (
            {"engine": "monte-carlo", "histories": 10},
            "histories must be at least 1000, found 10",
        ),
    ],
)
def test_bad_input_of_kernel_is_one_line(tmp_path, change, line):
    assert refusal(*kernel_words(tmp_path / "k.npz", **change)) == line
    assert files_in(tmp_path) == []


@pytest.fixture(scope="module")
def ramp(tmp_path_factory):
    """A dose of 1, 2, 3 ... Gy from slice to slice, a label map on it and one beside it."""
    folder = tmp_path_factory.mktemp("ramp")
    on = grid()
    values = np.broadcast_to(np.arange(1.0, on.shape[0] + 1)[:, None, None], on.shape)
    write_volume_nifti(folder / "dose.nii.gz", Volume(values.astype(np.float32), on, Unit.GY))
    mask = np.zeros(on.shape, np.float32)
    mask[10:20, 5:25, 5:25] = 1
    write_labels_nifti(folder / "labels.nii.gz", [Region.from_mask("slab", "tumour", mask, on)])
    write_map(folder / "aside.nii.gz", np.ones((3, 3, 3), np.uint8))
    aside = nibabel.load(folder / "aside.nii.gz")
    affine = aside.affine.copy()
    affine[:3, 3] = 4000.0
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 3, 3), "u1"), affine), folder / "aside.nii.gz")
    return folder


def test_dvh_by_hand(ramp):
    row = call_json("dvh", "--dose", ramp / "dose.nii.gz", "--regions", ramp / "labels.nii.gz")[
        "regions"
    ][0]
    assert (row["name"], row["role"]) == ("slab", "other")
    assert row["volume_ml"] == pytest.approx(10 * 400 * 0.064)
    assert row["mean_dose_gy"] == pytest.approx(15.5)
    assert (row["minimum_gy"], row["maximum_gy"]) == (11, 20)
    assert (row["d98_gy"], row["d50_gy"], row["d2_gy"]) == (11, 15, 20)
    assert (row["dose_gy"][0], row["volume_fraction"][0]) == (0, 1)
    assert row["dose_gy"][-1] == 20
    assert row["volume_fraction"][-1] == pytest.approx(0.1)


def test_dvh_of_a_region_outside(ramp):
    words = ("dvh", "--dose", ramp / "dose.nii.gz", "--regions", ramp / "aside.nii.gz")
    row = call_json(*words)["regions"][0]
    assert row["outside"] is True
    assert row["volume_ml"] == pytest.approx(27 * 0.064)
    assert "outside" in call(*words).stdout


@pytest.mark.parametrize(
    ("dose", "regions", "said"),
    [
        ("none.nii.gz", "labels.nii.gz", "expected a file, found none at"),
        ("dose.nii.gz", "none.nii.gz", "expected a file, found none at"),
        ("labels.nii.gz", "dose.txt", "not a DICOM file"),
        ("dose.txt", "labels.nii.gz", "dose.txt"),
    ],
)
def test_bad_input_of_dvh_is_one_line(ramp, dose, regions, said):
    (ramp / "dose.txt").write_text("no dose")
    assert said in refusal("dvh", "--dose", ramp / dose, "--regions", ramp / regions)


def test_kernel_by_monte_carlo(tmp_path):
    """The simulated voxel of liver against the folded kernel of soft tissue at its density."""
    folded = call_json(*kernel_words(tmp_path / "f.npz", medium="liver", extent=3))
    words = {"medium": "liver", "extent": 3, "engine": "monte-carlo", "histories": 20000}
    result = call_json(*kernel_words(tmp_path / "k.npz", **words, seed=2, threads=1))
    assert (folded["kernel_medium"], result["kernel_medium"]) == ("soft-tissue", "liver")
    assert result["histories"] == pytest.approx(20000, abs=20)
    assert result["threads"] == 1
    assert abs(result["energy_balance"]) < 1e-6
    speed = result["histories"] / result["seconds"]
    assert result["histories_per_second"] == pytest.approx(speed)
    error = result["mean_relative_error"]
    assert 0.002 < error < 0.01
    values = result["self_s_mgy_per_mbq_s"]
    assert values == pytest.approx(folded["self_s_mgy_per_mbq_s"], rel=0.005 + 4 * error)
    with np.load(tmp_path / "k.npz") as file:
        assert file["rel_err"].shape == file["s_mgy_per_mbq_s"].shape == (3, 3, 3)
        assert float(file["rel_err"][1, 1, 1]) == pytest.approx(error)
        assert int(file["histories"]) == result["histories"]
        assert file["voxel_mm"].tolist() == [3.0, 3.0, 3.0]


def test_kernel_file_says_the_order_of_its_axes(tmp_path):
    """2, 3, 4 mm along x, y, z: slices are 4 mm apart, columns 2 mm."""
    words = kernel_words(tmp_path / "k.npz", extent=5)
    words[words.index("--voxel-mm") + 1] = "2,3,4"
    result = call_json(*words)
    assert result["spacing_mm"] == [4.0, 3.0, 2.0]
    with np.load(tmp_path / "k.npz") as file:
        assert file["spacing_mm"].tolist() == [4.0, 3.0, 2.0]
        assert str(file["axes"]) == "slice,row,column"
        assert file["voxel_mm"].tolist() == [2.0, 3.0, 4.0]
        assert str(file["voxel_mm_order"]) == "x,y,z"
        values = file["s_mgy_per_mbq_s"]
    along_slice, along_row, along_column = values[3, 2, 2], values[2, 3, 2], values[2, 2, 3]
    assert along_column > 1.3 * along_row > 1.3**2 * along_slice


SLIPS = [
    ("half", {"density": "half"}, "50.0 % of the activity lies where there is no density"),
    ("kg/m3", {"density": "kg-m3"}, "highest density of the map must be from 0 to 23 g/mL"),
    ("HU", {"density": "hu"}, "density map must be finite and not negative"),
    ("kg/mL", {"density": "kg-ml"}, "the density must cover the activity"),
    ("microns", {"activity": "microns"}, "voxel edge must be from 0.1 to 50 mm, got 0.004"),
    ("metres", {"density": "metres"}, "voxel edge must be from 0.1 to 50 mm, got 4000"),
    ("total", {"activity": "total"}, "activity in the map must be from 0 to 1e+13 Bq"),
]


@pytest.fixture(scope="module")
def slips(maps):
    """Maps in another unit, of another size or beside the activity."""
    one = np.ones(SHAPE, np.float32)
    half = one * 1.06
    half[: SHAPE[0] // 2] = 0.0
    write_map(maps / "half.nii.gz", half)
    for name, value in (("kg-m3", 1060.0), ("hu", -1000.0), ("kg-ml", 1.06e-6)):
        write_map(maps / f"{name}.nii.gz", one * value)
    write_map(maps / "total.nii.gz", one * 1e12)
    write_map(maps / "microns.nii.gz", one, 0.004)
    write_map(maps / "metres.nii.gz", one, 4000.0)
    return maps


@pytest.mark.parametrize("engine", ["local", "voxel-convolution"])
@pytest.mark.parametrize(
    ("change", "said"), [slip[1:] for slip in SLIPS], ids=[s[0] for s in SLIPS]
)
def test_a_map_in_another_unit_or_place_is_one_line_with_its_figure(
    slips, tmp_path, change, said, engine
):
    out = tmp_path / "dose.nii.gz"
    assert said in refusal(*dose_words(slips, out, engine=engine, **change))
    assert files_in(tmp_path) == []


def test_an_impossible_dose_map_is_one_line_and_writes_nothing(maps, tmp_path, monkeypatch):
    """An engine that puts 1e28 Gy into one voxel: `dose` and `dose --compare` write nothing."""
    true = LocalDeposition.dose

    def wrong(self, activity, density, of):
        gray = np.array(true(self, activity, density, of).values)
        gray[3, 4, 5] = 1e28
        return activity.with_values(gray, Unit.GY)

    monkeypatch.setattr(LocalDeposition, "dose", wrong)
    for words in ([], ["--compare"]):
        engine = "local,voxel-convolution" if words else "local"
        line = refusal(*dose_words(maps, tmp_path / "dose.nii.gz", engine=engine), *words)
        assert "the dose map of local is impossible: voxel (3, 4, 5)" in line
        assert "of 1.06 g/mL has 1e+28 Gy, where emission within reach allows 9" in line
    assert files_in(tmp_path) == []


def test_the_unit_of_a_map_is_the_one_stated_or_bq_per_ml_with_a_word(maps, tmp_path):
    """The same numbers as Bq/mL and as kBq/mL; nothing stated is Bq/mL, and nonsense refused."""
    words = dose_words(maps, tmp_path / "a.nii.gz")
    at = words.index("--activity-unit")
    bare = [*words[:at], *words[at + 2 :]]
    every = [word if word != "local" else "all" for word in bare]
    for asked in (bare, [*every, "--compare"]):
        told = [f for f in call_json(*asked)["findings"] if f["code"] == "activity-unit-not-stated"]
        assert told == [
            {
                "severity": "warn", "code": "activity-unit-not-stated", "source": "",
                "text": "The activity map does not state its unit and is taken as Bq/mL, "
                "279.6 MBq in all; counts are no activity. State it with --activity-unit Bq/mL or "
                "another unit.",
            }
        ]  # fmt: skip
    for made in files_in(tmp_path):
        (tmp_path / made).unlink()
    assert "got 'counts'; choose one" in refusal(*bare, "--activity-unit", "counts")
    assert files_in(tmp_path) == []
    one = call_json(*words)
    many = call_json(*bare[:-1], tmp_path / "k.nii.gz", "--activity-unit", "kBq/mL")
    gbq = CONCENTRATION_BQ_ML * np.prod(SHAPE) * 0.064 / 1e9
    assert one["activity_gbq"] == pytest.approx(gbq, rel=1e-6)
    assert many["activity_gbq"] == pytest.approx(1000 * gbq, rel=1e-6)
    assert many["mean_dose_gy"] == pytest.approx(1000 * one["mean_dose_gy"], rel=1e-6)
    assert (one["findings"], [f["code"] for f in many["findings"]]) == (
        [], ["map-activity-implausible"],
    )  # fmt: skip
    shown = call(*bare[:-1], tmp_path / "s.nii.gz", "--activity-unit", "kBq/mL").stdout
    assert " 279.6 GBq │" in shown
    assert "warn  The map holds 279.6 GBq, more than the largest vial" in shown


def test_a_file_that_states_its_unit_is_not_asked_for_it(maps, tmp_path):
    on = grid()
    for unit in (Unit.BQ_PER_ML, Unit.COUNTS):
        values = np.full(on.shape, 1e5, np.float32)
        write_volume_nifti(tmp_path / f"{unit.name}.nii.gz", Volume(values, on, unit))
    density = Volume(np.full(on.shape, 1.06, np.float32), on, Unit.G_PER_ML)
    write_volume_nifti(tmp_path / "rho.nii.gz", density)
    words = ("--nuclide", "y90", "--engine", "local", "--out", tmp_path / "d.nii.gz")
    mass = ("--density", tmp_path / "rho.nii.gz")
    made = call_json("dose", "--activity", tmp_path / "BQ_PER_ML.nii.gz", *mass, *words)
    assert made["activity_gbq"] == pytest.approx(1e5 * np.prod(on.shape) * 0.064 / 1e9, rel=1e-5)
    other = ("dose", "--activity", tmp_path / "BQ_PER_ML.nii.gz", *words)
    assert "is in Bq/mL by its header, not in kBq/mL; leave --activity-unit out" in refusal(
        *other, *mass, "--activity-unit", "kBq/mL"
    )
    assert "expected values in HU, found g/mL in its header" in refusal(
        *other, "--ct", tmp_path / "rho.nii.gz"
    )
    counts = ("dose", "--activity", tmp_path / "COUNTS.nii.gz", *words, *mass)
    assert "found counts in its header" in refusal(*counts)
    assert "found counts in its header" in refusal(*counts, "--activity-unit", "Bq/mL")
