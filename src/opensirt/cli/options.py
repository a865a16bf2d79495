"""Options of planning that `run` and the calculators share."""

from __future__ import annotations

import typer

__all__ = [
    "ACTIVITY",
    "ACTIVITY_PER_SPHERE",
    "BILIRUBIN",
    "COMPROMISED",
    "CONSTANT",
    "HOURS",
    "INDEX_LESION",
    "INDICATION",
    "INTENT",
    "LUNG_MASS",
    "LUNG_SHUNT",
    "NORMAL_DOSE",
    "NORMAL_MASS",
    "PRESCRIBE_FOR",
    "PREVIOUS_LUNG_DOSE",
    "PRODUCT",
    "RESIDUAL",
    "TUMOUR_DOSE",
    "VIALS",
    "WHOLE_LIVER",
    "WHOLE_NORMAL",
]

PRODUCT = typer.Option(..., help="resin-y90, glass-y90 or ho166-plla.")
LUNG_SHUNT = typer.Option(
    None, help="Lung shunt fraction, 0 to 1; without it no lung limit is judged."
)
LUNG_MASS = typer.Option(None, help="Lung mass; a reference mass is assumed if not given.")
INDICATION = typer.Option(None, help="hcc, icc, mcrc or net: whose limits apply; net if not given.")
INTENT = typer.Option(
    None,
    help="segmentectomy, lobectomy, unilobar or bilobar: whose limits apply; without it the lowest "
    "limits of all that fit the perfused volume.",
)
BILIRUBIN = typer.Option(
    None, help="Total bilirubin, mg/dL; chooses limits, unknown counts as high."
)
COMPROMISED = typer.Option(
    None,
    "--compromised-liver/--good-liver",
    help="Pretreated or weak liver, or not; unknown counts as compromised.",
)
PREVIOUS_LUNG_DOSE = typer.Option(0.0, help="Lung dose of earlier treatments.")
RESIDUAL = typer.Option(0.0, help="Fraction left in vial and tubing.")
CONSTANT = typer.Option(None, help="Gy kg/GBq or the name of one; the product's where not given.")
TUMOUR_DOSE = typer.Option(None, help="Prescribe the tumour dose; see --prescribe-for.")
NORMAL_DOSE = typer.Option(None, help="Prescribe the dose to perfused normal liver.")
ACTIVITY = typer.Option(None, help="Give the activity to draw up and get the doses.")
PRESCRIBE_FOR = typer.Option(
    None,
    help="What a tumour dose is for: mean (of measurable lesions by mass), index (one lesion), "
    "each (the coldest measurable lesion decides); mean if not given.",
)
INDEX_LESION = typer.Option(None, help="Name of the index lesion; the largest if not given.")
VIALS = typer.Option(1, help="Vials that the activity is drawn from.")
HOURS = typer.Option(
    None, help="Hours from calibration of the vial to injection, negative before; for spheres."
)
ACTIVITY_PER_SPHERE = typer.Option(
    None, help="Bq per sphere at calibration or the name of one; the product's if not given."
)
NORMAL_MASS = typer.Option(None, help="Mass of perfused normal liver, for the limits on it.")
WHOLE_NORMAL = typer.Option(None, help="Mass of all normal liver, perfused or not.")
WHOLE_LIVER = typer.Option(None, help="Mass of the liver with its tumours.")
