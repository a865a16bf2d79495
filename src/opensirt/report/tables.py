"""The tables of a report: doses against limits, distribution, biological effect, organs at risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from opensirt.dose.statistics import RegionDose
from opensirt.physics.limits import Limit
from opensirt.plan.limits import ROUNDING, is_met
from opensirt.plan.plan import Plan, PlannedDose
from opensirt.report.parts import OrganDose, Table

__all__ = [
    "closest_limit",
    "dose_table",
    "effect_table",
    "judged_tumours",
    "limit_table",
    "organ_table",
]

SINGLE_LESIONS = 12
"""Up to so many lesions are listed one by one; a choice of presentation."""
LARGEST_LESIONS = 10
"""Of more, so many of the largest; the rest share one row."""
ORGANS, ORGANS_ON_PAGE_1 = 12, 3
"""Organs at risk shown; of many outlines most are far away."""
NONE = "–"
SCENARIO = (
    " Scenario: no dose of the map, but what the counts seen in the organ would mean as spheres."
)


def limit_table(
    plan: Plan,
    doses: Sequence[RegionDose],
    organs: Sequence[OrganDose] = (),
    previous_lung_gy: float = 0.0,
) -> Table:
    """Planned and voxel mean of each compartment beside every limit and aim on it.

    Parameters
    ----------
    organs : sequence of OrganDose
        The hottest few stand below, with their highest voxel.
    previous_lung_gy : float
        Lung dose of earlier treatments, Gy; counts towards the cumulative limit.
    """
    rows: list[tuple[str, ...]] = []
    for part in _judged(plan, doses, previous_lung_gy):
        found: list[Limit | None] = [x for x in plan.limits if x.quantity in part.quantities]
        head = (part.name, _gray(part.model), _gray(part.voxels))
        rows += [(*head, *_judgement(limit, part, plan.whole_liver)) for limit in found or [None]]
    for organ in _hottest(organs)[:ORGANS_ON_PAGE_1]:
        highest = f"highest voxel {_gray(organ.dose.maximum_gy)}"
        rows.append((organ.shown, NONE, _gray(organ.dose.mean_dose_gy), highest, "", ""))
    ratio = plan.tumour_to_normal
    caption = f"Tumour-to-normal ratio {ratio:.2f}, by tumour mass. " if ratio else ""
    return Table(
        "Doses and limits",
        ("Compartment", "Mean, model (Gy)", "Mean, voxels (Gy)", "Limit or aim", "Source", ""),
        tuple(rows),
        caption
        + "Model: uniform dose per compartment; limits are judged by it. Voxels: the dose engine "
        "on the image."
        + _in_part(plan)
        + (SCENARIO if any(organ.in_map_gy is not None for organ in organs) else ""),
    )


def closest_limit(plan: Plan, previous_lung_gy: float = 0.0) -> str:
    """The dose limit that the plan uses most of, in words; "" where no limit applies."""
    used = [
        (part.model / limit.value, part, limit)
        for part in _judged(plan, (), previous_lung_gy)
        for limit in plan.limits
        if part.model is not None and limit.quantity in part.quantities and not limit.is_target
    ]
    if not used:
        return ""
    share, part, limit = max(used, key=lambda one: one[0])
    return f"closest: {part.name} {part.model:.1f} of {limit.value:g} Gy ({share:.0%})"


@dataclass(frozen=True, slots=True)
class _Part:
    """One row of judgement: what the model and the voxels say, and which limits speak of it."""

    name: str
    model: float | None
    voxels: float | None
    quantities: tuple[str, ...]
    single: tuple[float, ...] = ()
    """Model doses of the tumours one by one, where a limit speaks of each."""
    cumulative: float | None = None


def _judged(plan: Plan, doses: Sequence[RegionDose], previous_lung_gy: float) -> Iterator[_Part]:
    voxel = {dose.name: dose.mean_dose_gy for dose in doses}
    yield from _tumour_parts(plan, doses)
    for part, quantity in (
        (plan.normal, "perfused-normal-mean"),
        (plan.whole_normal, "whole-normal-mean"),
        (plan.perfused, "perfused-mean"),
        (plan.whole_liver, ""),
    ):
        if part is not None:
            yield _Part(part.name, part.mean_dose_gy, voxel.get(part.name), (quantity,))
    lung = plan.lung
    yield _Part("lungs", lung.dose_gy, voxel.get("lungs"), ("lung-mean",))
    total = lung.dose_gy + previous_lung_gy
    if any(limit.quantity == "lung-mean-cumulative" for limit in plan.limits):
        yield _Part("lungs, all treatments", total, None, ("lung-mean-cumulative",))


def _tumour_parts(plan: Plan, doses: Sequence[RegionDose]) -> Iterator[_Part]:
    tumours = plan.tumours
    if not tumours:
        return
    voxel = {dose.name: dose for dose in doses}
    measurable = judged_tumours(plan)
    seen = [voxel[tumour.name] for tumour in tumours if tumour.name in voxel]
    shown = {dose.name: dose.shown for dose in doses}
    alone = shown.get(tumours[0].name, tumours[0].name)
    together = f"{len(tumours)} tumours, mean by mass" if len(tumours) > 1 else alone
    yield _Part(
        together,
        _mean([(t.mass_g, t.mean_dose_gy) for t in tumours]),
        _mean([(d.mass_g, d.mean_dose_gy) for d in seen]),
        ("tumour-mean",),
        single=tuple(t.over_all_gy for t in tumours if t.name in measurable),
    )
    if len(tumours) > 1:
        for word, choose in (("lowest", min), ("highest", max)):
            one: PlannedDose = choose(tumours, key=lambda tumour: tumour.mean_dose_gy)
            mean = voxel[one.name].mean_dose_gy if one.name in voxel else None
            yield _Part(f"{word}: {shown.get(one.name, one.name)}", one.mean_dose_gy, mean, ())


def judged_tumours(plan: Plan) -> frozenset[str]:
    """Names of the tumours that aims are judged by: those resolved by the image, or all."""
    inputs = plan.provenance.options.get("planning input", {}).get("tumours", ())
    resolved = frozenset(t["name"] for t in inputs if t.get("is_measurable", True))
    return resolved or frozenset(tumour.name for tumour in plan.tumours)


def _judgement(
    limit: Limit | None, part: _Part, whole_liver: PlannedDose | None
) -> tuple[str, str, str]:
    """Limit, its source and the verdict."""
    if limit is None:
        return NONE, "", ""
    values = part.single or ((part.model,) if part.model is not None else ())
    if len(values) == 1:
        return _amount(limit), limit.source, _verdict(limit, values[0], whole_liver)
    met = sum(is_met(limit, value) for value in values)
    return _amount(limit), limit.source, f"{met} of {len(values)}"


def _amount(limit: Limit) -> str:
    if limit.upper is not None:
        return f"{limit.value:g} to {limit.upper:g} Gy"
    bound = limit.unless_whole_liver_gy
    lifted = "" if bound is None else f", or whole liver below {bound:g} Gy"
    return f"{limit.sense} {limit.value:g} Gy{lifted}"


def _in_part(plan: Plan) -> str:
    """What the model's dose of a lesion perfused in part is of."""
    parts = [t for t in plan.tumours if t.perfused_fraction < 1.0]
    if not parts:
        return ""
    few = ", ".join(f"{t.name} {t.perfused_fraction:.0%}" for t in parts[:LARGEST_LESIONS])
    return (
        f" Perfused in part: {few}{', ...' * (len(parts) > LARGEST_LESIONS)}. The model's mean is "
        "that of this part, voxels and aims speak of the whole."
    )


