"""`opensirt activity`: the planning formulae as calculators, without images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from opensirt.cli.console import (
    JSON_OPTION,
    constant_from,
    emit,
    exit_on_stop,
    show_findings,
    table,
)
from opensirt.cli.naming import spread_roles
from opensirt.cli.options import (
    ACTIVITY,
    ACTIVITY_PER_SPHERE,
    BILIRUBIN,
    COMPROMISED,
    CONSTANT,
    HOURS,
    INDEX_LESION,
    INDICATION,
    INTENT,
    LUNG_MASS,
    LUNG_SHUNT,
    NORMAL_DOSE,
    NORMAL_MASS,
    PRESCRIBE_FOR,
    PREVIOUS_LUNG_DOSE,
    PRODUCT,
    RESIDUAL,
    TUMOUR_DOSE,
    VIALS,
    WHOLE_LIVER,
    WHOLE_NORMAL,
)

if TYPE_CHECKING:
    from opensirt.plan.activity import CalculatorOptions
    from opensirt.plan.plan import Plan, Prescription

__all__ = ["app", "spread_values"]

app = typer.Typer(help="Activity from masses and doses, without images.")

NO_SHUNT = "not judged: no lung shunt given"
MANY_VALUED = ("--tumour-mass-g", "--tumour-to-normal")


def spread_values(arguments: list[str]) -> list[str]:
    """Write ``--tumour-mass-g 100 50``, ``100,50`` and ``=100,50`` as the repeated option.

    Roles of regions are repeated too, without commas, which a name may hold.
    """
    spread: list[str] = []
    option = ""
    for word in arguments:
        name, sign, values = word.partition("=")
        if name in MANY_VALUED:
            option = name
            words = values if sign else ""
        elif option and not word.startswith("--"):
            words = word
        else:
            option, words = "", ""
            spread.append(word)
        for value in filter(None, words.split(",")):
            spread += [option, value]
    return spread_roles(spread)


@app.callback(invoke_without_command=True)
def _alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def mird(
    product: str = PRODUCT,
    perfused_mass_g: float = typer.Option(..., help="Mass of the perfused volume."),
    dose_gy: float | None = typer.Option(None, help="Prescribed mean dose of that volume."),
    activity_gbq: float | None = ACTIVITY,
    normal_mass_g: float | None = NORMAL_MASS,
    lung_shunt: float | None = LUNG_SHUNT,
    lung_mass_g: float | None = LUNG_MASS,
    residual: float = RESIDUAL,
    dose_constant: str | None = CONSTANT,
    indication: str | None = INDICATION,
    intent: str | None = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
    compromised_liver: bool | None = COMPROMISED,
    previous_lung_dose_gy: float = PREVIOUS_LUNG_DOSE,
    whole_normal_mass_g: float | None = WHOLE_NORMAL,
    whole_liver_mass_g: float | None = WHOLE_LIVER,
    vials: int = VIALS,
    hours_since_calibration: float | None = HOURS,
    activity_per_sphere: str | None = ACTIVITY_PER_SPHERE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Single compartment: one mean dose in the perfused volume."""
    from opensirt.plan.activity import activity_mird

    prescription = _prescription(
        {"--dose-gy": dose_gy, "--activity-gbq": activity_gbq},
        perfused_dose_gy=dose_gy,
        activity_gbq=activity_gbq,
    )
    options = _options(
        product,
        dose_constant,
        activity_per_sphere,
        lung_shunt_fraction=lung_shunt,
        lung_mass_g=lung_mass_g,
        residual_fraction=residual,
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
        compromised_liver=compromised_liver,
        previous_lung_dose_gy=previous_lung_dose_gy,
        whole_normal_mass_g=whole_normal_mass_g,
        whole_liver_mass_g=whole_liver_mass_g,
        vials=vials,
        hours_since_calibration=hours_since_calibration,
    )
    plan = activity_mird(
        product, perfused_mass_g, prescription, options, normal_mass_g=normal_mass_g
    )
    _show(plan, as_json)


