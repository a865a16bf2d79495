"""Microsphere products: spheres, vials, calibration and the maker's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from opensirt.errors import InputError, TableError, UnknownNameError, unknown_name
from opensirt.physics.nuclides import Nuclide, decay_factor, nuclide
from opensirt.physics.tables import Quantity, Table, load_table, table_names
from opensirt.units import SECONDS_PER_HOUR

__all__ = [
    "Product",
    "ShuntReduction",
    "SphereNumber",
    "product",
    "product_names",
    "sphere_count",
    "spheres_in",
]

_MAKER_RULES = ("shunt_contraindicated_above_fraction", "lung_activity_cap_gbq")


@dataclass(frozen=True, slots=True)
class ShuntReduction:
    """The maker's rule to reduce the activity above a lung shunt fraction."""

    above_fraction: float
    reduction_fraction: float
    source: str


@dataclass(frozen=True, slots=True)
class Product:
    """A microsphere product; `quantities` holds every number with its source."""

    name: str
    label: str
    nuclide_name: str
    calibration: str
    """When the vial holds its labelled activity."""
    quantities: Mapping[str, tuple[Quantity, ...]]
    shunt_reductions: tuple[ShuntReduction, ...] = ()
    sphere_activity_at: str = "calibration"
    """Instant that the figures of `activity_per_sphere_bq` belong to: that, or "treatment"."""

    @property
    def nuclide(self) -> Nuclide:
        """The nuclide with its own dose constant, the one of plans and voxel doses."""
        return nuclide(self.nuclide_name)

    @property
    def dose_constant_gy_kg_per_gbq(self) -> float:
        """Default dose constant, Gy kg/GBq; others in `nuclides.dose_constants`."""
        return self.nuclide.dose_constant_gy_kg_per_gbq

    def quantity(self, key: str, choice: str | None = None) -> Quantity:
        """One number with source: the default, or the one with the name or source `choice`.

        `UnknownNameError` where the product has none, or none of that name.
        """
        if key not in self.quantities:
            known = ", ".join(self.quantities)
            raise UnknownNameError(f"{self.name} has no {key!r}; it has {known}")
        found = self.quantities[key]
        if choice is None:
            return found[0]
        for quantity in found:
            if choice in (quantity.name, quantity.source):
                return quantity
        names = [quantity.name or quantity.source for quantity in found]
        raise unknown_name(key, choice, names, of=self.name)

    @property
    def sphere_diameter_um(self) -> float:
        """Mean diameter, micrometres; range and alternatives in `quantities`."""
        return self.quantity("sphere_diameter_um").value

    @property
    def sphere_density_g_ml(self) -> float:
        """Density of the sphere material, g/mL."""
        return self.quantity("sphere_density_g_ml").value

    @property
    def activity_per_sphere_bq(self) -> float:
        """Activity of one sphere, Bq, at calibration or at treatment: `sphere_activity_at`."""
        return self.quantity("activity_per_sphere_bq").value

    def spheres_decay(self, choice: float | str | None = None) -> bool:
        """True where the activity of a sphere is one at calibration, as each typed number is."""
        return isinstance(choice, float | int) or self.sphere_activity_at == "calibration"

    @property
    def vials_gbq(self) -> tuple[float, ...]:
        """Activities of the vials on offer at calibration; empty where made to order."""
        return self.quantity("vials_gbq").values if "vials_gbq" in self.quantities else ()

    @property
    def vial_capacity_gbq(self) -> float | None:
        """Most that one vial holds at the instant of use; None where nothing says so.

        The largest vial, earlier than its calibration where the maker allows, or the largest dose
        that is made to order.
        """
        if self.vials_gbq:
            left = decay_factor(self.nuclide, self.precalibrated_h * SECONDS_PER_HOUR)
            return max(self.vials_gbq) / left
        made = self.quantities.get("dose_activity_gbq")
        return made[0].high if made else None

    @property
    def precalibrated_h(self) -> float:
        """Hours before calibration from which on a vial may be used; 0 where none are offered."""
        key = "precalibrated_h"
        return self.quantity(key).value if key in self.quantities else 0.0

    @property
    def shelf_life_h(self) -> float | None:
        """Hours from calibration in which the vial may be used; None where not known."""
        return self.quantity("shelf_life_h").value if "shelf_life_h" in self.quantities else None

    @property
    def maker_rules(self) -> dict[str, Quantity]:
        """Safety rules of the maker with their sources, such as the lung activity cap."""
        return {key: self.quantity(key) for key in _MAKER_RULES if key in self.quantities}

    def shunt_reduction(self, lung_shunt_fraction: float) -> ShuntReduction | None:
        """The strongest reduction that a lung shunt fraction calls for, or None."""
        hit = [rule for rule in self.shunt_reductions if lung_shunt_fraction > rule.above_fraction]
        return max(hit, key=lambda rule: rule.reduction_fraction, default=None)


