"""All changes of known meaning, and those that a reader still gets wrong."""

from __future__ import annotations

from tests.fuzz.meaning_activity import ENHANCED, NM, PET
from tests.fuzz.meaning_ct import CT
from tests.fuzz.meaning_files import FILES
from tests.fuzz.meaning_regions import REGIONS

__all__ = ["ROWS", "WRONG"]

ROWS = {row.name: row for row in (*CT, *PET, *NM, *ENHANCED, *REGIONS, *FILES)}
"""Name -> row."""
_MORE = "PixelData that holds more than declared is read from its beginning"
_NIBABEL = "the message of nibabel is passed on with the path of the file"
_AXES = "directions of an NRRD that are missing, beyond numbers or at no right angle are read"
_LAYERS = "segments of one layer and label, or of a layer below 0, are read"
_SEX = "any text is taken for a sex"
_SHOWN = "the whole value stands in a message or result, with what a wrong length swallowed"
WRONG = {
    "ct: a RescaleType that holds the rest of the header": _SHOWN,
    "nm: an ImageType that holds the rest of the header": _SHOWN,
    "rtstruct: a kind of contour that holds the rest of the header": _SHOWN,
    "rtstruct: a label that holds the rest of the header": _SHOWN,
    "rtstruct: no contours under such a label": _SHOWN,
    "rtstruct: a space that holds the rest of the header": _SHOWN,
    "seg: a SegmentationType that holds the rest of the header": _SHOWN,
    "seg: another space that holds the rest of the header": _SHOWN,
    "nii: quaternion of NaN beside an sform 3 mm off": "NaN passes the comparison of the forms",
    "ct: Rows one less": _MORE,
    "ct: Columns one less": _MORE,
    "ct: more pixel bytes than declared": _MORE,
    "ct: an odd number of pixel bytes": "ends in a ValueError of numpy",
    "ct: TransferSyntaxUID of numbers": "ends in an AttributeError",
    "ct: PALETTE COLOR": "stored values of a colour table are taken for quantities",
    "ct: sex that is none": _SEX,
    "ct: a sex that holds the rest of the header": _SEX,
    "pet: DecayCorrection START without DECY": "the contradiction is not told",
    "pet: RescaleSlope 1e308": "overflows with a warning before it is refused",
    "pet: RescaleIntercept -1e5, below 0 throughout": "activity below 0 is not told",
    "nm: NumberOfSlices 8 of 4 frames": "the contradiction is not told",
    "nm: slices ten times as far apart as thick": "told of files of one slice alone",
    "enhanced-ct: thin slices far apart": "told of files of one slice alone",
    "rtstruct: contours of the liver given to the tumour": "two items of one ROI are joined",
    "rtstruct: contours of the liver given to the tumour too": "two items of one ROI are joined",
    "seg: two frames of one segment in one place": "the frames are joined",
    "seg: PixelSpacing negative": "the grid is mirrored",
    "seg: PixelSpacing 1e6 mm": "no job looks at the grid of regions",
    "nii: quaternion of NaN": "NaN passes the comparison of sform and qform",
    "nii.gz: a wrong check sum": _NIBABEL,
    "nii.gz: a wrong length": _NIBABEL,
    "nii.gz: cut before its check sum": _NIBABEL,
    "nii.gz: a letter after it": _NIBABEL,
    "nii.gz: not compressed": _NIBABEL,
    "nrrd: no directions": _AXES,
    "nrrd: directions of 1e308 mm": _AXES,
    "nrrd: directions at an angle of 60 degrees": _AXES,
    "seg.nrrd: no directions": _AXES,
    "seg.nrrd: directions of 1e308 mm": _AXES,
    "seg.nrrd: directions at an angle of 60 degrees": _AXES,
    "seg.nrrd: a segment in layer -1": _LAYERS,
    "seg.nrrd: two segments of one layer and label": _LAYERS,
    "toml: activity beyond any number": "1e308 GBq become an infinite number of Bq",
}
"""Name -> what the reader does instead; a row goes when it is mended."""