def _verdict(limit: Limit, value: float, whole_liver: PlannedDose | None) -> str:
    bound = limit.unless_whole_liver_gy
    if limit.is_exceeded(value * (1.0 - ROUNDING)):
        return "ABOVE"
    if is_met(limit, value):
        return "reached" if limit.is_target else "kept"
    if bound is None or whole_liver is None or whole_liver.mean_dose_gy > bound * (1.0 + ROUNDING):
        return "not reached" if limit.is_target else "BROKEN"
    return "kept by the whole liver"


def dose_table(plan: Plan, doses: Sequence[RegionDose]) -> Table:
    """Every compartment and lesion once: mean by model and voxels, and the voxels' spread."""
    model = {part.name: part.mean_dose_gy for part in _planned(plan)} | {"lungs": plan.lung.dose_gy}
    shown, small = _grouped(doses)
    rows = [_dose_row(dose, model) for dose in shown]
    if small:
        after = max(n for n, dose in enumerate(shown) if dose.role == "tumour")
        rows.insert(after + 1, _small_row(small, model))
    if "lungs" not in {dose.name for dose in doses}:
        share = f"{plan.lung.shunt_fraction:.1%}"
        rows.append(("lungs", NONE, share, _gray(plan.lung.dose_gy), *(NONE,) * 6))
    columns = (
        "Region", "mL", "Activity", "Mean, model", "Mean, voxels",
        "D95", "D70", "D50", "D2", "V(limit)",
    )  # fmt: skip
    caption = (
        "Doses in Gy. Activity: share of what is injected. Dx: dose that x % of the region exceed, "
        "linear from voxel to voxel; mean, Dx and V count whole voxels of the dose grid, the "
        "fullest, as many as make the volume (structures.dcm and segmentation.dcm hold them). "
        "V(limit): part of the region at or above the limit or aim that applies to it."
    )
    caption += _in_part(plan)
    if small:
        ranges = [dose.mean_dose_gy for dose in small]
        caption += (
            f" The smaller lesions have means of {min(ranges):.0f} to {max(ranges):.0f} Gy in the "
            "voxels; each is in results.json."
        )
    return Table("Absorbed dose by region", columns, tuple(rows), caption)


def _dose_row(dose: RegionDose, model: Mapping[str, float]) -> tuple[str, ...]:
    return (
        dose.shown,
        _volume(dose.volume_ml),
        NONE if dose.activity_fraction is None else f"{dose.activity_fraction:.1%}",
        _gray(model.get(dose.name)),
        _gray(dose.mean_dose_gy),
        _gray(dose.d95_gy),
        _gray(dose.d70_gy),
        _gray(dose.d50_gy),
        _gray(dose.d2_gy),
        _v_limit(dose),
    )