@app.command()
def partition(
    product: str = PRODUCT,
    tumour_mass_g: list[float] = typer.Option(..., help="Mass of each tumour: 120 40 7."),
    tumour_to_normal: list[float] = typer.Option(..., help="Uptake ratio of each: 5 4 4."),
    normal_mass_g: float = typer.Option(..., help="Mass of perfused normal liver."),
    tumour_dose_gy: float | None = TUMOUR_DOSE,
    normal_dose_gy: float | None = NORMAL_DOSE,
    activity_gbq: float | None = ACTIVITY,
    prescribe_for: str | None = PRESCRIBE_FOR,
    index_lesion: str | None = INDEX_LESION,
    lung_shunt: float | None = LUNG_SHUNT,
    lung_mass_g: float | None = LUNG_MASS,
    residual: float = RESIDUAL,
    dose_constant: str | None = CONSTANT,
    indication: str | None = INDICATION,
    intent: str | None = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
    compromised_liver: bool | None = COMPROMISED,
    previous_lung_dose_gy: float = PREVIOUS_LUNG_DOSE,
    whole_normal_mass_g: float | None = WHOLE_NORMAL,
    whole_liver_mass_g: float | None = WHOLE_LIVER,
    vials: int = VIALS,
    hours_since_calibration: float | None = HOURS,
    activity_per_sphere: str | None = ACTIVITY_PER_SPHERE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Tumours, normal liver and lungs, each with its mean dose."""
    from opensirt.plan.activity import activity_partition, paired_tumours

    tumours = paired_tumours(tumour_mass_g, tumour_to_normal)
    prescription = _prescription(
        {
            "--tumour-dose-gy": tumour_dose_gy,
            "--normal-dose-gy": normal_dose_gy,
            "--activity-gbq": activity_gbq,
        },
        tumour_dose_gy=tumour_dose_gy,
        normal_dose_gy=normal_dose_gy,
        activity_gbq=activity_gbq,
        purpose=prescribe_for,
        index_lesion=index_lesion,
    )
    options = _options(
        product,
        dose_constant,
        activity_per_sphere,
        lung_shunt_fraction=lung_shunt,
        lung_mass_g=lung_mass_g,
        residual_fraction=residual,
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
        compromised_liver=compromised_liver,
        previous_lung_dose_gy=previous_lung_dose_gy,
        whole_normal_mass_g=whole_normal_mass_g,
        whole_liver_mass_g=whole_liver_mass_g,
        vials=vials,
        hours_since_calibration=hours_since_calibration,
    )
    _show(activity_partition(product, tumours, normal_mass_g, prescription, options), as_json)


@app.command()
def bsa(
    product: str = PRODUCT,
    height_cm: float = typer.Option(..., help="Body height."),
    weight_kg: float = typer.Option(..., help="Body weight."),
    tumour_volume_ml: float = typer.Option(..., help="Tumour volume in the treated liver."),
    normal_volume_ml: float = typer.Option(..., help="Normal volume of the treated liver."),
    formula: str = typer.Option("dubois", help="dubois or mosteller."),
    treated_fraction: float = typer.Option(1.0, help="Treated part of the liver (modified BSA)."),
    lung_shunt: float | None = LUNG_SHUNT,
    lung_mass_g: float | None = LUNG_MASS,
    residual: float = RESIDUAL,
    dose_constant: str | None = CONSTANT,
    indication: str | None = INDICATION,
    intent: str | None = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
    compromised_liver: bool | None = COMPROMISED,
    previous_lung_dose_gy: float = PREVIOUS_LUNG_DOSE,
    whole_normal_mass_g: float | None = WHOLE_NORMAL,
    whole_liver_mass_g: float | None = WHOLE_LIVER,
    vials: int = VIALS,
    hours_since_calibration: float | None = HOURS,
    activity_per_sphere: str | None = ACTIVITY_PER_SPHERE,
    as_json: bool = JSON_OPTION,
) -> None:
    """Body surface area and tumour share, as for resin microspheres."""
    from opensirt.plan.activity import activity_bsa
    from opensirt.plan.plan import BsaInput

    body = BsaInput(
        height_cm, weight_kg, tumour_volume_ml, normal_volume_ml, formula, treated_fraction
    )
    options = _options(
        product,
        dose_constant,
        activity_per_sphere,
        lung_shunt_fraction=lung_shunt,
        lung_mass_g=lung_mass_g,
        residual_fraction=residual,
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
        compromised_liver=compromised_liver,
        previous_lung_dose_gy=previous_lung_dose_gy,
        whole_normal_mass_g=whole_normal_mass_g,
        whole_liver_mass_g=whole_liver_mass_g,
        vials=vials,
        hours_since_calibration=hours_since_calibration,
    )
    _show(activity_bsa(product, body, options), as_json)


def _prescription(options: dict[str, float | None], **given: Any) -> Prescription:
    """The one prescription given; calculators need one. `options` names them for the message."""
    from opensirt.errors import InputError
    from opensirt.plan.plan import prescription_from

    if all(value is None for value in options.values()):
        raise InputError(f"expected one of {', '.join(options)}, found none")
    return prescription_from(**given)


def _options(
    product: str, constant: str | None, per_sphere: str | None, **given: Any
) -> CalculatorOptions:
    """The options as typed; a constant and an activity per sphere by number or by name."""
    from opensirt.physics.products import product as product_of
    from opensirt.plan.activity import CalculatorOptions

    chosen = constant_from(constant)
    if chosen is not None:
        of = product_of(product).nuclide.with_dose_constant(chosen)  # refuses another unit
        chosen = of.dose_constant_gy_kg_per_gbq if isinstance(chosen, str) else chosen
    return CalculatorOptions(
        dose_constant_gy_kg_per_gbq=chosen, activity_per_sphere=constant_from(per_sphere), **given
    )


def _show(plan: Plan, as_json: bool) -> None:
    from opensirt.findings import merged_findings
    from opensirt.plan.activity import activity_result

    result = activity_result(plan)

    def show() -> None:
        rows = [["activity to draw up (GBq)", f"{result['activity_gbq']:.3f}"]]
        rows.append(["delivered activity (GBq)", f"{result['delivered_activity_gbq']:.3f}"])
        rows += [[f"{t['name']} dose (Gy)", f"{t['dose_gy']:.1f}"] for t in result["tumours"]]
        for key, label in (
            ("perfused", "perfused volume"),
            ("normal", "perfused normal liver"),
            ("whole_normal", "whole normal liver"),
            ("whole_liver", "whole liver"),
        ):
            if result[key]["dose_gy"] is not None:
                rows.append([f"{label} dose (Gy)", f"{result[key]['dose_gy']:.1f}"])
        lung = f"{plan.lung.dose_gy:.1f}" if plan.lung.is_known else NO_SHUNT
        rows.append(["lung dose (Gy)", lung])
        if result["bsa_m2"] is not None:
            rows.append(["body surface area (m²)", f"{result['bsa_m2']:.3f}"])
        if plan.spheres is not None:
            rows.append(["spheres (million)", f"{plan.spheres.count / 1e6:.3g}"])
        rows.append(["dose constant (Gy kg/GBq)", f"{plan.dose_constant_gy_kg_per_gbq:.2f}"])
        table(f"{plan.model}, {plan.product}", ["quantity", "value"], rows)
        for formula in plan.formulae:
            typer.echo(f"{formula.name}: {formula.symbols} = {formula.numbers}")
        show_findings(merged_findings(plan.findings))

    emit(result, as_json, show)
    exit_on_stop(plan.findings, "the activity is stopped by {codes}; do not treat with it")
