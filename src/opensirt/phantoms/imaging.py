"""SPECT, PET and CT images of a known activity or density: blur, counts and noise.

Blur and resampling are one exact step: the activity of a source voxel, uniform inside it, is folded
with a Gaussian and integrated over each target voxel. Each axis is a small matrix, so nothing is
lost but what leaves the field of view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from opensirt.errors import GridMismatchError
from opensirt.image import Grid, Volume
from opensirt.physics.nuclides import decay_factor, nuclide
from opensirt.physics.tables import Table, load_table
from opensirt.units import BQ_PER_MBQ, SECONDS_PER_HOUR, Unit

__all__ = [
    "PetSettings",
    "SpectSettings",
    "blurred_onto",
    "default_pet",
    "default_spect",
    "image_grid",
    "noisy_ct",
    "simulate_pet",
    "simulate_spect",
]

FloatArray = npt.NDArray[np.float64]
HOTTEST_VOXEL_COUNTS = 60_000.0
"""Expected counts of the hottest voxel at most: 16 bits hold 65 535, with room for noise."""
FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True, slots=True)
class SpectSettings:
    """Voxel size, blur and total counts of a reconstructed SPECT image."""

    voxel_mm: float
    matrix: int
    fwhm_mm: float
    total_counts: float
    injected_bq: float
    delay_s: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class PetSettings:
    """Voxel size, blur and statistics of a PET image."""

    voxel_mm: float
    matrix: int
    fwhm_mm: float
    detector_fwhm_mm: float
    detected_fraction: float
    delay_s: float
    duration_s: float


def default_spect() -> SpectSettings:
    """The SPECT of ``tables/imaging.toml``."""
    row = _row("spect")
    return SpectSettings(
        voxel_mm=_value(row, "voxel_mm"),
        matrix=int(_value(row, "matrix_count")),
        fwhm_mm=_value(row, "fwhm_mm"),
        total_counts=_value(row, "total_count"),
        injected_bq=_value(row, "injected_mbq") * BQ_PER_MBQ,
        delay_s=_value(row, "injection_to_image_h") * SECONDS_PER_HOUR,
        duration_s=_value(row, "duration_s"),
    )


def default_pet() -> PetSettings:
    """The PET of ``tables/imaging.toml``."""
    row = _row("pet")
    return PetSettings(
        voxel_mm=_value(row, "voxel_mm"),
        matrix=int(_value(row, "matrix_count")),
        fwhm_mm=_value(row, "fwhm_mm"),
        detector_fwhm_mm=_value(row, "detector_fwhm_mm"),
        detected_fraction=_value(row, "detected_fraction"),
        delay_s=_value(row, "injection_to_image_h") * SECONDS_PER_HOUR,
        duration_s=_value(row, "duration_s"),
    )


def image_grid(body: Grid, voxel_mm: float, matrix: int) -> Grid:
    """A square axial grid of cubic voxels, centred on `body` and covering it along z.

    Two further voxels at each end hold the blur of what lies near the end of the body grid.
    """
    ends = body.to_patient(np.array([[0, 0, 0], body.shape]) - 0.5)
    middle, length = ends.mean(axis=0), np.abs(np.diff(ends, axis=0))[0]
    shape = (math.ceil(length[2] / voxel_mm) + 4, matrix, matrix)
    origin = middle - (np.asarray(shape[::-1]) - 1) / 2 * voxel_mm
    return Grid.regular(shape, (voxel_mm,) * 3, origin.tolist())


def blurred_onto(activity: Volume, grid: Grid, fwhm_mm: float) -> FloatArray:
    """Activity (Bq) in each voxel of `grid` after a Gaussian blur, not yet per mL.

    Parameters
    ----------
    activity : Volume, Bq/mL
        On an axial grid; uniform inside each voxel.
    grid : Grid
        Axial; its size and voxels are free.
    fwhm_mm : float
        Full width at half maximum of the blur along each axis; 0 for none.

    Raises
    ------
    UnitMismatchError, GridMismatchError
        For another unit, and for a grid turned against the patient's axes.
    """
    values = activity.require(Unit.BQ_PER_ML)
    amount = np.asarray(values, dtype=np.float64) * activity.grid.voxel_volume_ml
    for axis in range(3):
        weights = _axis_weights(activity.grid, grid, axis, fwhm_mm / FWHM_PER_SIGMA)
        amount = np.moveaxis(np.tensordot(weights, amount, axes=(1, axis)), 0, axis)
    return np.maximum(amount, 0.0, out=amount)  # rounding can leave -1e-20 far from activity


def simulate_spect(
    tracer: Volume, *, settings: SpectSettings | None = None, seed: int, noise: bool = True
) -> Volume:
    """A SPECT image in counts of a Tc-99m map in Bq/mL.

    The counts of the whole injected activity are `settings.total_counts`, times the share of it
    that lies in the field of view; each voxel is then drawn from its Poisson law. An image whose
    hottest voxel would not fit the 16 bits of a camera's image is counted for a shorter time.
    """
    settings = settings or default_spect()
    grid = image_grid(tracer.grid, settings.voxel_mm, settings.matrix)
    expected = blurred_onto(tracer, grid, settings.fwhm_mm)
    expected *= settings.total_counts / tracer.total()
    expected *= min(1.0, HOTTEST_VOXEL_COUNTS / max(float(expected.max()), 1.0))
    if noise:
        expected = np.random.default_rng(seed).poisson(expected).astype(np.float64)
    return Volume(expected.astype(np.float32), grid, Unit.COUNTS, nuclide=tracer.nuclide)


def simulate_pet(
    activity: Volume,
    *,
    injected_bq: float,
    injected: datetime,
    settings: PetSettings | None = None,
    seed: int,
    noise: bool = True,
) -> Volume:
    """A PET image in Bq/mL, decay-corrected to the injection.

    Parameters
    ----------
    activity : Volume, Bq/mL
        Distribution for `activity.injected_bq`; scaled here to `injected_bq`.
    injected : datetime (aware)
        Instant of the injection, to which the image is corrected.

    Notes
    -----
    Detected pairs in a voxel are Poisson with the mean ``A f Y t e``: activity at the time of the
    image, positron yield, duration and detected fraction. The filter after detection brings the
    blur to `settings.fwhm_mm` and correlates the noise.
    """
    settings = settings or default_pet()
    emitter = nuclide(activity.nuclide or "y90")
    grid = image_grid(activity.grid, settings.voxel_mm, settings.matrix)
    bq = blurred_onto(activity, grid, settings.detector_fwhm_mm)
    bq *= injected_bq / _injected(activity)
    if noise:
        pairs_per_bq = (
            decay_factor(emitter, settings.delay_s)
            * emitter.positron_yield
            * settings.duration_s
            * settings.detected_fraction
        )
        bq = np.random.default_rng(seed).poisson(bq * pairs_per_bq) / pairs_per_bq
    filter_fwhm_mm = math.sqrt(max(settings.fwhm_mm**2 - settings.detector_fwhm_mm**2, 0.0))
    detected = Volume(bq / grid.voxel_volume_ml, grid, Unit.BQ_PER_ML)
    smooth = blurred_onto(detected, grid, filter_fwhm_mm) / grid.voxel_volume_ml
    return Volume(
        smooth.astype(np.float32), grid, Unit.BQ_PER_ML,
        nuclide=emitter.name, time=injected, injected_bq=injected_bq,
    )  # fmt: skip


def noisy_ct(ct: Volume, *, seed: int, noise_hu: float | None = None) -> Volume:
    """A CT with white Gaussian noise, in whole HU, not below air."""
    sigma = _value(_row("ct"), "noise_hu") if noise_hu is None else noise_hu
    values = np.asarray(ct.require(Unit.HU), dtype=np.float32)
    noise = np.random.default_rng(seed).standard_normal(values.shape, dtype=np.float32)
    noise *= sigma
    noise += values
    return ct.with_values(np.maximum(np.rint(noise, out=noise), -1024).astype(np.int16))


def _axis_weights(source: Grid, target: Grid, axis: int, sigma_mm: float) -> FloatArray:
    """Share of each source voxel's activity that lands in each target voxel, (target, source)."""
    s_low, s_high = _edges(source, axis)
    t_low, t_high = _edges(target, axis)
    width = (s_high - s_low)[None, :]

    def filled(edge: FloatArray) -> FloatArray:
        """Integral over the source voxel of the share that lands below a target edge."""
        below = _ramp(edge[:, None] - s_low[None, :], sigma_mm)
        return below - _ramp(edge[:, None] - s_high[None, :], sigma_mm)

    return np.asarray((filled(t_high) - filled(t_low)) / width)


