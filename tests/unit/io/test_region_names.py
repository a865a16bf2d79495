"""Roles from names and codes: cautious, so that a doubt means none."""

from __future__ import annotations

import pytest
from pydicom.sr.codedict import codes

from opensirt.io.dicom_codes import region_codes
from opensirt.io.region_names import role_from_name, unique_name

LIVER = (("10200004", "SCT"),)
MUSCLE = (("68455001", "SCT"),)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Liver", "liver"), ("whole liver", "liver"), ("LIVER_total", "liver"),
        ("GTV", "tumour"), ("GTV_Mass", "tumour"), ("GTV1", "tumour"), ("Tumor 1", "tumour"),
        ("tumour_12", "tumour"), ("lesion", "tumour"), ("met 3", "tumour"),
        ("Liver Mets", "tumour"), ("viable tumor", "tumour"), ("HCC", "tumour"),
        ("perfused volume", "perfused"), ("Perfused Liver", "perfused"),
        ("Lung_L", "lung-left"), ("LungR", "lung-right"), ("right lung", "lung-right"),
        ("lung_lower_lobe_left", "lung-left"), ("lungs", "lungs"), ("Lung", "lungs"),
        ("necrosis", "necrosis"), ("Necrotic core", "necrosis"), ("tumor necrosis", "necrosis"),
        ("gallbladder", "gallbladder"), ("gall bladder", "gallbladder"),
        ("Stomach", "stomach"), ("bowel", "bowel"), ("Duodenum", "bowel"),
        ("small_bowel", "bowel"), ("colon", "bowel"),
        ("BODY", "body"), ("External", "body"),
    ],
)  # fmt: skip
def test_clear_names(name, role):
    assert role_from_name(name) == role
    assert role_from_name(name, MUSCLE) == role


@pytest.mark.parametrize(
    "name",
    [
        "whole liver normal", "normal liver", "Liver-GTV minus", "PTV", "PTV_Liver", "CTV",
        "liver left lobe", "perfused normal", "non-tumour liver", "liver cyst", "future remnant",
        "GTV_Edema", "kidney tumor", "portal vein", "bag_bowel", "vertebral body",
        "perfused tumor", "untreated liver", "lung met", "stomach wall", "segment 4 liver",
    ],
)  # fmt: skip
def test_doubtful_names_have_no_role(name):
    assert role_from_name(name) is None


@pytest.mark.parametrize("name", ["whole liver normal", "Liver left lobe", "PTV", "liver cyst"])
def test_barred_words_outweigh_codes_and_types(name):
    assert role_from_name(name, LIVER) is None
    assert role_from_name(name, (), "GTV") is None


@pytest.mark.parametrize(
    ("code", "role"),
    [
        (codes.SCT.Liver, "liver"), (codes.SCT.Lung, "lungs"), (codes.SCT.Neoplasm, "tumour"),
        (codes.SCT.Mass, "tumour"), (codes.SCT.Stomach, "stomach"),
        (codes.SCT.Gallbladder, "gallbladder"), (codes.SCT.Duodenum, "bowel"),
        (codes.SCT.SmallIntestine, "bowel"), (codes.SCT.Colon, "bowel"),
        (codes.SCT.Necrosis, "necrosis"), (codes.SCT.NeoplasmSecondary, "tumour"),
        (codes.SCT.Metastasis, "tumour"), (codes.SCT.EntireBody, "body"),
        (codes.SCT.Jejunum, "bowel"), (codes.SCT.Ileum, "bowel"),
        (codes.SCT.LargeIntestine, "bowel"), (codes.SCT.NeoplasmPrimary, "tumour"),
        (codes.SCT.Lesion, "tumour"), (codes.SCT.Spleen, None),
    ],
)  # fmt: skip
def test_codes_of_unnamed_segments(code, role):
    assert role_from_name("Segment_1", ((code.value, code.scheme_designator),)) == role
    assert role_from_name("Nobody 5", ((code.value, code.scheme_designator),)) == role


def test_old_codes_modifiers_and_types():
    assert role_from_name("Segment 1", (("T-62000", "SRT"),)) == "liver"
    assert role_from_name("Segment 1", (("39607008", "SCT"), ("7771000", "SCT"))) == "lung-left"
    assert role_from_name("Segment 1", (("39607008", "SCT"), ("24028007", "SCT"))) == "lung-right"
    assert role_from_name("Segment 1", (("10200004", "99XYZ"),)) is None
    assert role_from_name("nodule A", (), "GTV") == "tumour"
    assert role_from_name("patient", (), "EXTERNAL") == "body"
    assert role_from_name("nodule A", (), "CTV") is None


def test_names_are_numbered_where_taken():
    assert unique_name("a", []) == "a"
    assert unique_name("a", ["a", "a (2)"]) == "a (3)"


@pytest.mark.parametrize("name", ["FLR", "flr volume", "future remnant", "normal", "resected"])
def test_a_remnant_is_no_liver_whatever_its_code(name):
    assert role_from_name(name, LIVER) is None


@pytest.mark.parametrize(
    "between", ["-", " - ", "_-_", "\u2013", "\u2014", "\u2212", "/", "\\", "~"]
)
@pytest.mark.parametrize(
    "pair", [("Liver", "GTV"), ("LIVER", "tumors"), ("hepar", "Mets"), ("liver", "lesion 2")]
)
def test_an_organ_less_its_tumour_is_no_tumour_whatever_its_code(pair, between):
    name = between.join(pair)
    assert role_from_name(name) is None
    assert role_from_name(name, LIVER, "GTV") is None
    assert role_from_name(f"{pair[1]}{between}{pair[0]}") in ("tumour", None)


