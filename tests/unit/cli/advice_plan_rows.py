"""Rows of advice on planning: options of `run` and of the calculators."""

from __future__ import annotations

from tests.command_line import call
from tests.unit.cli.advice import (
    Row,
    add,
    all_of,
    drop,
    elsewhere,
    every_role,
    fraction,
    printed,
    swap,
)
from tests.unit.cli.advice_desk import INJECTED, Desk, Words

__all__ = ["PLAN_ROWS"]

OLD = "--given-gbq", 1
AT = "--injected", INJECTED


def full(desk: Desk) -> Words:
    """Results of an earlier run where the new ones should go."""
    words = desk.run(desk.case)
    assert call(*words).code == 0
    return words


def _own(words: Words) -> Words:
    """Somebody's own name and reason where the words of the message stand."""
    return [word.replace("YOUR NAME", "A. Example").replace("NAME", "A. Example")
            .replace("REASON", "agreed by the board") if ": REASON" in str(word) else word
            for word in words]  # fmt: skip


def into(desk: Desk, place: str) -> Words:
    """`--out` in the study itself, or above it."""
    words = desk.run(desk.dicom)
    words[words.index("--out") + 1] = str(desk.dicom / place)
    return words


def beneath_a_file(desk: Desk) -> Words:
    words = desk.run(desk.case)
    words[words.index("--out") + 1] = str(desk.maps / "ct.nii.gz" / "out")
    return words


def first_listed(message: str) -> str:
    """The first of names that may have blanks in them."""
    return message.partition("choose one of ")[2].split(",")[0]


def mird(*more: object) -> Words:
    words = ("activity", "mird", "--product", "glass-y90", "--perfused-mass-g", 900, *more)
    return [str(word) for word in words]


def bsa(*more: object) -> Words:
    words = ("activity", "bsa", "--product", "resin-y90", "--height-cm", 170, "--weight-kg", 70,
             "--tumour-volume-ml", 200, "--normal-volume-ml", 1400, *more)  # fmt: skip
    return [str(word) for word in words]


