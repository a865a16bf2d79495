"""`opensirt activity`: the planning formulae as calculators, without images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from opensirt.cli.console import JSON_OPTION, emit, table

if TYPE_CHECKING:
    from opensirt.plan.activity import CalculatorOptions
    from opensirt.plan.plan import Plan, Prescription

__all__ = ["app", "spread_values"]

app = typer.Typer(help="Activity from masses and doses, without images.", no_args_is_help=True)

PRODUCT = typer.Option(..., help="resin-y90, glass-y90 or ho166-plla.")
LUNG_SHUNT = typer.Option(None, help="Lung shunt fraction, 0 to 1; none is assumed if not given.")
LUNG_MASS = typer.Option(None, help="Lung mass; a reference mass is assumed if not given.")
INDICATION = typer.Option("net", help="hcc, icc, mcrc or net: whose limits apply.")
BILIRUBIN = typer.Option(None, help="Total bilirubin; chooses limits.")
INTENT = typer.Option("bilobar", help="segmentectomy, lobectomy, unilobar or bilobar.")
RESIDUAL = typer.Option(0.0, help="Fraction left in vial and tubing.")
CONSTANT = typer.Option(None, help="Gy kg/GBq; the product's where not given.")
TUMOUR_DOSE = typer.Option(None, help="Prescribe the tumour dose.")
NORMAL_DOSE = typer.Option(None, help="Prescribe the dose to perfused normal liver.")
ACTIVITY = typer.Option(None, help="Give the activity to draw up and get the doses.")
MANY_VALUED = ("--tumour-mass-g", "--tumour-to-normal")


def spread_values(arguments: list[str]) -> list[str]:
    """Write ``--tumour-mass-g 100 50``, ``100,50`` and ``=100,50`` as the repeated option."""
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
    return spread


@app.command()
def mird(
    product: str = PRODUCT,
    perfused_mass_g: float = typer.Option(..., help="Mass of the perfused volume."),
    dose_gy: float | None = typer.Option(None, help="Prescribed mean dose of that volume."),
    activity_gbq: float | None = ACTIVITY,
    lung_shunt: float | None = LUNG_SHUNT,
    lung_mass_g: float | None = LUNG_MASS,
    residual: float = RESIDUAL,
    dose_constant: float | None = CONSTANT,
    indication: str = INDICATION,
    intent: str = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
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
        lung_shunt, lung_mass_g, residual, dose_constant, indication, intent, bilirubin_mg_dl
    )
    _show(activity_mird(product, perfused_mass_g, prescription, options), as_json)


@app.command()
def partition(
    product: str = PRODUCT,
    tumour_mass_g: list[float] = typer.Option(..., help="Mass of each tumour: 120 40 7."),
    tumour_to_normal: list[float] = typer.Option(..., help="Uptake ratio of each: 5 4 4."),
    normal_mass_g: float = typer.Option(..., help="Mass of perfused normal liver."),
    tumour_dose_gy: float | None = TUMOUR_DOSE,
    normal_dose_gy: float | None = NORMAL_DOSE,
    activity_gbq: float | None = ACTIVITY,
    lung_shunt: float | None = LUNG_SHUNT,
    lung_mass_g: float | None = LUNG_MASS,
    residual: float = RESIDUAL,
    dose_constant: float | None = CONSTANT,
    indication: str = INDICATION,
    intent: str = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
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
    )
    options = _options(
        lung_shunt, lung_mass_g, residual, dose_constant, indication, intent, bilirubin_mg_dl
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
    dose_constant: float | None = CONSTANT,
    indication: str = INDICATION,
    intent: str = INTENT,
    bilirubin_mg_dl: float | None = BILIRUBIN,
    as_json: bool = JSON_OPTION,
) -> None:
    """Body surface area and tumour share, as for resin microspheres."""
    from opensirt.plan.activity import activity_bsa
    from opensirt.plan.plan import BsaInput

    body = BsaInput(
        height_cm, weight_kg, tumour_volume_ml, normal_volume_ml, formula, treated_fraction
    )
    options = _options(
        lung_shunt, lung_mass_g, residual, dose_constant, indication, intent, bilirubin_mg_dl
    )
    _show(activity_bsa(product, body, options), as_json)


def _prescription(options: dict[str, float | None], **given: float | None) -> Prescription:
    """The one prescription given; calculators need one. `options` names them for the message."""
    from opensirt.errors import InputError
    from opensirt.plan.plan import prescription_from

    if all(value is None for value in given.values()):
        raise InputError(f"expected one of {', '.join(options)}, found none")
    return prescription_from(**given)


def _options(
    lung_shunt: float | None,
    lung_mass_g: float | None,
    residual: float,
    dose_constant: float | None,
    indication: str,
    intent: str,
    bilirubin_mg_dl: float | None,
) -> CalculatorOptions:
    from opensirt.plan.activity import CalculatorOptions

    return CalculatorOptions(
        lung_shunt_fraction=lung_shunt,
        lung_mass_g=lung_mass_g,
        residual_fraction=residual,
        dose_constant_gy_kg_per_gbq=dose_constant,
        indication=indication,
        intent=intent,
        bilirubin_mg_dl=bilirubin_mg_dl,
    )


def _show(plan: Plan, as_json: bool) -> None:
    from opensirt.plan.activity import activity_result

    result = activity_result(plan)

    def show() -> None:
        rows = [["activity to draw up (GBq)", f"{result['activity_gbq']:.3f}"]]
        rows.append(["delivered activity (GBq)", f"{result['delivered_activity_gbq']:.3f}"])
        rows += [[f"{t['name']} dose (Gy)", f"{t['dose_gy']:.1f}"] for t in result["tumours"]]
        for key, label in (("perfused", "perfused volume"), ("normal", "normal liver")):
            if result[key]["dose_gy"] is not None:
                rows.append([f"{label} dose (Gy)", f"{result[key]['dose_gy']:.1f}"])
        rows.append(["lung dose (Gy)", f"{result['lung']['dose_gy']:.1f}"])
        if result["bsa_m2"] is not None:
            rows.append(["body surface area (m²)", f"{result['bsa_m2']:.3f}"])
        rows.append(["dose constant (Gy kg/GBq)", f"{plan.dose_constant_gy_kg_per_gbq:.2f}"])
        table(f"{plan.model}, {plan.product}", ["quantity", "value"], rows)
        for formula in plan.formulae:
            typer.echo(f"{formula.name}: {formula.symbols} = {formula.numbers}")
        for finding in plan.findings:
            typer.echo(f"{finding.severity:<5} {finding.text}")

    emit(result, as_json, show)