def _ramp(v: FloatArray, sigma_mm: float) -> FloatArray:
    """Integral of the Gaussian step: ``v Phi(v / s) + s phi(v / s)``, max(v, 0) for s = 0."""
    if sigma_mm == 0:
        return np.maximum(v, 0)
    u = v / sigma_mm
    step = 0.5 * (1 + erf(u / math.sqrt(2)))
    return np.asarray(v * step + sigma_mm * np.exp(-0.5 * u * u) / math.sqrt(2 * math.pi))


def _edges(grid: Grid, axis: int) -> tuple[FloatArray, FloatArray]:
    """Lower and upper patient coordinate of the voxels along one array axis, mm."""
    patient = 2 - axis
    column = grid.matrix[:3, axis]
    if np.abs(np.delete(column, patient)).max() > 1e-6 * abs(column[patient]):
        raise GridMismatchError(f"expected an axial grid, got {grid}; resample it to one first")
    centres = grid.matrix[patient, 3] + np.arange(grid.shape[axis]) * column[patient]
    half = abs(column[patient]) / 2
    return centres - half, centres + half


def _injected(activity: Volume) -> float:
    return activity.injected_bq if activity.injected_bq is not None else activity.total()


def _row(name: str) -> Table:
    return load_table("imaging").rows[name][0]


def _value(row: Table, key: str) -> float:
    return row.quantity(key).value
