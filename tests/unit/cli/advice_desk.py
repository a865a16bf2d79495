"""Small studies and maps, each with one thing amiss, made when a row of advice first needs it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from opensirt.case import Case
from opensirt.image import Region, Regions, Volume
from opensirt.io.phantom_study import PhantomStudy, treated_at, write_phantom_study
from opensirt.units import Unit
from tests import cases
from tests.case_files import write_map, write_small_case
from tests.unit.io import dicom_factory as make

__all__ = ["INJECTED", "Desk", "Words"]

VOXEL_MM = (8.0, 8.0, 8.0)
GIVEN_BQ = 1e9
DELAY_S = 7200.0
INJECTED = treated_at().isoformat()
COUNTS = np.random.default_rng(3).integers(0, 90, (4, 6, 7)).astype(np.uint16)
Words = list[str]


class Desk:
    """Where the mistakes of the rows are made."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, itertools.count()

    def fresh(self, name: str = "") -> Path:
        """A path that nothing lies at, in a folder of its own."""
        folder = self._folder / f"{next(self._number)}"
        folder.mkdir()
        return folder / (name or "out")

    def run(self, study: Path, *more: object, dose: object = 25) -> Words:
        """A short plan of a study, with more words; no prescription where `dose` is None."""
        words = ["run", study, "--product", "resin-y90", "--model", "partition"]
        words += ["--engine", "local", "--out", self.fresh()]
        asked = [] if dose is None else ["--normal-dose-gy", dose]
        return [str(word) for word in (*words, *asked, *more)]

    def dose(self, *more: object, density: bool = True, engine: str = "local") -> Words:
        """A short dose map."""
        words = ["dose", "--activity", self.maps / "activity.nii.gz", "--nuclide", "y90"]
        words += ["--density", self.maps / "density.nii.gz"] if density else []
        words += ["--engine", engine, "--out", self.fresh("dose.nii.gz")]
        return [str(word) for word in (*words, *more)]

    def kernel(self, *more: object) -> Words:
        """A short kernel."""
        words = ["kernel", "--nuclide", "y90", "--voxel-mm", "8", "--out", self.fresh("k.npz")]
        return [str(word) for word in (*words, *more)]

    # -- case.toml

    @cached_property
    def regions(self) -> Regions:
        return cases.outlines(cases.grid(VOXEL_MM))

    @cached_property
    def whole(self) -> Case:
        """The small case on coarse voxels."""
        case = cases.small_case()
        return replace(case, images=cases.images(self.regions), regions=self.regions)

    @cached_property
    def case(self) -> Path:
        """Nothing amiss."""
        return write_small_case(self.fresh(), self.whole)

    @cached_property
    def bare(self) -> Path:
        """Neither CT nor lungs, and nothing assumed."""
        regions = Regions(tuple(r for r in self.regions if r.role != "lungs"))
        case = replace(self.whole, images=self.whole.images[1:], regions=regions)
        return write_small_case(self.fresh(), case, assumptions={})

    @cached_property
    def thorax(self) -> Path:
        """Lungs by a name that says no role, and nothing assumed."""
        case = replace(self.whole, regions=self._lungs("Thorax", "other"))
        return write_small_case(self.fresh(), case, assumptions={})

    @cached_property
    def one_lung(self) -> Path:
        """The outline of the lungs says that it is one of two."""
        case = replace(self.whole, regions=self._lungs("Lung R", "lung-right"))
        return write_small_case(self.fresh(), case)

    def _lungs(self, name: str, role: str) -> Regions:
        return Regions(tuple(r.named(name, role) if r.role == "lungs" else r for r in self.regions))

    @cached_property
    def nothing(self) -> Path:
        """Neither CT nor lungs, nothing assumed, and neither names nor codes that say a role."""
        names = {"liver": "Leber MH", "Tumour A": "L1", "Tumour B": "L2"}
        regions = (r.named(names[r.name], "other") for r in self.regions if r.name in names)
        case = replace(self.whole, images=self.whole.images[1:], regions=Regions(tuple(regions)))
        path = write_small_case(self.fresh(), case, assumptions={})
        path.write_text(path.read_text().partition("[regions.roles]")[0])
        return path

    @cached_property
    def dim(self) -> Path:
        """No lesion as large as the image can resolve."""
        on = cases.grid(VOXEL_MM)
        spots = []
        for name, place in (("Spot A", (-50, 12, -15)), ("Spot B", (-60, -20, -30))):
            mask = np.zeros(on.shape, bool)
            mask[tuple(np.rint(on.to_index(np.array(place))).astype(int))] = True
            spots.append(Region.from_mask(name, "tumour", mask, on))
        kept = (region for region in self.regions if region.role != "tumour")
        return write_small_case(self.fresh(), replace(self.whole, regions=Regions((*kept, *spots))))

    @cached_property
    def treated(self) -> Path:
        """An image after treatment, and not a word on what was given."""
        image = replace(
            self.whole.images[1], role="treatment-activity", volume=self._pet,
            acquired=self._pet.time,
        )  # fmt: skip
        case = replace(self.whole, images=(self.whole.images[0], image))
        return write_small_case(self.fresh(), case)

    @cached_property
    def undated(self) -> Path:
        """An image after treatment, and what was given, without saying when."""
        return self._with_treatment("")

    @cached_property
    def given(self) -> Path:
        """An image after treatment, and what was given."""
        return self._with_treatment(f"injected = {INJECTED}")

    def _with_treatment(self, line: str) -> Path:
        case = Path(shutil.copytree(self.treated.parent, self.fresh())) / self.treated.name
        with case.open("a") as text:
            text.write(f'[treatment]\nproduct = "resin-y90"\nactivity_gbq = 1\n{line}\n')
        return case

    @cached_property
    def _pet(self) -> Volume:
        counts = self.whole.images[1].volume
        seen_bq = GIVEN_BQ * 0.5 ** (DELAY_S / 230_550.0)
        per_count = (
            seen_bq / float(counts.values.sum(dtype=np.float64)) / counts.grid.voxel_volume_ml
        )
        return Volume(
            counts.values * np.float32(per_count), counts.grid, Unit.BQ_PER_ML, nuclide="y90",
            time=treated_at() + timedelta(seconds=DELAY_S),
        )  # fmt: skip

    # -- DICOM

    @cached_property
    def dicom(self) -> Path:
        """CT, SPECT, PET and outlines, nothing amiss."""
        ct, spect = self.whole.images
        counts = spect.volume.with_values(np.rint(spect.volume.values))
        study = PhantomStudy(
            "small", "8 mm", ct.volume, counts, self.regions, {}, (1e8, 3600.0, 900.0),
            self._pet, (GIVEN_BQ, DELAY_S, 900.0),
        )  # fmt: skip
        return write_phantom_study(self.fresh(), study, nifti=False) / "dicom"

    def edited(self, edit: Callable[[Dataset], None], *kinds: str) -> Path:
        """A copy of the study with the headers of some modalities changed."""
        study = Path(shutil.copytree(self.dicom, self.fresh()))
        for path in study.rglob("*.dcm"):
            header = pydicom.dcmread(path)
            if header.Modality in kinds:
                edit(header)
                header.save_as(path)
        return study

    def twice(self, kind: str, edit: Callable[[Dataset], None]) -> Path:
        """The study with objects of one modality a second time, as other ones."""
        study = Path(shutil.copytree(self.dicom, self.fresh()))
        series = generate_uid()
        for path in sorted(study.rglob("*.dcm")):
            header = pydicom.dcmread(path)
            if header.Modality == kind:
                header.SeriesInstanceUID, header.SOPInstanceUID = series, generate_uid()
                header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
                edit(header)
                header.save_as(path.with_name(f"again-{path.name}"))
        return study

    def made(self, *series: Dataset | Sequence[Dataset]) -> Path:
        """A folder of series from the factory of small DICOM objects."""
        folder = self.fresh()
        for number, one in enumerate(series):
            make.save(one, folder / f"{number}")
        return folder

    def spect(self, **more: Any) -> Dataset:
        """A small reconstruction."""
        return make.spect(COUNTS, **more)

    def mr(self, name: str) -> list[Dataset]:
        """A small MR series of this description."""
        return make.slices(
            make.MR, "MR", COUNTS, SeriesDescription=name, SeriesInstanceUID=generate_uid()
        )

    # -- maps

    @cached_property
    def maps(self) -> Path:
        """Activity in two voxels, density that varies, a CT."""
        folder = self.fresh()
        folder.mkdir()
        activity = np.zeros((9, 10, 11), np.float32)
        activity[3:6, 3:7, 3:8] = 2e6
        density = np.ones(activity.shape, np.float32)
        density[:, :, 6:] = 0.3
        write_map(folder / "activity.nii.gz", activity, unit=Unit.BQ_PER_ML)
        write_map(folder / "density.nii.gz", density)
        write_map(folder / "ct.nii.gz", density * 0.0)
        return folder
