"""The digital patients and phantoms by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opensirt.errors import InputError, unknown_name
from opensirt.phantoms.liver_net import make_liver_net
from opensirt.phantoms.patient import DigitalPatient
from opensirt.phantoms.simple import make_nema_like, make_slabs, make_sphere, make_uniform

__all__ = ["make_phantom", "phantom_names"]

_BUILDERS: dict[str, Callable[..., DigitalPatient]] = {
    "liver-net": make_liver_net,
    "nema-like": make_nema_like,
    "slabs": make_slabs,
    "sphere": make_sphere,
    "uniform": make_uniform,
}


def phantom_names() -> tuple[str, ...]:
    """Names that `make_phantom` knows, sorted."""
    return tuple(sorted(_BUILDERS))


def make_phantom(
    name: str, voxel_mm: float | Sequence[float] | None = None, seed: int = 1
) -> DigitalPatient:
    """The digital patient `name`, the same for the same voxel size and seed.

    Parameters
    ----------
    name : str
        One of `phantom_names`.
    voxel_mm : float or (slice, row, column), optional
        Voxel size of the CT and of the truth; the phantom's own default where left out.
    seed : int
        Of everything drawn by chance.

    Raises
    ------
    UnknownNameError
        For a name not in the catalogue.
    InputError
        For a voxel size that is not one or three positive numbers, or a seed below 0.
    """
    if name not in _BUILDERS:
        raise unknown_name("phantom", name, phantom_names())
    if seed < 0:
        raise InputError(f"expected a seed of 0 or more, got {seed}")
    if voxel_mm is None:
        return _BUILDERS[name](seed=seed)
    sizes = [voxel_mm] * 3 if isinstance(voxel_mm, int | float) else list(voxel_mm)
    if len(sizes) != 3 or not all(0 < size < float("inf") for size in sizes):
        raise InputError(f"expected a voxel size of one or three positive mm, got {voxel_mm!r}")
    return _BUILDERS[name](voxel_mm=sizes, seed=seed)