@pytest.mark.parametrize("name", ["Liver GTV", "liver_tumor", "Tumor-1", "GTV-2", "tumour/2"])
def test_a_dash_alone_takes_nothing_away(name):
    assert role_from_name(name) == "tumour"


@pytest.mark.parametrize(
    ("old", "role"),
    [
        ("T-62000", "liver"), ("T-28000", "lungs"), ("M-8FFFF", "tumour"), ("M-03000", "tumour"),
        ("M-54000", "necrosis"), ("T-57000", "stomach"), ("T-63000", "gallbladder"),
        ("T-58200", "bowel"), ("T-58000", "bowel"), ("T-59000", "bowel"), ("T-C3000", None),
    ],
)  # fmt: skip
def test_old_snomed_codes_mean_what_the_new_ones_do(old, role):
    """PS3.16 Annex O: SRT codes of earlier editions, also under the name SNM3."""
    assert role_from_name("Segment 1", ((old, "SRT"),)) == role
    assert role_from_name("Segment 1", ((old, "snm3"),)) == role
    assert role_from_name("Segment 1", ((old, "SCT"),)) is None


@pytest.mark.parametrize(
    ("left", "right"), [("G-A101", "G-A100"), ("7771000", "24028007")]
)  # fmt: skip
def test_a_lung_is_on_the_side_of_its_modifier_or_both(left, right):
    lung = ("T-28000", "SRT") if left.startswith("G") else ("39607008", "SCT")
    scheme = lung[1]
    assert role_from_name("x", (lung, (left, scheme))) == "lung-left"
    assert role_from_name("x", (lung, (right, scheme))) == "lung-right"
    assert role_from_name("x", (lung, (left, scheme), (right, scheme))) == "lungs"
    assert role_from_name("x", (lung,)) == "lungs"


def test_codes_of_two_roles_mean_none():
    assert role_from_name("x", (("10200004", "SCT"), ("108369006", "SCT"))) is None
    assert role_from_name("x", (("10200004", "SCT"), ("10200004", "99SDM"))) == "liver"
    assert role_from_name("x", (("10200004", "SCT"), ("999", "SCT"))) == "liver"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("lung both", "lungs"), ("bilateral lungs", "lungs"), ("lt lung", "lung-left"),
        ("rt lung", "lung-right"), ("lung upper lobe", None), ("lung left right", None),
        ("perfusion territory", "perfused"), ("perfusion", "perfused"),
        ("perfused left", "perfused"), ("perfusion right", "perfused"),
        ("territory", None), ("necrosis liver", "necrosis"), ("tumor core", None),
        ("index lesion", "tumour"),
        ("target lesion", "tumour"), ("hepatic metastases", "tumour"), ("hepar", "liver"),
        ("patient outline", None), ("body outline", "body"), ("large bowel loops", "bowel"),
        ("liver ct mask", "liver"), ("liver final approved", "liver"), ("gallbladder wall", None),
        ("liver segment 4", None), ("old liver", None), ("liver copy", None), ("dose liver", None),
    ],
)  # fmt: skip
def test_every_word_of_a_name_counts(name, role):
    assert role_from_name(name) == role


@pytest.mark.parametrize(
    ("words", "role"),
    [
        ("bowel bowels duodenum jejunum ileum intestine intestines colon", "bowel"),
        ("gtv tumor tumors tumour tumours tumoral lesion lesions met mets metastasis metastases "
         "hcc crlm", "tumour"),
        ("necrosis necrotic", "necrosis"), ("liver hepar", "liver"), ("lung lungs", "lungs"),
        ("perfused perfusion", "perfused"), ("gallbladder", "gallbladder"), ("stomach", "stomach"),
        ("body external", "body"),
    ],
)  # fmt: skip
def test_each_word_of_a_role_and_neutral_words_beside_it(words, role):
    for word in words.split():
        for name in (word, word.upper(), f"{word} 3", f"the {word} volume", f"{word}_roi"):
            assert role_from_name(name) == role, name


BARRED = (
    "normal healthy non not minus without excluding except outside sub ptv ctv itv prv expanded "
    "expansion margin ring shell wall edge edema oedema cyst cysts hemangioma haemangioma remnant "
    "flr future resected resection untreated unperfused nonperfused nontumor nontumour "
    "nontumoral avoid avoidance dose isodose iso background reference lobe lobes segment segments "
    "caudate vessel vessels vein veins artery arteries duct opt dummy copy backup test old"
)


@pytest.mark.parametrize("word", BARRED.split())
def test_each_word_that_turns_an_organ_into_something_else(word):
    for name in (f"liver {word}", f"{word} tumor", f"{word}_gallbladder"):
        assert role_from_name(name, LIVER, "GTV") is None, name


@pytest.mark.parametrize(
    "role", ["liver", "tumour", "lungs", "necrosis", "gallbladder", "stomach", "bowel", "body"]
)
def test_the_code_that_is_written_for_a_role_is_read_as_that_role(role: str) -> None:
    code = region_codes(role).kind
    assert role_from_name("region 1", [(code.value, code.scheme_designator)]) == role
