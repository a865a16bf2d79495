"""Files in and out: DICOM, NIfTI, NRRD, Interfile, case.toml; and results that appear whole."""