UNKNOWN = "is unknown; choose one of"
PLAN_ROWS = (
    Row("results are there", "or replace it with --overwrite", full, add("--overwrite")),
    Row("results are there, elsewhere", "; choose another --out, or", full, elsewhere),
    Row("results in the study", "choose another --out", lambda d: into(d, "out"), elsewhere),
    Row("results above the study", "choose another --out", lambda d: into(d, ".."), elsewhere),
    Row("no place for results", "choose a place you may write to with --out", beneath_a_file,
        elsewhere),
    Row("two prescriptions", "give only one of them",
        lambda d: d.run(d.case, "--tumour-dose-gy", 100), drop("--tumour-dose-gy")),
    Row("no prescription typed", "expected one of --dose-gy, --activity-gbq", lambda d: mird(),
        add("--dose-gy", 100)),
    Row("purpose without a dose", "give --tumour-dose-gy alone",
        lambda d: d.run(d.case, "--prescribe-for", "each"),
        all_of(add("--tumour-dose-gy", 40), drop("--normal-dose-gy"))),
    Row("purpose of a dose to normal liver", "or leave --prescribe-for and --index-lesion out",
        lambda d: d.run(d.case, "--prescribe-for", "each"), drop("--prescribe-for")),
    Row("a lesion for a mean", "give --prescribe-for index, or leave it out",
        lambda d: d.run(d.case, "--tumour-dose-gy", 100, "--prescribe-for", "mean",
                        "--index-lesion", "Tumour A", dose=None), printed("--prescribe-for")),
    Row("no lesion of that name", "with a planned dose; choose one of",
        lambda d: d.run(d.case, "--tumour-dose-gy", 100, "--index-lesion", "Tumour C", dose=None),
        lambda message, words, desk: [*words[:-1], first_listed(message)]),
    Row("no lesion can be measured", "(--index-lesion NAME)",
        lambda d: d.run(d.dim, "--tumour-dose-gy", 20, dose=None),
        add("--index-lesion", "Spot A")),
    Row("unknown product", UNKNOWN, lambda d: d.run(d.case, "--product", "wood"),
        swap("--product")),
    Row("unknown model", UNKNOWN,
        lambda d: d.run(d.case, "--model", "guess", "--height-cm", 170, "--weight-kg", 70,
                        dose=None), swap("--model")),
    Row("unknown engine", UNKNOWN, lambda d: d.run(d.case, "--engine", "exact"),
        swap("--engine")),
    Row("unknown indication", UNKNOWN, lambda d: d.run(d.case, "--indication", "flu"),
        swap("--indication")),
    Row("unknown intent", UNKNOWN, lambda d: d.run(d.case, "--intent", "some"), swap("--intent"),
        3),
    Row("unknown dose constant", UNKNOWN, lambda d: d.run(d.case, "--dose-constant", "best"),
        swap("--dose-constant")),
    Row("unknown activity of a sphere", UNKNOWN,
        lambda d: d.run(d.case, "--activity-per-sphere", "best"), swap("--activity-per-sphere")),
    Row("unknown surface formula", UNKNOWN, lambda d: bsa("--formula", "best"),
        swap("--formula")),
    Row("unknown purpose", "choose one",
        lambda d: d.run(d.case, "--tumour-dose-gy", 100, "--prescribe-for", "all", dose=None),
        swap("--prescribe-for", listed="is for ")),
    Row("what a model cannot prescribe", "; use perfused-dose, activity",
        lambda d: d.run(d.case, "--model", "mird"),
        lambda message, words, desk: all_of(add("--perfused-dose-gy", 20), drop(
            "--normal-dose-gy"))(message.replace("perfused-dose", "--perfused-dose-gy"), words,
                                 desk)),
    Row("a body without height", "give --height-cm and --weight-kg",
        lambda d: d.run(d.case, "--model", "bsa", dose=None),
        all_of(add("--height-cm", 170), add("--weight-kg", 70))),
    Row("BSA for glass", "use model 'mird' or 'partition'",
        lambda d: d.run(d.case, "--model", "bsa", "--product", "glass-y90", dose=None),
        swap("--model", listed="use model ")),
    Row("a shunt in percent", "5 % is 0.05", lambda d: d.run(d.case, "--lung-shunt", 5),
        fraction("--lung-shunt")),
    Row("a residual in percent", "5 % is 0.05", lambda d: d.run(d.case, "--residual", 5),
        fraction("--residual")),
    Row("a shunt in percent, typed", "5 % is 0.05",
        lambda d: mird("--dose-gy", 80, "--lung-shunt", 5), fraction("--lung-shunt")),
    Row("a treated part in percent", "50 % is 0.5", lambda d: bsa("--treated-fraction", 50),
        fraction("--treated-fraction")),
    Row("more than a vial holds", "vials are used (--vials ",
        lambda d: d.run(d.case, "--activity-gbq", 7, dose=None), printed("--vials"), 3, True),
    Row("a stop", 'no RT Plan was written; --allow-stop "YOUR NAME: REASON" writes it',
        lambda d: d.run(d.case, "--activity-gbq", 7, dose=None),
        lambda message, words, desk: _own(printed("--allow-stop")(message, words, desk)), 3, True),
    Row("a stop accepted without a reason", 'write "NAME: REASON"',
        lambda d: d.run(d.case, "--activity-gbq", 7, "--allow-stop", "A. Example", dose=None),
        lambda message, words, desk: _own(
            [*words[:-1], message.rpartition('write "')[2].strip('"')]), 3),
    Row("a stop accepted in the words of a message", "put your own name and why in place of",
        lambda d: d.run(d.case, "--activity-gbq", 7, "--allow-stop", "YOUR NAME: REASON",
                        dose=None),
        lambda message, words, desk: [*words[:-1], message.rpartition('write "')[2].strip('"')],
        3),
    Row("a stop accepted by its code", 'write "Dr A. Example: why"',
        lambda d: d.run(d.case, "--activity-gbq", 7, "--allow-stop",
                        "whole-normal-dose-limit: why", dose=None),
        lambda message, words, desk: [*words[:-1], message.rpartition('write "')[2].strip('"')],
        3),
    Row("nothing said of a treatment", "or give --given-gbq and --injected",
        lambda d: d.run(d.treated, dose=None), all_of(add(*OLD), add(*AT))),
    Row("given without its time", "expected --given-gbq and --injected together",
        lambda d: d.run(d.treated, *OLD, dose=None), add(*AT)),
    Row("time without what was given", "found one of them; add ",
        lambda d: d.run(d.treated, *AT, dose=None), add(*OLD)),
    Row("nothing given", "--given-gbq must be above 0",
        lambda d: d.run(d.treated, "--given-gbq", 0, *AT, dose=None), add(*OLD)),
    Row("a time without its zone", "or --time-zone beside it",
        lambda d: d.run(d.treated, *OLD, "--injected", INJECTED[:19], dose=None),
        add("--time-zone", "UTC")),
    Row("an unknown zone", "write an IANA name such as",
        lambda d: d.run(d.treated, *OLD, "--injected", INJECTED[:19], "--time-zone", "Here",
                        dose=None), swap("--time-zone", listed=r"or an offset such as ")),
    Row("a dose after treatment", "leave the prescription out",
        lambda d: d.run(d.treated, *OLD, *AT), drop("--normal-dose-gy")),
    Row("a dose after treatment, planned before", "with --image ",
        lambda d: d.run(d.dicom, *OLD, *AT, "--image", "treatment-activity"), printed("--image")),
    Row("another product than given", "; give --product ",
        lambda d: d.run(d.given, "--product", "glass-y90", dose=None), printed("--product")),
    Row("when it was given is not said", "or with --given-gbq and --injected",
        lambda d: d.run(d.undated, dose=None), all_of(add(*OLD), add(*AT))),
    Row("an image of no kind", "image 'spect' is unknown; choose ",
        lambda d: d.run(d.case, "--image", "spect"), swap("--image")),
    Row("identity neither way", "--identity must be",
        lambda d: d.run(d.case, "--identity", "some"), swap("--identity")),
    Row("everything unknown", "4 things are missing: (1) no region has the role liver or tumour",
        lambda d: d.run(d.nothing),
        all_of(every_role, add("--lung-shunt", 0.05), add("--lung-mass-g", 900),
               add("--density-g-ml", 1.06))),
    Row("no role of a tumour", "; --model mird needs no tumour",
        lambda d: d.run(d.case, "--role", "Tumour A=other", "--role", "Tumour B=other", dose=None),
        printed("--model")),
    Row("a role that no name says", "or [regions.roles] in case.toml; the study has ",
        lambda d: d.run(d.case, "--role", "liver=other"), add("--role", "liver=liver")),
    Row("no role of a perfused volume", " all of the liver is taken as perfused",
        lambda d: d.run(d.case, "--role", "liver=other", "--role", "perfused right=other"),
        all_of(add("--role", "liver=liver"),
               add("--role", "perfused right=perfused", once=False))),
    Row("density unknown", "under [assumptions] or with --density-g-ml",
        lambda d: d.run(d.bare, "--lung-shunt", 0.05, "--lung-mass-g", 900),
        add("--density-g-ml", 1.06)),
    Row("shunt unknown", "under [assumptions] or with --lung-shunt",
        lambda d: d.run(d.bare, "--density-g-ml", 1.06, "--lung-mass-g", 900),
        add("--lung-shunt", 0.05)),
    Row("lung mass unknown", "under [assumptions] or with --lung-mass-g",
        lambda d: d.run(d.bare, "--density-g-ml", 1.06, "--lung-shunt", 0.05),
        add("--lung-mass-g", 900)),
    Row("lungs without a role", "give --role NAME=lungs if they are among ",
        lambda d: d.run(d.thorax), add("--role", "Thorax=lungs")),
    Row("one lung, the only one", "; outline the other, give --lung-shunt and --lung-mass-g, or, ",
        lambda d: d.run(d.one_lung), printed("--role")),
    Row("one lung, both known", "; outline the other, give --lung-shunt and --lung-mass-g, or, ",
        lambda d: d.run(d.one_lung), all_of(add("--lung-shunt", 0.05), add("--lung-mass-g", 900))),
)  # fmt: skip
