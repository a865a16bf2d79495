"""The unit of its values that a file states; most files of maps state none."""

from __future__ import annotations

from pathlib import Path

from opensirt.io.dicom_files import printable
from opensirt.io.door import reader
from opensirt.io.nifti import stated_unit_nifti
from opensirt.io.whole import nrrd_fields

__all__ = ["stated_unit"]

UNSTATED = ("", "arbitrary")


@reader("NIfTI or NRRD")
def stated_unit(path: Path) -> str | None:
    """The unit as written in the header, or None: of NIfTI the intent name, as opensirt writes it,
    of NRRD the field "sample units"."""
    if path.name.lower().endswith((".nrrd", ".nhdr")):
        with path.open("rb") as stream:
            fields = nrrd_fields(path, stream)
        text = fields.get("sample units", fields.get("sampleunits", "")).strip('"')
    else:
        text = stated_unit_nifti(path)
    return None if text in UNSTATED else printable(text)
