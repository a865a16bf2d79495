"""Structured report: the numbers of each region, coded, as a Comprehensive 3D SR (TID 1500)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import highdicom as hd
from pydicom.dataset import Dataset

from opensirt.errors import InputError, RegionError, UnitMismatchError
from opensirt.image import Region, Regions
from opensirt.io.dicom_codes import OWN_SCHEME, RADIOTHERAPY, quantity, region_codes, unit_code
from opensirt.io.dicom_common import DicomContext, long_text, save

__all__ = ["RegionMeasurement", "build_measurement_report", "write_measurement_report"]

SEGMENTATION_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66.7",
)
IMAGING_MEASUREMENTS = "126010"
"""DCM code of the container of the groups (TID 1500)."""


@dataclass(frozen=True, slots=True)
class RegionMeasurement:
    """One number of a region: a key of `dicom_codes.quantity`, its value and unit."""

    key: str
    value: float
    unit: str


def write_measurement_report(
    path: Path,
    regions: Regions,
    measurements: Mapping[str, Sequence[RegionMeasurement]],
    context: DicomContext,
    *,
    segmentation: Dataset,
    dose: Dataset | None = None,
    source_series_uid: str | None = None,
    title: str = "SIRT measurements, opensirt",
) -> Path:
    """Write one measurement group per region.

    Parameters
    ----------
    regions : Regions
        In the order of the segments of `segmentation`.
    measurements : mapping
        Region name to its numbers; a region without numbers has no group.
    segmentation : Dataset
        The segmentation written with the same context, whose segments the groups refer to.
    dose : Dataset, optional
        The RT Dose that numbers in Gy were taken from, listed as pertinent evidence. Numbers do not
        refer to it one by one: DCMTK refuses a report with RT Dose in an image reference.
    source_series_uid : str, optional
        Series that the regions were drawn on; by default the source of the context, else the dose.
    title : str
        Description of the series, 64 characters.

    Raises
    ------
    UnknownNameError, UnitMismatchError, RegionError, InputError
        For an unknown quantity, a unit it is not given in, an unknown region, or NaN.
    """
    dataset = build_measurement_report(
        regions,
        measurements,
        context,
        segmentation=segmentation,
        dose=dose,
        source_series_uid=source_series_uid,
        title=title,
    )
    return save(dataset, path)


def build_measurement_report(
    regions: Regions,
    measurements: Mapping[str, Sequence[RegionMeasurement]],
    context: DicomContext,
    *,
    segmentation: Dataset,
    dose: Dataset | None = None,
    source_series_uid: str | None = None,
    title: str = "SIRT measurements, opensirt",
) -> Dataset:
    """The data set of `write_measurement_report`."""
    unknown = [name for name in measurements if name not in regions]
    if unknown:
        raise RegionError(
            f"expected measurements of regions of the case, got {', '.join(unknown)}; regions: "
            + ", ".join(region.name for region in regions)
        )
    series_uid = source_series_uid or _source_series(context, segmentation, dose)
    groups = [
        _group(region, number, measurements[region.name], context, segmentation, series_uid)
        for number, region in enumerate(regions, start=1)
        if measurements.get(region.name)
    ]
    if not groups:
        raise InputError("expected measurements of at least one region for a report, found none")
    report = hd.sr.MeasurementReport(
        observation_context=_observer(context),
        procedure_reported=RADIOTHERAPY,
        imaging_measurements=groups[:1],
    )
    dataset: Dataset = hd.sr.Comprehensive3DSR(
        evidence=[segmentation] if dose is None else [segmentation, dose],
        content=report,
        series_instance_uid=context.series_uid("report"),
        series_number=context.series_number("report"),
        sop_instance_uid=context.sop_uid("report"),
        instance_number=1,
        manufacturer=context.manufacturer,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    _add_groups(dataset, groups[1:])
    context.stamp(dataset, "SR", title)
    dataset.ContentDate, dataset.ContentTime = context.date, context.time
    dataset.CodingSchemeIdentificationSequence = [_own_scheme()]
    return dataset


def _add_groups(dataset: Dataset, groups: Sequence[Dataset]) -> None:
    """Further groups beside the first, which has the same references.

    highdicom copies the content it is given three times over; of 200 regions that takes as long as
    to make it.
    """
    (measurements,) = (
        item
        for item in dataset.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == IMAGING_MEASUREMENTS
    )
    for group in groups:
        measurements.ContentSequence.extend(group)


def _source_series(context: DicomContext, segmentation: Dataset, dose: Dataset | None) -> str:
    """TID 1411 wants the series behind a segment; without source images, what was measured."""
    if context.source is not None:
        return context.source.series_uid
    return str((dose or segmentation).SeriesInstanceUID)


def _observer(context: DicomContext) -> hd.sr.ObservationContext:
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=context.uid("device"),
        name=context.manufacturer,
        manufacturer_name=context.manufacturer,
        model_name=context.manufacturer,
        serial_number=context.software_version,
    )
    return hd.sr.ObservationContext(
        observer_device_context=hd.sr.ObserverContext(
            observer_type=hd.sr.CodedConcept("121007", "DCM", "Device"),
            observer_identifying_attributes=device,
        )
    )


def _group(
    region: Region,
    number: int,
    values: Sequence[RegionMeasurement],
    context: DicomContext,
    segmentation: Dataset,
    series_uid: str,
) -> hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """The measurement group of one region (TID 1411)."""
    if segmentation.SOPClassUID not in SEGMENTATION_CLASSES:
        raise InputError("expected a Segmentation for the report to refer to, got another object")
    codes = region_codes(region.role)
    site = None
    if codes.site is not None:
        site = [hd.sr.FindingSite(codes.site)]
    elif codes.side is not None:
        site = [hd.sr.FindingSite(codes.kind, laterality=codes.side)]
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=context.uid("region", region.name), identifier=long_text(region.name)
        ),
        referenced_segment=hd.sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=hd.sr.SourceSeriesForSegmentation(series_uid),
        ),
        finding_category=codes.category,
        finding_type=codes.kind,
        finding_sites=site,
        measurements=[_measurement(value, region) for value in values],
    )


def _measurement(measured: RegionMeasurement, region: Region) -> hd.sr.Measurement:
    known = quantity(measured.key)
    if measured.unit not in known.units:
        raise UnitMismatchError(
            f"expected {measured.key} of {region.name!r} in {' or '.join(known.units)}, "
            f"got {measured.unit}"
        )
    if not math.isfinite(measured.value):
        raise InputError(
            f"expected a finite {measured.key} of {region.name!r}, got {measured.value}; leave "
            "out what does not apply"
        )
    return hd.sr.Measurement(
        name=known.code,
        value=float(f"{measured.value:.8g}"),
        unit=unit_code(measured.unit),
    )


def _own_scheme() -> Dataset:
    """What the private coding scheme is, for readers that meet its codes."""
    item = Dataset()
    item.CodingSchemeDesignator = OWN_SCHEME
    item.CodingSchemeName = "opensirt quantities of selective internal radiation therapy"
    item.CodingSchemeResponsibleOrganization = "opensirt"
    return item
