"""`opensirt activity`: the planning formulae as calculators, without images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from opensirt.cli.console import JSON_OPTION, emit, table

if TYPE_CHECKING:
    from opensirt.plan.plan import Plan

__all__ = ["app"]

app = typer.Typer(help="Activity from masses and doses, without images.", no_args_is_help=True)

PRODUCT = typer.Option(..., help="resin-y90, glass-y90 or ho166-plla.")
LUNG_SHUNT = typer.Option(0.0, help="Lung shunt fraction, 0 to 1.")
LUNG_MASS = typer.Option(1000.0, help="Lung mass.")
RESIDUAL = typer.Option(0.0, help="Fraction left in vial and tubing.")
CONSTANT = typer.Option(None, help="Gy kg/GBq; the product's where not given.")
TUMOUR_DOSE = typer.Option(None, help="Prescribe the tumour dose.")
NORMAL_DOSE = typer.Option(None, help="Prescribe the dose to perfused normal liver.")
ACTIVITY = typer.Option(None, help="Give the activity to draw up and get doses.")
