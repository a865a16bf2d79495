"""Runs without what follows the plan and takes long, for tests of its numbers or words."""

from __future__ import annotations

import pytest

from opensirt.workflow import results, run

__all__ = ["shorten"]


def shorten(patch: pytest.MonkeyPatch, *, compared: bool = False) -> None:
    """No pictures, an empty PDF, no DICOM objects; unless `compared`, no other engine either."""
    if not compared:
        patch.setattr(run, "check_engines", lambda *args, **more: None)
    patch.setattr(results, "report_pictures", lambda *args: [])
    patch.setattr(results, "render_pdf", lambda report: b"%PDF-")
    patch.setattr(results, "write_dicom", lambda *args, **more: [])
