"""Where the activity goes and the mean doses of 1 GBq delivered: uniform or by uptake ratio.

Every dose of these models is proportional to the delivered activity, so a plan is one distribution
and one activity.

References
----------
.. [chiesa2021] EANM dosimetry committee, standard operating procedure for radioembolization.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from opensirt.errors import InputError, PlanError
from opensirt.plan.checks import require_mass
from opensirt.plan.plan import PlannedDose, PlanningInput
from opensirt.units import G_PER_KG

__all__ = [
    "NORMAL",
    "PERFUSED",
    "WHOLE_LIVER",
    "WHOLE_NORMAL",
    "Distribution",
    "lung_only_distribution",
    "mixed_distribution",
    "partition_distribution",
    "uniform_distribution",
]

PERFUSED = "perfused volume"
NORMAL = "perfused normal liver"
WHOLE_NORMAL = "whole normal liver"
WHOLE_LIVER = "whole liver"


@dataclass(frozen=True, slots=True)
class Distribution:
    """Mean doses for a delivered activity, and how they come about."""

    lung_dose_gy: float
    perfused: PlannedDose | None = None
    tumours: tuple[PlannedDose, ...] = ()
    normal: PlannedDose | None = None
    whole_normal: PlannedDose | None = None
    whole_liver: PlannedDose | None = None
    tumour_to_normal: float | None = None
    by_ratio: bool = False
    """True for the partition of activity by uptake ratio, False for a uniform perfused volume."""

    def times(self, delivered_gbq: float) -> Distribution:
        """The doses of another activity, from those of 1 GBq."""
        return replace(
            self,
            lung_dose_gy=self.lung_dose_gy * delivered_gbq,
            perfused=_times(self.perfused, delivered_gbq),
            tumours=tuple(t for tumour in self.tumours if (t := _times(tumour, delivered_gbq))),
            normal=_times(self.normal, delivered_gbq),
            whole_normal=_times(self.whole_normal, delivered_gbq),
            whole_liver=_times(self.whole_liver, delivered_gbq),
        )


def partition_distribution(inputs: PlanningInput) -> Distribution:
    """Doses per GBq delivered when uptake per gram of tumour i is r_i times that of normal liver.

    ``D_N = K (1 - L) / (sum(r_i m_i) + m_N)``, ``D_i = r_i D_N``, with K in Gy kg/GBq and masses in
    kg. The perfused mean is ``K (1 - L) / M`` over the whole perfused mass M, necrosis included.
    """
    if "normal" in inputs.absent:
        raise PlanError(
            "model 'partition' needs perfused normal liver to compare with, and "
            f"{inputs.absent['normal']}; use 'mird', or another outline of the perfused volume"
        )
    normal_g = require_mass(inputs.normal_mass_g, "perfused normal liver", "partition")
    if not inputs.tumours:
        why = f": {inputs.absent['tumour']}" if "tumour" in inputs.absent else ""
        raise InputError(
            f"model 'partition' needs a tumour with mass and ratio{why}; use 'mird' for none"
        )
    weighted_g = sum(t.tumour_to_normal * t.mass_g for t in inputs.tumours) + normal_g
    tumours_g = sum(t.mass_g for t in inputs.tumours)
    stays = 1.0 - inputs.lung.shunt_fraction
    normal_gy = inputs.dose_constant_gy_kg_per_gbq * stays / (weighted_g / G_PER_KG)
    tumours = tuple(
        PlannedDose(
            t.name,
            "tumour",
            t.mass_g,
            normal_gy * t.tumour_to_normal,
            stays * t.tumour_to_normal * t.mass_g / weighted_g,
            t.perfused_fraction,
        )
        for t in inputs.tumours
    )
    normal = PlannedDose(NORMAL, "other", normal_g, normal_gy, stays * normal_g / weighted_g)
    perfused_g = inputs.perfused_mass_g or tumours_g + normal_g
    return Distribution(
        lung_dose_gy=_lung_gy(inputs),
        perfused=_perfused(inputs, perfused_g),
        tumours=tumours,
        normal=normal,
        whole_normal=_whole_normal(inputs, normal),
        whole_liver=_whole_liver(inputs),
        tumour_to_normal=sum(t.tumour_to_normal * t.mass_g for t in inputs.tumours) / tumours_g,
        by_ratio=True,
    )


def uniform_distribution(inputs: PlanningInput, model: str) -> Distribution:
    """Doses per GBq delivered when the perfused volume takes up activity evenly.

    ``D = K (1 - L) / M``. Tumours and perfused normal liver, where their masses are known, receive
    this same mean dose.
    """
    perfused_g = _perfused_mass_g(inputs, model)
    perfused = _perfused(inputs, perfused_g)
    share_per_g = (1.0 - inputs.lung.shunt_fraction) / perfused_g
    dose_gy = perfused.mean_dose_gy
    tumours = tuple(
        PlannedDose(
            t.name, "tumour", t.mass_g, dose_gy, share_per_g * t.mass_g, t.perfused_fraction
        )
        for t in inputs.tumours
    )
    normal = None
    if inputs.normal_mass_g is not None:
        share = share_per_g * inputs.normal_mass_g
        normal = PlannedDose(NORMAL, "other", inputs.normal_mass_g, dose_gy, share)
    return Distribution(
        lung_dose_gy=_lung_gy(inputs),
        perfused=perfused,
        tumours=tumours,
        normal=normal,
        whole_normal=_whole_normal(inputs, normal),
        whole_liver=_whole_liver(inputs),
    )


def mixed_distribution(inputs: PlanningInput, model: str) -> Distribution:
    """The perfused mean with doses inside it by ratio where masses and ratios are known.

    Otherwise the perfused volume is uniform. Needs the perfused mass, or the masses of its parts.
    """
    if inputs.tumours and inputs.normal_mass_g is not None:
        return partition_distribution(inputs)
    return uniform_distribution(inputs, model)


def lung_only_distribution(inputs: PlanningInput) -> Distribution:
    """The lung dose alone, where no liver mass is known."""
    return Distribution(lung_dose_gy=_lung_gy(inputs))


def _perfused_mass_g(inputs: PlanningInput, model: str) -> float:
    if inputs.perfused_mass_g is not None:
        return inputs.perfused_mass_g
    normal_g = require_mass(inputs.normal_mass_g, "perfused", model)
    return normal_g + sum(tumour.mass_g for tumour in inputs.tumours)


def _perfused(inputs: PlanningInput, mass_g: float) -> PlannedDose:
    stays = 1.0 - inputs.lung.shunt_fraction
    dose_gy = inputs.dose_constant_gy_kg_per_gbq * stays / (mass_g / G_PER_KG)
    return PlannedDose(PERFUSED, "perfused", mass_g, dose_gy, stays)


def _whole_normal(inputs: PlanningInput, normal: PlannedDose | None) -> PlannedDose | None:
    """Mean over all normal liver: the perfused part's dose times its share of the mass."""
    mass_g = inputs.whole_normal_mass_g
    if normal is None or mass_g is None:
        return None
    dose_gy = normal.mean_dose_gy * normal.mass_g / mass_g
    return PlannedDose(WHOLE_NORMAL, "other", mass_g, dose_gy, normal.activity_fraction)


def _whole_liver(inputs: PlanningInput) -> PlannedDose | None:
    """Mean over all of the liver, tumours included: all that stays in it over its mass."""
    if inputs.whole_liver_mass_g is None:
        return None
    return replace(_perfused(inputs, inputs.whole_liver_mass_g), name=WHOLE_LIVER, role="liver")


def _lung_gy(inputs: PlanningInput) -> float:
    lung = inputs.lung
    return inputs.dose_constant_gy_kg_per_gbq * lung.shunt_fraction / (lung.mass_g / G_PER_KG)


def _times(dose: PlannedDose | None, factor: float) -> PlannedDose | None:
    if dose is None:
        return None
    return replace(dose, mean_dose_gy=dose.mean_dose_gy * factor)
