"""Layout: the same report as one self-contained HTML page and as a PDF."""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path

from opensirt.report.content import Report

__all__ = ["render_html", "render_pdf"]

_TEMPLATES = resources.files("opensirt") / "templates"


def render_html(report: Report) -> str:
    """One HTML page with its pictures inside; all text is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((_TEMPLATES / "report.html.j2").read_text(encoding="utf-8"))
    images = {p.name: base64.b64encode(p.png).decode("ascii") for p in report.pictures}
    return template.render(report=report, images=images)


def render_pdf(report: Report) -> bytes:
    """The PDF, laid out by Typst; text goes in as data, never as markup."""
    import matplotlib
    import typst

    shown = replace(report, doses=(), histograms=(), results={}, pictures=(), identity=None)
    content = asdict(shown)
    content["pictures"] = [
        {
            "name": p.name,
            "title": p.title,
            "caption": p.caption,
            "width_percent": 100.0 * p.width_fraction,
        }
        for p in report.pictures
    ]
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    with tempfile.TemporaryDirectory(prefix="opensirt-report-") as folder:
        root = Path(folder)
        (root / "report.json").write_text(json.dumps(content), encoding="utf-8")
        for picture in report.pictures:
            (root / f"{picture.name}.png").write_bytes(picture.png)
        source = root / "report.typ"
        source.write_bytes((_TEMPLATES / "report.typ").read_bytes())
        pdf: bytes = typst.compile(str(source), root=str(root), font_paths=[str(fonts)])
    return pdf
