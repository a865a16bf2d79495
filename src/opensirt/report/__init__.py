"""The report a doctor would sign: as data, as pictures, as HTML and as PDF."""

from opensirt.report.content import NOTICE, Report, describe_report
from opensirt.report.display import Scene, make_scene
from opensirt.report.figures import Picture, dvh_picture, planes_picture, tumour_tiles
from opensirt.report.parts import OrganDose, Row, Table
from opensirt.report.render import render_html, render_pdf

__all__ = [
    "NOTICE",
    "OrganDose",
    "Picture",
    "Report",
    "Row",
    "Scene",
    "Table",
    "describe_report",
    "dvh_picture",
    "make_scene",
    "planes_picture",
    "render_html",
    "render_pdf",
    "tumour_tiles",
]
