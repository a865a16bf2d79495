"""Parametric Map: activity concentration in Bq/mL as 32-bit floats."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset

from opensirt.errors import InputError
from opensirt.image import Volume
from opensirt.io.dicom_codes import LIVER, TOMOGRAPHIC_ACTIVITY, unit_code
from opensirt.io.dicom_common import DicomContext, forget_stand_in, save, short_text
from opensirt.io.dicom_planes import DicomPlanes
from opensirt.units import Unit

__all__ = ["build_activity_map", "write_activity_map"]


def write_activity_map(path: Path, activity: Volume, context: DicomContext) -> Path:
    """Write an activity map as a Parametric Map with a coded quantity and unit.

    Parameters
    ----------
    activity : Volume, (slice, row, column), Bq/mL
        Its nuclide and time go into the description.

    Raises
    ------
    UnitMismatchError, GridMismatchError, InputError
    """
    return save(build_activity_map(activity, context), path)


def build_activity_map(activity: Volume, context: DicomContext) -> Dataset:
    """The data set of `write_activity_map`."""
    planes = DicomPlanes.of(activity.grid)
    values = np.ascontiguousarray(
        planes.arrange(activity.require(Unit.BQ_PER_ML)), dtype=np.float32
    )
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("expected finite activity for a Parametric Map, got NaN or infinity")
    dataset: Dataset = hd.pm.ParametricMap(
        source_images=[context.stand_in(planes)],
        pixel_array=values,
        series_instance_uid=context.series_uid("activity"),
        series_number=context.series_number("activity"),
        sop_instance_uid=context.sop_uid("activity"),
        instance_number=1,
        manufacturer=context.manufacturer,
        manufacturer_model_name=context.manufacturer,
        software_versions=context.software_version,
        device_serial_number=context.software_version,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(low, high)],
        voi_lut_transformations=[
            hd.VOILUTTransformation(window_center=high / 2 or 0.5, window_width=high or 1.0)
        ],
        content_description=_description(activity),
        content_label="ACTIVITY",
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=[float(v) for v in planes.pixel_spacing],
            slice_thickness=planes.slice_spacing_mm,
            spacing_between_slices=planes.slice_spacing_mm,
        ),
        plane_orientation=hd.PlaneOrientationSequence(
            "PATIENT", [float(v) for v in planes.orientation]
        ),
        plane_positions=[
            hd.PlanePositionSequence("PATIENT", [float(v) for v in planes.position(i)])
            for i in range(values.shape[0])
        ],
    )
    context.stamp(dataset, "OT", "Activity concentration, opensirt")
    dataset.ContentDate, dataset.ContentTime = context.date, context.time
    dataset.BodyPartExamined = "LIVER"
    dataset.ContentCreatorName = ""
    dataset.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [_frame_anatomy()]
    forget_stand_in(dataset)
    return dataset


def _frame_anatomy() -> Dataset:
    """The anatomy of all frames, which readers of Parametric Maps ask for."""
    region = Dataset()
    region.AnatomicRegionSequence = [LIVER]
    region.FrameLaterality = "U"  # unpaired
    return region


def _mapping(low: float, high: float) -> hd.pm.RealWorldValueMapping:
    return hd.pm.RealWorldValueMapping(
        lut_label="ACTIVITY",
        lut_explanation="Activity concentration",
        unit=unit_code("Bq/ml"),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=TOMOGRAPHIC_ACTIVITY,
    )


def _description(activity: Volume) -> str:
    """Nuclide and time in words, 64 characters."""
    time = activity.time
    when = time.isoformat(timespec="minutes") if isinstance(time, datetime) else time
    words = f"{activity.nuclide or 'nuclide not stated'}, Bq/mL, at {when or 'a time not stated'}"
    return short_text(words, 64)