@dataclass(frozen=True, slots=True)
class SphereNumber:
    """How many spheres an activity is, at the instant that it is taken."""

    count: float
    low: float
    high: float
    """Ends of the range that the source gives; the count itself where it gives none."""
    activity_per_sphere_bq: float
    """At that instant."""
    hours_since_calibration: float | None
    """None: not known, and the activity per sphere is that at calibration."""
    source: str


def product_names() -> tuple[str, ...]:
    """Names that `product` knows, sorted."""
    return table_names("products")


def _reduction(row: Table) -> ShuntReduction:
    reduction = row.quantity("reduction_fraction")
    above = row.quantity("above_fraction").value
    return ShuntReduction(above, reduction.value, reduction.source)


@cache
def product(name: str) -> Product:
    """A product by name: resin-y90, glass-y90, ho166-plla, or any file in ``tables/products``.

    Raises
    ------
    UnknownNameError
        When there is no such product.
    """
    if name not in product_names():
        raise unknown_name("product", name, product_names())
    table = load_table(f"products/{name}")
    constant = table.text("dose_constant")
    if constant != "nuclide":
        raise TableError(
            f'{table.file}: dose_constant must be "nuclide", found {constant!r}; '
            "choose another constant when planning, with with_dose_constant"
        )
    return Product(
        name=name,
        label=table.text("label"),
        nuclide_name=table.text("nuclide"),
        calibration=table.text("calibration"),
        quantities=table.quantities,
        sphere_activity_at=_instant(table),
        shunt_reductions=tuple(_reduction(row) for row in table.rows.get("shunt_reduction", ())),
    )


def _instant(table: Table) -> str:
    found = table.text("sphere_activity_at", "calibration")
    if found not in ("calibration", "treatment"):
        raise TableError(
            f"{table.file}: sphere_activity_at {found!r} is unknown; write calibration or treatment"
        )
    return found


def sphere_count(
    of: Product, activity_bq: float, activity_per_sphere_bq: float | None = None
) -> float:
    """Number of spheres in an activity (Bq), both at calibration unless the second says otherwise.

    Raises
    ------
    InputError
        When an activity is below zero or the one per sphere not above it.
    """
    per_sphere = of.activity_per_sphere_bq
    if activity_per_sphere_bq is not None:
        per_sphere = activity_per_sphere_bq
    if activity_bq < 0.0 or per_sphere <= 0.0:
        raise InputError(
            f"sphere count needs activity >= 0 Bq and activity per sphere > 0 Bq, found "
            f"{activity_bq} and {per_sphere}"
        )
    return activity_bq / per_sphere


def spheres_in(
    of: Product,
    activity_bq: float,
    *,
    hours_since_calibration: float | None = None,
    choice: float | str | None = None,
) -> SphereNumber:
    """Spheres in an activity (Bq) some hours after the calibration of the vial, or before it.

    ``N = A / (a exp(-t / tau))`` with `a` the activity of a sphere at calibration: the same
    activity is more spheres the later it is taken. A product's figure that is one at treatment
    (`Product.sphere_activity_at`) does not decay; a number that is typed is one at calibration.

    Parameters
    ----------
    of : Product
    activity_bq : float
        At the instant that it is injected.
    hours_since_calibration : float, optional
        Negative before calibration; None, not known, counts as at calibration.
    choice : float or str, optional
        Bq per sphere at calibration, or the name of one of the product's figures.
    """
    if isinstance(choice, str) or choice is None:
        figure = of.quantity("activity_per_sphere_bq", choice)
        at_calibration = (figure.value, figure.high or figure.value, figure.low or figure.value)
        source = figure.source
    else:
        at_calibration, source = (choice, choice, choice), "given"
    hours = hours_since_calibration if of.spheres_decay(choice) else None
    left = decay_factor(of.nuclide, (hours or 0.0) * SECONDS_PER_HOUR)
    count, low, high = (sphere_count(of, activity_bq, each * left) for each in at_calibration)
    return SphereNumber(count, low, high, at_calibration[0] * left, hours_since_calibration, source)
