"""Real world value mappings: applied where they can be, else refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_real_world import Scale, mapped_units, real_world_scale
from opensirt.units import Unit
from tests.unit.io import dicom_factory as make


def mapping(code: str | None, slope: float | None = 2.0, intercept: float | None = 3.0, **more):
    item = make.item(**more)
    if code is not None:
        item.MeasurementUnitsCodeSequence = make.DicomSequence([make.item(CodeValue=code)])
    if slope is not None:
        item.RealWorldValueSlope = slope
    if intercept is not None:
        item.RealWorldValueIntercept = intercept
    return item


def mapped(*mappings):
    return make.item(RealWorldValueMappingSequence=make.DicomSequence(mappings))


def spect(folder: Path, *mappings, **more):
    """A SPECT of stored values 0 to 90 that carries these mappings, read."""
    counts = np.zeros((8, 8, 8), dtype=np.uint16)
    counts[3, 4, 5] = 90
    sequence = make.DicomSequence(mappings)
    objects = make.spect(counts, RealWorldValueMappingSequence=sequence, **more)
    return read_dicom_image(make.save(objects, folder)).volume


@pytest.mark.parametrize(
    ("code", "unit", "factor"),
    [("Bq/ml", Unit.BQ_PER_ML, 1.0), ("Bq/mL", Unit.BQ_PER_ML, 1.0),
     ("kBq/ml", Unit.BQ_PER_ML, 1e3), ("MBq/cm3", Unit.BQ_PER_ML, 1e6),
     ("Bq/l", Unit.BQ_PER_ML, 1e-3), ("{counts}", Unit.COUNTS, 1.0), ("[hnsf'U]", Unit.HU, 1.0)],
)  # fmt: skip
def test_a_mapping_has_the_unit_of_its_code(code: str, unit: Unit, factor: float) -> None:
    expected = Scale(2.0 * factor, 3.0 * factor, unit)
    assert real_world_scale([mapped(mapping(code))], "x") == expected


def test_activity_comes_before_counts_and_frames_before_the_whole() -> None:
    frame = mapped(mapping("g/ml{SUVbw}", 9.0), mapping(None), mapping("mBq/ml"))
    both = mapped(mapping("{counts}", 4.0), mapping("Bq/ml", 5.0, 7.0))
    assert real_world_scale([frame, both], "x") == Scale(5.0, 7.0, Unit.BQ_PER_ML)
    assert real_world_scale([frame], "x") is None
    assert mapped_units([frame, both], "x") == (
        "g/ml{SUVbw}", "", "mBq/ml", "{counts}", "Bq/ml",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mappings", "error", "said"),
    [
        ([mapping("Bq/ml", 5.0, None)], DicomError, "RealWorldValueIntercept of the mapping"),
        ([mapping("Bq/ml", None)], DicomError, "RealWorldValueSlope of the mapping to Bq/ml"),
        ([mapping("Bq/ml", 0.0)], DicomError, "RealWorldValueSlope is 0; it must be above 0"),
        ([mapping("kBq/ml", -2.0)], DicomError, "RealWorldValueSlope is -2"),
        ([mapping("Bq/ml", 5.0), mapping("kBq/ml", 5.0)], DicomError, "2 mappings to Bq/mL"),
        ([mapping("Bq/ml", None, None, RealWorldValueLUTData=[0.0, 1.0])], NotUsableError,
         "RealWorldValueLUTData maps stored values to Bq/ml by a table"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused_by_name(mappings, error, said: str) -> None:
    with pytest.raises(error, match=said):
        real_world_scale([mapped(*mappings)], "x")


def test_the_same_mapping_twice_is_one() -> None:
    twice = mapped(mapping("kBq/ml", 2.0, 0.0), mapping("Bq/ml", 2000.0, 0.0))
    assert real_world_scale([twice], "x") == Scale(2000.0, 0.0, Unit.BQ_PER_ML)


@pytest.mark.parametrize(("code", "unit"), [("{counts}", Unit.COUNTS), ("kBq/ml", Unit.BQ_PER_ML)])
def test_an_intercept_is_applied(tmp_path: Path, code: str, unit: Unit) -> None:
    image = spect(tmp_path, mapping(code, 2.0, 30.0))
    factor = 1e3 if unit is Unit.BQ_PER_ML else 1.0
    assert image.unit is unit
    assert float(image.values.min()) == pytest.approx(30.0 * factor)
    assert float(image.values.max()) == pytest.approx(210.0 * factor)


def test_a_unit_not_known_is_relative_only_by_a_slope_alone(tmp_path: Path) -> None:
    assert spect(tmp_path / "slope", mapping("g/ml{SUVbw}", 0.1, 0.0)).unit is Unit.COUNTS
    with pytest.raises(NotUsableError, match=r"maps stored values to g/ml\{SUVbw\}, not by a"):
        spect(tmp_path / "intercept", mapping("g/ml{SUVbw}", 0.1, 5.0))


def test_a_mapping_holds_for_the_stored_values_it_names(tmp_path: Path) -> None:
    ends = ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped")
    enough = dict(zip(ends, (0, 90), strict=True))
    assert float(spect(tmp_path / "all", mapping("Bq/ml", 2.0, 0.0, **enough)).values.max()) == 180
    for number, (first, last) in enumerate(((0, 89), (1, 90))):
        short = mapping("Bq/ml", 2.0, 0.0, **dict(zip(ends, (first, last), strict=True)))
        with pytest.raises(
            DicomError, match=rf"stored values from 0 to .* holds from {first} to {last}"
        ):
            spect(tmp_path / f"short {number}", short)
    back = mapping("Bq/ml", 2.0, 0.0, **dict(zip(ends, (90, 0), strict=True)))
    with pytest.raises(DicomError, match="RealWorldValueFirstValueMapped is 90, above"):
        spect(tmp_path / "back", back)


def test_the_range_of_a_mapping_may_be_in_double_floats(tmp_path: Path) -> None:
    """As parametric maps write it; stored values up to 90 do not lie below 89.5."""
    keys = [f"DoubleFloatRealWorldValue{end}ValueMapped" for end in ("First", "Last")]
    whole = mapping("Bq/ml", 2.0, 0.0, **dict(zip(keys, (0.0, 90.5), strict=True)))
    scale = real_world_scale([mapped(whole)], "x")
    assert scale == Scale(2.0, 0.0, Unit.BQ_PER_ML, 0.0, 90.5)
    assert float(spect(tmp_path / "all", whole).values.max()) == 180
    short = mapping("Bq/ml", 2.0, 0.0, **dict(zip(keys, (0.0, 89.5), strict=True)))
    with pytest.raises(DicomError, match=r"stored values from 0 to 90, .* from 0 to 89\.5"):
        spect(tmp_path / "short", short)


@pytest.mark.parametrize(
    ("slope", "intercept", "said"),
    [(2.0, 0.0, None), (2.0, 500.0, "Intercept"), (1.99, 0.0, "Slope"), (2.01, 0.0, "Slope")],
)
def test_two_statements_of_one_scale_are_the_same(
    tmp_path: Path, slope: float, intercept: float, said: str | None
) -> None:
    objects = pet()
    objects[1].RealWorldValueMappingSequence = make.DicomSequence(
        [mapping("Bq/ml", slope, intercept)]
    )
    paths = make.save(objects, tmp_path)  # a mapping on some slices is held against them all
    if said is None:
        assert np.unique(read_dicom_image(paths).volume.values).tolist() == [200.0]
    else:
        with pytest.raises(DicomError, match=rf"Rescale{said} .* contradict"):
            read_dicom_image(paths)


def test_a_mapping_on_some_slices_only_is_not_guessed_for_the_others(tmp_path: Path) -> None:
    objects = pet()
    for dataset in objects:
        dataset.Units = "CNTS"
    objects[0].RealWorldValueMappingSequence = make.DicomSequence([mapping("Bq/ml", 7.0, 0.0)])
    with pytest.raises(DicomError, match="gives Bq/mL on 1 of 3 slices"):
        read_dicom_image(make.save(objects, tmp_path))


def pet():
    """Slices of stored value 100, 2 Bq/mL each."""
    return make.pet(np.full((3, 4, 5), 100, dtype=np.uint16), RescaleSlope=2.0)
