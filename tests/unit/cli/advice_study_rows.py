"""Rows of advice on studies, dose maps and kernels."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.advice import (
    Row,
    Words,
    add,
    all_of,
    drop,
    elsewhere,
    fraction,
    printed,
    swap,
    write,
)
from tests.unit.cli.advice_desk import INJECTED, Desk

__all__ = ["STUDY_ROWS"]

AFTER = ("--image", "treatment-activity", "--given-gbq", 1, "--injected", INJECTED)
CASE = '[case]\nid = "a"\n[[image]]\nfile = "ct.nii.gz"\nrole = "ct"\nunit = "HU"\n'


def read(study: Path, *more: object) -> Words:
    return ["read", str(study), *map(str, more)]


def identity(desk: Desk, study: Path) -> Words:
    return desk.run(study, "--identity", "keep")


def other_place(header) -> None:
    header.FrameOfReferenceUID = "1.2.3.99"


def other_name(header) -> None:
    header.PatientName = "Somebody^Else"


def nameless(header) -> None:
    header.PatientName = header.PatientID = ""


def no_zone(header) -> None:
    del header.TimezoneOffsetFromUTC
    for element in header.iterall():
        if element.VR == "DT":
            element.value = str(element.value)[:14]


def renamed(header) -> None:
    header.SeriesDescription = "CT thin"


def larger(header) -> None:
    header.StructureSetLabel = "second"
    for contours in header.ROIContourSequence:
        for contour in contours.ContourSequence:
            points = [float(v) for v in contour.ContourData]
            points[1::3] = [1.1 * y for y in points[1::3]]
            contour.ContourData = [f"{v:.2f}" for v in points]


def result(header) -> None:
    header.SeriesDescription, header.InstanceCreationDate = "Regions, opensirt", "20260201"


def folded(desk: Desk) -> Words:
    return desk.kernel("--histories", 2000)


def to(words: Words, name: str) -> Words:
    """The command with its results under another name."""
    at = words.index("--out") + 1
    return [*words[:at], str(Path(words[at]).with_name(name)), *words[at + 1 :]]


def as_listed(message: str, words: Words, desk: Desk) -> Words:
    """The first ending that the message lists."""
    return to(words, "other" + message.partition("to end in ")[2].split(",")[0].split()[0])


FEW = ("--histories", 2000, "--threads", 1)
STUDY_ROWS = (
    Row("no DICOM", "for other images write a case.toml beside them", lambda d: read(d.maps),
        write("case.toml", CASE)),
    Row("a wrong path", "give a study folder, a case.toml or an image file",
        lambda d: read(d.maps / "away"), lambda message, words, desk: read(desk.case)),
    Row("a case.toml chosen from", "leave --choose out",
        lambda d: read(d.case, "--choose", "ct=CT"), drop("--choose")),
    Row("two CTs", "series could be the ct", lambda d: read(d.twice("CT", renamed)),
        printed("--choose")),
    Row("two CTs of one name", "choose by another name",
        lambda d: read(d.twice("CT", lambda header: None), "--choose", "ct=CT, digital patient"),
        printed("--choose")),
    Row("two MRs", 'choose with --choose mr="NAME"', lambda d: read(d.made(d.mr("T1"), d.mr("T2"))),
        add("--choose", "mr=T1"), is_told=True),
    Row("no nuclide", 'choose with --choose planning-activity="NAME"',
        lambda d: read(d.made(d.spect(nuclide="beads"))),
        add("--choose", "planning-activity=MAA SPECT"), is_told=True),
    Row("scout or treatment", "say which, --choose planning-activity=",
        lambda d: read(d.made(d.spect(nuclide="^166^Holmium"))), printed("--choose")),
    Row("a region drawn twice", "choose one, for example --choose regions=",
        lambda d: read(d.twice("RTSTRUCT", larger)), printed("--choose")),
    Row("a result among the study", "; to use it, --choose regions=",
        lambda d: read(d.twice("RTSTRUCT", result)), printed("--choose"), is_told=True),
    Row("images apart", "state that they are aligned with --assume-aligned",
        lambda d: d.run(d.edited(other_place, "NM")), add("--assume-aligned")),
    Row("identity without DICOM", "found none of them in ", lambda d: identity(d, d.case),
        drop("--identity")),
    Row("identity of two", "correct the study or leave --identity out",
        lambda d: identity(d, d.edited(other_name, "NM")), drop("--identity")),
    Row("identity of nobody", "found both empty; leave --identity out",
        lambda d: identity(d, d.edited(nameless, "CT", "NM", "PT", "RTSTRUCT")),
        drop("--identity")),
    Row("clocks that differ", "so decay between them may be wrong by the offset",
        lambda d: read(d.edited(no_zone, "PT")), add("--time-zone", "UTC"), is_told=True),
    Row("a clock and a time from outside", "state it with --time-zone",
        lambda d: d.run(d.edited(no_zone, "PT"), *AFTER, dose=None), add("--time-zone", "UTC")),
    Row("unknown role", "is unknown; choose one of",
        lambda d: read(d.case, "--role", "Tumour A=tumor"),
        lambda message, words, desk: read(
            desk.case, "--role", "Tumour A=" + message.partition("choose one of ")[2].split(",")[0]
        )),
    Row("unknown region", "the case has ", lambda d: read(d.case, "--role", "Lver=liver"),
        lambda message, words, desk: read(
            desk.case, "--role", message.partition("the case has ")[2].split(",")[0] + "=liver"
        )),
    Row("a role without a sign", "--role needs NAME=VALUE",
        lambda d: read(d.case, "--role", "liver"), add("--role", "liver=liver")),
    Row("unknown phantom", "is unknown; choose one of",
        lambda d: ["phantom", "ghost", "--voxel-mm", "12", "--out", str(d.fresh())],
        lambda message, words, desk: [words[0], "uniform", *words[2:]]),
    # -- maps
    Row("neither density nor CT", "expected one of --density and --ct",
        lambda d: d.dose(density=False),
        lambda message, words, desk: add("--ct", desk.maps / "ct.nii.gz")(message, words, desk)),
    Row("density and CT", "expected one of --density and --ct",
        lambda d: d.dose("--ct", d.maps / "ct.nii.gz"), drop("--ct")),
    Row("every engine without comparison", "means several engines; add --compare",
        lambda d: d.dose(engine="local,voxel-convolution"), add("--compare")),
    Row("regions without comparison", "--regions belongs to a comparison; add --compare",
        lambda d: d.dose("--regions", d.maps / "density.nii.gz"), drop("--regions")),
    Row("one engine compared", "needs at least two engines",
        lambda d: d.dose("--compare", *FEW),
        printed("--engine")),
    Row("an unknown engine compared", "choose among",
        lambda d: d.dose("--compare", engine="local,exact"),
        lambda message, words, desk: add("--engine", "local,voxel-convolution")(
            message.replace("dose engine", "--engine"), words, desk
        )),
    Row("statistics of a comparison", "add it to --engine with a comma",
        lambda d: d.dose("--compare", *FEW, engine="local,voxel-convolution"),
        add("--engine", "local,voxel-convolution,monte-carlo")),
    Row("statistics without Monte Carlo", "needs --engine ",
        lambda d: d.dose(*FEW), printed("--engine")),
    Row("histories and an uncertainty", "--histories or --uncertainty",
        lambda d: d.dose(*FEW, "--uncertainty", 0.1, engine="monte-carlo"), drop("--uncertainty")),
    Row("an uncertainty in percent", "(10 % is 0.1)",
        lambda d: d.dose("--uncertainty", 10, "--threads", 1, engine="monte-carlo"),
        fraction("--uncertainty")),
    Row("an unknown device", "choose cpu or cuda",
        lambda d: d.dose(*FEW, "--device", "gpu", engine="monte-carlo"), swap("--device")),
    Row("an unknown mode", "choose fast or full",
        lambda d: d.dose(*FEW, "--mode", "best", engine="monte-carlo"), swap("--mode")),
    Row("no GPU", "; run with --device cpu",
        lambda d: d.dose(*FEW, "--device", "cuda", engine="monte-carlo"), printed("--device")),
    Row("a map that is no NIfTI", "expected --out to end in",
        lambda d: to(d.dose(), "dose.txt"), as_listed),
    Row("an unknown nuclide", "is unknown; choose one of", lambda d: d.dose("--nuclide", "x1"),
        lambda message, words, desk: add("--nuclide", "y90")("--nuclide", words, desk)),
    Row("results over an input", "; choose another --out",
        lambda d: [*d.dose()[:-1], str(d.maps / "density.nii.gz")], elsewhere),
    Row("a kernel's voxel", "--voxel-mm needs X or X,Y,Z in mm",
        lambda d: d.kernel("--voxel-mm", "3 by 3"), add("--voxel-mm", "8,8,8")),
    Row("an unknown medium", "is unknown; choose one of",
        lambda d: d.kernel("--medium", "wood"), swap("--medium")),
    Row("statistics of a folded kernel", "; choose --engine ", folded, printed("--engine")),
    Row("statistics of a folded kernel, left out", ", or leave them out", folded,
        drop("--histories")),
    Row("an unknown engine of kernels", "makes no voxel kernels; choose",
        lambda d: d.kernel("--engine", "local"), swap("--engine")),
    Row("unknown words", " --help", lambda d: ["plant"],
        all_of(add("--help"), lambda message, words, desk: words[1:])),
)  # fmt: skip