def _small_row(small: Sequence[RegionDose], model: Mapping[str, float]) -> tuple[str, ...]:
    volumes = [dose.volume_ml for dose in small]
    shares = [dose.activity_fraction for dose in small if dose.activity_fraction is not None]
    planned = [(dose.mass_g, model[dose.name]) for dose in small if dose.name in model]
    name = f"{len(small)} smaller lesions, {_volume(min(volumes))} to {_volume(max(volumes))} mL"
    return (
        name,
        _volume(sum(volumes)),
        f"{sum(shares):.1%}" if len(shares) == len(small) else NONE,
        _gray(_mean(planned)),
        _gray(_mean([(dose.mass_g, dose.mean_dose_gy) for dose in small])),
        *(NONE,) * 5,
    )


def effect_table(doses: Sequence[RegionDose]) -> Table | None:
    """BED, EQD2, EUD and EUBED where the parameters of the tissue are known; else None."""
    known = [dose for dose in doses if dose.bed_gy is not None]
    if not known:
        return None
    shown, small = _grouped(known)
    rows = [
        (
            dose.shown,
            _gray(dose.bed_gy),
            _gray(dose.eqd2_gy),
            _gray(dose.eud_gy),
            _gray(dose.eubed_gy),
        )
        for dose in shown
    ]
    used = dict.fromkeys(dose.response for dose in known if dose.response)
    caption = ". ".join(text[:1].upper() + text[1:] for text in used)
    left = f" {len(small)} smaller lesions are in results.json." if small else ""
    return Table(
        "Biological effect in the voxels (Gy)",
        ("Region", "BED", "EQD2", "EUD", "EUBED"),
        tuple(rows),
        f"Linear-quadratic model. {caption}.{left}",
    )


def organ_table(organs: Sequence[OrganDose]) -> Table | None:
    """Organs at risk, the hottest first, or None where none is outlined."""
    if not organs:
        return None
    order = _hottest(organs)
    rows = tuple(
        (
            organ.dose.name,
            _volume(organ.dose.volume_ml),
            _gray(organ.from_tails_gy),
            _gray(organ.dose.mean_dose_gy if organ.in_map_gy is None else organ.in_map_gy),
            NONE if organ.in_map_gy is None else _gray(organ.dose.mean_dose_gy),
            _gray(organ.dose.maximum_gy),
        )
        for organ in order[:ORGANS]
    )
    more = len(order) - ORGANS
    rest = f" {more} more with less dose are in results.json." if more > 0 else ""
    scenarios = dict.fromkeys(organ.scenario for organ in organs)
    return Table(
        "Organs at risk (Gy)",
        ("Organ", "mL", "Without own activity", "Dose map", "Mean, scenario", "Highest voxel"),
        rows,
        "Means over whole voxels of the dose grid, as everywhere. Without own activity: what "
        "reaches the organ from perfused liver and lungs. Dose map: as written. Scenario, which "
        f"the highest voxel follows: {'; '.join(scenarios)}.{rest}",
    )


def _hottest(organs: Sequence[OrganDose]) -> list[OrganDose]:
    return sorted(organs, key=lambda organ: -organ.dose.mean_dose_gy)


def _planned(plan: Plan) -> Iterator[PlannedDose]:
    for part in (
        plan.perfused,
        plan.normal,
        plan.whole_normal,
        plan.whole_liver,
        *plan.tumours,
    ):
        if part is not None:
            yield part


def _grouped(doses: Sequence[RegionDose]) -> tuple[list[RegionDose], list[RegionDose]]:
    """Regions to show one by one, and lesions that share a row: all but the largest of many."""
    lesions = sorted((d for d in doses if d.role == "tumour"), key=lambda d: -d.volume_ml)
    if len(lesions) <= SINGLE_LESIONS:
        return list(doses), []
    small = lesions[LARGEST_LESIONS:]
    names = {dose.name for dose in small}
    return [dose for dose in doses if dose.name not in names], small


def _mean(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Mean of (mass, value) by mass."""
    mass = sum(m for m, _ in pairs)
    return sum(m * value for m, value in pairs) / mass if mass > 0 else None


def _v_limit(dose: RegionDose) -> str:
    if dose.limit_gy is None or dose.v_limit_fraction is None:
        return NONE
    return f"{dose.v_limit_fraction:.0%} ≥ {dose.limit_gy:g} Gy"


def _gray(value: float | None) -> str:
    if value is None:
        return NONE
    small = 0.0 < value < 0.05
    return f"{value:.2g}" if small else f"{value:.0f}" if value >= 999.5 else f"{value:.1f}"


def _volume(volume_ml: float) -> str:
    if volume_ml >= 99.95:
        return f"{volume_ml:.0f}"
    return f"{volume_ml:.1f}" if volume_ml >= 0.995 else f"{volume_ml:.2g}"
