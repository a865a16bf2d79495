"""A known point in patient space goes through every reader; units and encodings hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from opensirt.errors import DicomError, NotUsableError
from opensirt.io.dicom_images import read_dicom_image
from opensirt.io.dicom_nm import read_planar
from opensirt.units import Unit
from tests.unit.io import dicom_factory as make

SHAPE = (5, 6, 7)
BRIGHT = (3, 2, 4)
ORIGIN = np.array([10.0, -20.0, 30.0])
ORIENTATIONS = {
    "axial": make.AXIAL, "flipped": make.FLIPPED, "sagittal": make.SAGITTAL,
    "coronal": make.CORONAL, "oblique": make.OBLIQUE,
}  # fmt: skip


def bright(background: int = 1024, value: int = 2024) -> np.ndarray:
    volume = np.full(SHAPE, background, dtype=np.uint16)
    volume[BRIGHT] = value
    return volume


def known_point(cosines, spacing: float = 4.0) -> np.ndarray:
    """Patient place of the bright voxel, by hand from DICOM PS3.3 C.7.6.2.1.1."""
    row, column = np.asarray(cosines[0]), np.asarray(cosines[1])
    slice_, line, pixel = BRIGHT
    normal = np.cross(row, column)
    return ORIGIN + normal * slice_ * spacing + column * line * 2.0 + row * pixel * 1.5


def brightest(image) -> np.ndarray:
    volume = image.volume
    index = np.unravel_index(int(volume.values.argmax()), volume.values.shape)
    return volume.grid.to_patient(index)


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["ct", "mr", "pet", "enhanced"])
def test_known_point(tmp_path: Path, kind: str, name: str) -> None:
    cosines = ORIENTATIONS[name]
    if kind == "ct":
        objects = make.slices(make.CT, "CT", bright(), cosines=cosines)
    elif kind == "mr":
        objects = make.slices(make.MR, "MR", bright(), cosines=cosines)
    elif kind == "pet":
        objects = make.pet(bright(), cosines=cosines)
    else:
        objects = [make.enhanced_ct(bright(), cosines=cosines, order=[4, 2, 0, 1, 3])]
    image = read_dicom_image(make.save(objects, tmp_path))
    assert brightest(image) == pytest.approx(known_point(cosines), abs=0.01)
    assert image.volume.grid.spacing_mm == pytest.approx((4.0, 2.0, 1.5))
    assert np.linalg.det(image.volume.grid.directions[::-1]) == pytest.approx(1.0)


@pytest.mark.parametrize("spacing", [4.0, -4.0])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_known_point_of_a_reconstruction(tmp_path: Path, name: str, spacing: float) -> None:
    """A negative SpacingBetweenSlices stacks against the normal (DICOM PS3.3 C.8.4.15)."""
    cosines = ORIENTATIONS[name]
    objects = make.spect(bright(0, 90), cosines=cosines, spacing=spacing)
    image = read_dicom_image(make.save(objects, tmp_path))
    assert brightest(image) == pytest.approx(known_point(cosines, spacing), abs=0.01)
    assert image.volume.total() == 90
    assert image.volume.unit is Unit.COUNTS
    assert image.volume.nuclide == "tc99m"


def test_slice_vector_orders_frames(tmp_path: Path) -> None:
    volume = bright(0, 90)
    objects = make.spect(volume[::-1], SliceVector=[5, 4, 3, 2, 1])
    image = read_dicom_image(make.save(objects, tmp_path))
    assert brightest(image) == pytest.approx(known_point(make.AXIAL), abs=0.01)


@pytest.mark.parametrize(
    ("change", "keyword"),
    [
        ({"spacing": None}, "SpacingBetweenSlices"),
        ({"DetectorInformationSequence": DicomSequence([])}, "ImagePositionPatient"),
        ({"kind": "TOMO"}, "projections"),
        ({"kind": "STATIC"}, "planar"),
        ({"SliceVector": [1, 1, 2, 2, 3]}, "SliceVector"),
        ({"Units": "PROPCPS"}, "Units is PROPCPS"),
    ],
)
def test_reconstruction_refused(tmp_path: Path, change: dict, keyword: str) -> None:
    path = make.save(make.spect(bright(0, 90), **change), tmp_path)
    with pytest.raises(DicomError, match=keyword):
        read_dicom_image(path)


def test_real_world_value_mapping_gives_activity(tmp_path: Path) -> None:
    unit = make.item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Bq/ml")
    mapping = make.item(
        MeasurementUnitsCodeSequence=DicomSequence([unit]), RealWorldValueSlope=2.5,
        RealWorldValueIntercept=0.0, RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=1000,
    )  # fmt: skip
    objects = make.spect(bright(0, 90), RealWorldValueMappingSequence=DicomSequence([mapping]))
    image = read_dicom_image(make.save(objects, tmp_path))
    assert image.volume.unit is Unit.BQ_PER_ML
    assert image.volume.values.max() == pytest.approx(225.0)


def test_uneven_gaps_are_resampled_linearly(tmp_path: Path) -> None:
    """A ramp along z stays that ramp, and a point stays where it is."""
    heights = [0.0, 4.0, 8.0, 11.8, 15.8, 19.8]
    ramp = np.repeat(np.round(np.array(heights) * 100).astype(np.uint16), 42).reshape(6, 6, 7)
    image = read_dicom_image(make.save(make.pet(ramp, heights=heights), tmp_path))
    z = 30.0 + np.arange(6) * image.volume.grid.spacing_mm[0]
    assert image.volume.grid.spacing_mm[0] == pytest.approx(19.8 / 5)
    assert image.volume.values[:, 0, 0] == pytest.approx((z - 30.0) * 100, abs=0.01)
    assert any("3.80 to 4.00 mm resampled" in note for note in image.notes)


@pytest.mark.parametrize(
    ("heights", "message"),
    [
        ([0.0, 4.0, 12.0, 16.0, 20.0], "slices are missing: a gap of 8.00 mm"),
        ([0.0, 4.0, 4.0, 8.0, 12.0], "share one ImagePositionPatient"),
    ],
)
def test_missing_and_repeated_slices_are_refused(tmp_path: Path, heights, message) -> None:
    paths = make.save(make.slices(make.CT, "CT", bright(), heights=heights), tmp_path)
    with pytest.raises(DicomError, match=message):
        read_dicom_image(paths)


def test_tilted_gantry_is_straightened(tmp_path: Path) -> None:
    """Slices that drift by 0.25 mm per mm (1 mm, half a row, each) are shifted into line."""
    ridge = np.full((5, 8, 9), 24, dtype=np.uint16)  # -1000 HU
    for index in range(5):  # a plane y = const in the patient, drawn in every slice
        ridge[index, 6 - index if index < 3 else 4, :] = 1024
    objects = make.slices(make.CT, "CT", ridge[::2], heights=[0.0, 8.0, 16.0], shear=(0, 0.25, 0))
    image = read_dicom_image(make.save(objects, tmp_path))
    grid = image.volume.grid
    assert grid.is_orthogonal
    assert any("tilted gantry (14.0 degrees)" in note for note in image.notes)
    for index, row in ((0, 6), (1, 4)):
        place = ORIGIN + np.array([1.5 * 4, 2.0 * row + 0.25 * 8.0 * index, 8.0 * index])
        assert image.volume.at(tuple(place)) == pytest.approx(0.0)


def test_stack_that_is_no_stack_is_refused(tmp_path: Path) -> None:
    paths = make.save(make.slices(make.CT, "CT", bright(), shear=(0, 2.0, 0)), tmp_path)
    with pytest.raises(DicomError, match="do not describe one stack"):
        read_dicom_image(paths)


@pytest.mark.parametrize(
    ("kind", "keyword"),
    [
        ("CT", "RescaleSlope"), ("CT", "RescaleIntercept"), ("PT", "RescaleSlope"),
        ("PT", "Units"), ("PT", "DecayCorrection"), ("CT", "ImagePositionPatient"),
        ("CT", "ImageOrientationPatient"), ("CT", "PixelSpacing"), ("CT", "PixelData"),
    ],
)  # fmt: skip
def test_missing_attribute_is_named(tmp_path: Path, kind: str, keyword: str) -> None:
    objects = make.pet(bright()) if kind == "PT" else make.slices(make.CT, "CT", bright())
    for dataset in objects:
        del dataset[keyword]
    with pytest.raises(DicomError, match=keyword):
        read_dicom_image(make.save(objects, tmp_path))


def test_ct_of_another_quantity_is_refused(tmp_path: Path) -> None:
    paths = make.save(make.slices(make.CT, "CT", bright(), RescaleType="Z_EFF"), tmp_path)
    with pytest.raises(NotUsableError, match="RescaleType is Z_EFF"):
        read_dicom_image(paths)


def test_single_slice_needs_its_thickness(tmp_path: Path) -> None:
    objects = make.slices(make.CT, "CT", bright()[:1])
    assert read_dicom_image(make.save(objects, tmp_path)).volume.grid.spacing_mm[0] == 4.0
    del objects[0].SliceThickness
    with pytest.raises(DicomError, match="single slice without SliceThickness"):
        read_dicom_image(make.save(objects, tmp_path))


FORMS = ["implicit", "big endian", "deflated", "no meta", "JPEG 2000", "JPEG-LS", "RLE", "JPEG"]


@pytest.mark.parametrize("form", FORMS)
def test_encodings(tmp_path: Path, form: str) -> None:
    """Every encoding gives the same values in the same place."""
    objects = make.slices(make.CT, "CT", bright())
    if form in ("JPEG 2000", "JPEG-LS", "RLE"):
        uid = {"JPEG 2000": JPEG2000Lossless, "JPEG-LS": JPEGLSLossless, "RLE": RLELossless}[form]
        for dataset in objects:
            try:
                dataset.compress(uid, generate_instance_uid=False)
            except RuntimeError:
                _compress_with_gdcm_or_skip(dataset, uid)
        paths = make.save(objects, tmp_path)
    elif form == "no meta":
        paths = []
        for index, dataset in enumerate(objects):
            del dataset.file_meta
            paths.append(tmp_path / f"{index}.dcm")
            dataset.save_as(paths[-1], implicit_vr=True, little_endian=True)
    else:
        syntax = {
            "implicit": ImplicitVRLittleEndian,
            "big endian": ExplicitVRBigEndian,
            "deflated": DeflatedExplicitVRLittleEndian,
            "JPEG": ExplicitVRLittleEndian,
        }[form]
        for dataset in objects:
            dataset.file_meta.TransferSyntaxUID = syntax
            if form == "big endian":
                words = np.frombuffer(dataset.PixelData, dtype="<u2")
                dataset.PixelData = words.astype(">u2").tobytes()
        paths = make.save(objects, tmp_path)
        if form == "JPEG":
            _to_lossless_jpeg_with_gdcm(paths)
    image = read_dicom_image(paths)
    assert brightest(image) == pytest.approx(known_point(make.AXIAL), abs=0.01)
    assert np.unique(image.volume.values).tolist() == [0.0, 1000.0]


def _to_lossless_jpeg_with_gdcm(paths) -> None:
    """Rewrite files as JPEG Lossless (process 14, selection value 1)."""
    gdcm = pytest.importorskip("gdcm")
    for path in paths:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
    assert pydicom.dcmread(paths[0]).file_meta.TransferSyntaxUID == JPEGLosslessSV1


def _compress_with_gdcm_or_skip(dataset, uid) -> None:
    """JPEG 2000 through Pillow, where pydicom itself has no encoder for it."""
    image = pytest.importorskip("PIL.Image")
    import io

    if uid != JPEG2000Lossless:
        pytest.skip(f"no encoder for {uid.name} here")
    pixels = np.frombuffer(dataset.PixelData, dtype="<u2").reshape(dataset.Rows, dataset.Columns)
    stream = io.BytesIO()
    try:
        image.fromarray(pixels).save(stream, format="JPEG2000", irreversible=False, no_jp2=True)
    except (OSError, KeyError, ValueError) as error:
        pytest.skip(f"Pillow cannot write JPEG 2000 here: {error}")
    dataset.PixelData = encapsulate([stream.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = uid


def test_truncated_pixels_are_counted(tmp_path: Path) -> None:
    path = make.save(make.slices(make.CT, "CT", bright()[:1]), tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DicomError, match="PixelData holds 74 of 84 bytes"):
        read_dicom_image(path)


def test_planar_views(tmp_path: Path) -> None:
    views = [
        make.item(ViewCodeSequence=DicomSequence(
            [make.item(CodeValue=c, CodingSchemeDesignator="SRT", CodeMeaning=m)]
        ))
        for c, m in (("R-10206", "Anterior"), ("R-10214", "Posterior"))
    ]  # fmt: skip
    counts = np.stack([np.full((6, 7), 5), np.full((6, 7), 3)]).astype(np.uint16)
    objects = make.spect(
        counts, kind="WHOLE BODY", DetectorVector=[2, 1],
        DetectorInformationSequence=DicomSequence(views),
    )  # fmt: skip
    found = read_planar(make.save(objects, tmp_path)[0])
    assert [(p.view, float(p.counts.sum())) for p in found] == [
        ("posterior", 210),
        ("anterior", 126),
    ]
    assert found[0].pixel_mm == (2.0, 1.5)
    assert found[0].nuclide == "tc99m"
    with pytest.raises(NotUsableError, match="found RECON TOMO"):
        read_planar(make.save(make.spect(bright()), tmp_path / "tomo")[0])


def enhanced_pet(volume: np.ndarray, unit: str, **more):
    """An enhanced PET with a real world value mapping, two temporal positions of two slices."""
    code = make.item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)
    mapping = make.item(
        MeasurementUnitsCodeSequence=DicomSequence([code]), RealWorldValueSlope=2.0,
        RealWorldValueIntercept=1.0,
    )  # fmt: skip
    dataset = make.enhanced_ct(volume)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    dataset.Modality, dataset.DecayCorrected = "PT", "YES"
    dataset.DecayCorrectionDateTime = "20250110120000+0000"
    dataset.RadiopharmaceuticalInformationSequence = make.drug()
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.RealWorldValueMappingSequence = DicomSequence([mapping])
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = make.item(TemporalPositionIndex=1 + index // 2, StackID="1")
        frame.FrameContentSequence = DicomSequence([content])
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 4.0 * (index % 2)]
    return dataset


def test_enhanced_pet_by_its_mapping_and_time_points(tmp_path: Path) -> None:
    from opensirt.errors import AmbiguousStudyError
    from opensirt.io.study import read_study

    volume = np.full((4, 6, 7), 10, dtype=np.uint16)
    volume[2:] = 20
    make.save(enhanced_pet(volume, "Bq/ml"), tmp_path)
    with pytest.raises(AmbiguousStudyError, match="StackID 1, TemporalPositionIndex 2"):
        read_study(tmp_path)
    name = "PT series 1 (StackID 1, TemporalPositionIndex 2)"
    image = read_study(tmp_path, choose={"treatment-activity": name}).activity_image
    assert image.volume.unit is Unit.BQ_PER_ML
    assert np.unique(image.volume.values).tolist() == [41.0]
    assert image.acquired is not None
    assert image.acquired.isoformat() == "2025-01-10T12:00:00+00:00"


def test_enhanced_pet_in_suv_is_refused(tmp_path: Path) -> None:
    paths = make.save(enhanced_pet(np.full((4, 6, 7), 9, np.uint16), "g/ml{SUVbw}"), tmp_path)
    with pytest.raises(NotUsableError, match=r"MeasurementUnitsCodeSequence names g/ml{SUVbw}"):
        read_dicom_image(paths)
