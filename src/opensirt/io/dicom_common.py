"""What every written DICOM object shares: patient, study, series, equipment and identities."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from opensirt._version import __version__
from opensirt.case import Case, StudyImage
from opensirt.errors import InputError
from opensirt.image import Grid
from opensirt.io.dicom_planes import DicomPlanes

__all__ = [
    "PATIENT_KEYWORDS",
    "STUDY_KEYWORDS",
    "DicomContext",
    "SourceImages",
    "add_decimals",
    "forget_stand_in",
    "instance_reference",
    "long_text",
    "save",
    "short_text",
]

MANUFACTURER = "opensirt"
CHARACTER_SET = "ISO_IR 192"
SAME_PLANE_MM = 0.01
FIRST_SERIES_NUMBER = 9001
SERIES_ORDER = (
    "plan", "dose", "structures", "segmentation", "report", "activity", "outlines",
    "outlines-segmentation",
)  # fmt: skip
GIVEN, GIVEN_SERIES = "Given", 50
"""Subject of a verification, and how far behind those of a plan its series are numbered."""
PATIENT_KEYWORDS = (
    "PatientName", "PatientID", "IssuerOfPatientID", "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence", "PatientBirthDate", "PatientBirthTime", "PatientSex",
    "OtherPatientIDs", "OtherPatientIDsSequence", "OtherPatientNames", "EthnicGroup",
    "PatientComments", "PatientIdentityRemoved", "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
)  # fmt: skip
STUDY_KEYWORDS = (
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
"""Modules General Study and Patient Study: the same in every object of a study."""
EMPTY_KEYWORDS = ("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName")
"""Those of type 2, written empty where nothing is known."""
AS_DRAWN = "Outlines as drawn"
"""Beginning of what series of the outlines of a study are called, beside those of a plan."""
OWN_DESCRIPTION = "Radioembolization, opensirt"


def short_text(text: str, length: int = 16) -> str:
    """Text that fits a DICOM short string: no backslash or control characters, cut to length."""
    clean = "".join(c if c.isprintable() and c != "\\" else " " for c in text).strip()
    return clean[:length].rstrip()


def long_text(text: str) -> str:
    """Text that fits a DICOM long string of 64 characters."""
    return short_text(text, 64)


@dataclass(frozen=True, slots=True)
class SourceImages:
    """The DICOM images that regions were drawn on, to be referred to, not copied.

    `instance_uids` are in the order of the slices of `grid`; one alone is a multi-frame image.
    """

    sop_class_uid: str
    series_uid: str
    instance_uids: tuple[str, ...]
    grid: Grid

    @classmethod
    def of(cls, image: StudyImage) -> SourceImages | None:
        """The source of a study image, or None where it did not come from DICOM."""
        if not (image.instance_uids and image.series_uid and image.sop_class_uid):
            return None
        return cls(image.sop_class_uid, image.series_uid, image.instance_uids, image.volume.grid)

    def instance_at(self, point_mm: npt.ArrayLike, normal: npt.ArrayLike) -> str | None:
        """UID of the image whose plane holds a patient point; None where none does."""
        along = self.grid.directions[0]
        if abs(abs(float(along @ np.asarray(normal))) - 1.0) > 1e-6:
            return None
        if len(self.instance_uids) == 1:
            return self.instance_uids[0]
        if len(self.instance_uids) != self.grid.shape[0]:
            return None
        gap_mm = float(along @ (np.asarray(point_mm) - np.asarray(self.grid.origin_mm)))
        index = round(gap_mm / self.grid.spacing_mm[0])
        if abs(gap_mm - index * self.grid.spacing_mm[0]) > SAME_PLANE_MM:
            return None
        return self.instance_uids[index] if 0 <= index < len(self.instance_uids) else None

    def by_frame(self, planes: DicomPlanes) -> list[str | None]:
        """For each frame, the image in its plane."""
        count = planes.grid.shape[0]
        return [self.instance_at(planes.position_mm(i), planes.normal) for i in range(count)]


@dataclass(frozen=True, slots=True)
class DicomContext:
    """Identities that the objects of one result share; make one with `for_case`.

    Objects written with one context refer to each other by UIDs that follow from `uid_seed`, so
    the order of writing does not matter and the same context must not write two different results.

    Parameters
    ----------
    patient_id : str
        The pseudonym; no other patient attribute is written, unless `patient_from` is given.
    study_uid, frame_of_reference_uid : str
        Those of the source images where the results join their study, so that they overlay.
    uid_seed : str
        Random by default. For repeatable UIDs give a text that changes when any result would:
        the hash of all inputs, options and the version.
    created : datetime (aware)
        Time of writing.
    own_study : bool
        True where the study is opensirt's own, so that its date is the time of writing.
    source : SourceImages, optional
        The images that regions were drawn on.
    patient_from : Dataset, optional
        A source data set whose patient and study modules are copied instead of the pseudonym.
    """

    patient_id: str
    study_uid: str
    frame_of_reference_uid: str
    uid_seed: str
    created: datetime
    patient_sex: str = ""
    own_study: bool = True
    source: SourceImages | None = None
    patient_from: Dataset | None = None
    manufacturer: str = MANUFACTURER
    software_version: str = __version__
    first_series_number: int = FIRST_SERIES_NUMBER
    subject: str = ""
    """A word in front of every description, so that two results in one study can be told apart."""

    def __post_init__(self) -> None:
        if not self.patient_id or self.patient_id != long_text(self.patient_id):
            raise InputError(
                f"expected a case id of 1 to 64 printable characters without backslash for "
                f"PatientID, got {self.patient_id!r}; change the id of the case"
            )
        if self.created.tzinfo is None:
            raise InputError(f"the time {self.created} has no time zone; give one, such as +00:00")

    @classmethod
    def for_case(
        cls,
        case: Case,
        *,
        image: StudyImage | None = None,
        uid_seed: str | None = None,
        created: datetime | None = None,
        patient_from: Dataset | None = None,
        is_given: bool = False,
    ) -> DicomContext:
        """The context of a case; with `image`, results join its study and lie in its space.

        `is_given`: they verify what was given, and stand behind those of a plan.
        """
        seed = uid_seed or uuid.uuid4().hex
        made = generate_uid(entropy_srcs=[seed, case.id, "study"])
        frame = generate_uid(entropy_srcs=[seed, case.id, "frame-of-reference"])
        sex = case.patient.sex.strip().upper()[:1]
        return cls(
            patient_id=case.id,
            study_uid=(image.study_uid if image else "") or str(made),
            frame_of_reference_uid=(image.frame_of_reference_uid if image else "") or str(frame),
            uid_seed=seed,
            created=created or datetime.now(UTC),
            patient_sex=sex if sex in ("M", "F", "O") else "",
            own_study=not (image and image.study_uid),
            source=SourceImages.of(image) if image else None,
            patient_from=patient_from,
            first_series_number=FIRST_SERIES_NUMBER + (GIVEN_SERIES if is_given else 0),
            subject=GIVEN if is_given else "",
        )

    def uid(self, *parts: str) -> str:
        """The UID of a named thing: the same each time it is asked for."""
        return str(generate_uid(entropy_srcs=[self.uid_seed, self.patient_id, *parts]))

    def sop_uid(self, name: str) -> str:
        """SOP instance UID of the object `name`: "dose", "plan", "structures" and so on."""
        return self.uid("instance", name)

    def series_uid(self, name: str) -> str:
        """Series instance UID of the object `name`."""
        return self.uid("series", name)

    def series_number(self, name: str) -> int:
        """Number that orders the series of opensirt behind those of the scanner."""
        place = SERIES_ORDER.index(name) if name in SERIES_ORDER else len(SERIES_ORDER)
        return self.first_series_number + place

    def start(self, name: str, sop_class_uid: str, modality: str, description: str) -> Dataset:
        """A data set with patient, study, series, equipment and SOP common modules."""
        dataset = Dataset()
        dataset.SpecificCharacterSet = CHARACTER_SET
        dataset.SOPClassUID = sop_class_uid
        dataset.SOPInstanceUID = self.sop_uid(name)
        self.stamp(dataset, modality, description)
        dataset.SeriesInstanceUID = self.series_uid(name)
        dataset.SeriesNumber = self.series_number(name)
        dataset.InstanceNumber = 1
        return dataset

    def stamp(self, dataset: Dataset, modality: str, description: str) -> None:
        """Write patient, study and equipment attributes and the dates of this context."""
        self.write_patient(dataset)
        dataset.InstanceCreationDate = dataset.SeriesDate = self.date
        dataset.InstanceCreationTime = dataset.SeriesTime = self.time
        dataset.Modality = modality
        dataset.SeriesDescription = long_text(
            f"{self.subject}: {description}" if self.subject else description
        )
        dataset.Manufacturer = self.manufacturer
        dataset.ManufacturerModelName = self.manufacturer
        dataset.DeviceSerialNumber = self.software_version
        dataset.SoftwareVersions = self.software_version

    def write_patient(self, dataset: Dataset) -> None:
        """The pseudonym in place of an identity, or the modules of `patient_from`."""
        dataset.PatientName = ""
        dataset.PatientID = self.patient_id
        dataset.PatientBirthDate = ""
        dataset.PatientSex = self.patient_sex
        dataset.StudyInstanceUID = self.study_uid
        for keyword in EMPTY_KEYWORDS:
            setattr(dataset, keyword, "")
        if self.own_study:
            dataset.StudyDate, dataset.StudyTime, dataset.StudyID = self.date, self.time, "1"
            dataset.StudyDescription = OWN_DESCRIPTION
        if self.patient_from is None:
            return
        for keyword in (*PATIENT_KEYWORDS, *STUDY_KEYWORDS):
            if keyword in self.patient_from:
                setattr(dataset, keyword, self.patient_from[keyword].value)

    @property
    def date(self) -> str:
        """Day of writing, DICOM DA."""
        return self.created.strftime("%Y%m%d")

    @property
    def time(self) -> str:
        """Time of writing, DICOM TM."""
        return self.created.strftime("%H%M%S")

    def stand_in(self, planes: DicomPlanes) -> Dataset:
        """A header like a CT slice's, for builders that take patient and study from an image.

        It is never written, and no written object refers to it.
        """
        dataset = self.start("stand-in", "1.2.840.10008.5.1.4.1.1.2", "CT", "")
        dataset.FrameOfReferenceUID = self.frame_of_reference_uid
        dataset.PositionReferenceIndicator = ""
        dataset.Rows, dataset.Columns = planes.grid.shape[1:]
        dataset.ImageOrientationPatient = planes.orientation
        dataset.ImagePositionPatient = planes.position(0)
        dataset.PixelSpacing = planes.pixel_spacing
        dataset.SliceThickness = planes.slice_spacing_mm
        return dataset


def forget_stand_in(dataset: Dataset) -> None:
    """Drop every reference to a stand-in image from the multi-frame object built from it."""
    dataset.pop("ReferencedSeriesSequence", None)
    dataset.pop("SourceImageSequence", None)
    groups = [*dataset.SharedFunctionalGroupsSequence, *dataset.PerFrameFunctionalGroupsSequence]
    for group in groups:
        group.pop("DerivationImageSequence", None)


def instance_reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An item of a sequence that refers to one object."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def add_decimals(item: Dataset, keyword: str, texts: Sequence[str], *, implicit: bool) -> None:
    """Give an item an element of many decimal strings (DS), without an object for each.

    Each text is a number of 16 characters at most, which the caller's format sees to. `implicit`
    is how the item will be saved: the text is then written as it is; another way is right too, but
    slower.
    """
    data = "\\".join(texts).encode("ascii")
    data += b" " * (len(data) % 2)
    item.add(RawDataElement(Tag(keyword), "DS", len(data), data, 0, implicit, True))  # type: ignore[arg-type]
    item.set_original_encoding(implicit, True, default_encoding)


def save(dataset: Dataset, path: Path, *, implicit: bool = False) -> Path:
    """Write a DICOM file, little endian, with explicit value representations unless `implicit`.

    An implicit one has no limit of 64 KiB on the text of one attribute.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)
    return path
