"""Names of regions in languages beside English; a doubt, or two meanings, give no role."""

from __future__ import annotations

import unicodedata

import pytest

from opensirt.io.region_names import role_from_name
from opensirt.io.region_words import barred_words, languages
from tests.unit.io.test_region_names import LIVER

NAMES = {
    "liver": (
        "Leber|LEBER|Gesamtleber|Leber_ges|ganze Leber|Leber_ROI|foie|Foie total|le foie|Hígado|"
        "higado|hígado completo"
    ),
    "tumour": (
        "Läsion 4|Laesion_4|Lasion4|Läsionen|Lebermetastase 3|Lebermetastasen|Metastase12|"
        "Tumoren|Leberherd 2|GTV Leber|Tumor Leber|Filia 3|HCC Leber|hepatozelluläres Karzinom|"
        "lésion 1|Lesion_hepatique|tumeur hépatique 2|TUMEUR|Métastases|métastase foie|CHC|"
        "lesión|lesiones hepáticas|Metástasis 7|tumor hepático|LESION_HEPATICA_3"
    ),
    "necrosis": (
        "Nekrose|Tumornekrose 2|nekrotischer Tumor|nécrose|tumeur nécrotique|lesión necrótica"
    ),
    "perfused": (
        "perfundiertes Volumen|perfundierte Leber|Perfusionsgebiet rechts|Perfusionsvolumen|"
        "behandeltes Volumen|Versorgungsgebiet re|volume perfusé|foie perfusé|volume traité|"
        "territoire perfusé droit|volumen perfundido|perfusión|volumen tratado|treated volume|"
        "hígado perfundido|territorio tratado derecho"
    ),
    "lungs": (
        "Lunge|Lungen|beide Lungen|Lunge bds.|poumons|les deux poumons|pulmones|ambos pulmones"
    ),
    "lung-left": (
        "Lunge li|Lunge_links|linke Lunge|LungeL|Lungenflügel links|Lungenfluegel li.|"
        "poumon gauche|Poumon G|poumon_L|pulmón izquierdo|Pulmon izq|pulmón I|Lung li|"
        "Unterlappen Lunge links"
    ),
    "lung-right": (
        "Lunge re|Lunge rechts|rechte Lunge|poumon droit|Poumon D|pulmón derecho|pulmon dcho|"
        "pulmón D"
    ),
    "gallbladder": ("Gallenblase|vésicule biliaire|Vesicule_biliaire|vesícula biliar"),
    "stomach": ("Magen|estomac|l'estomac|L’estomac|estómago|Estomago"),
    "bowel": (
        "Darm|Dünndarm|Duenndarm|Dickdarm|Zwölffingerdarm|Kolon|intestin grêle|côlon|duodénum|"
        "intestino delgado|duodeno|yeyuno"
    ),
    "body": (
        "Körper|Koerper|Körperkontur|Außenkontur|Aussenkontur|contour externe|corps|cuerpo|"
        "contorno externo"
    ),
}
SOUTH_AND_LOW = {
    "liver": (
        "Fegato|FEGATO|fegato intero|il fegato|Fígado|figado|fígado total|volume do fígado|"
        "Lever|lever totaal|gehele lever|Levervolume"
    ),
    "tumour": (
        "Lesione 3|lesioni epatiche|Tumore|tumore epatico|Metastasi 12|metastasi fegato|"
        "GTV fegato|epatocarcinoma|lesão 2|Lesao|lesões hepáticas|Metástase 4|metástases|"
        "tumor hepático|massa hepática tumor|Laesie 3|laesies|tumor lever|levermetastasen|"
        "Metastase lever 2|Levertumor|uitzaaiingen"
    ),
    "necrosis": (
        "Necrosi|necrosi tumore|lesione necrotica|tumore necrotico|Necrose|lesão necrótica|"
        "tumor necrótico|necrotisch tumor|laesie necrose|Tumornecrose"
    ),
    "perfused": (
        "Volume perfuso|fegato perfuso|volume perfuso dx|perfusione destra|volume trattato|"
        "territorio trattato sinistro|volume perfundido|fígado perfundido|perfusão direita|"
        "território tratado|geperfundeerd volume|geperfundeerde lever|geperfundeerd|"
        "perfusievolume|perfusiegebied rechts|behandeld volume"
    ),
    "lungs": (
        "Polmoni|entrambi polmoni|polmone|Pulmões|pulmoes|ambos pulmões|Longen|long|beide longen"
    ),
    "lung-left": (
        "Polmone sinistro|polmone sx|Polmone S|polmone sin|polmone_L|pulmão esquerdo|pulmao esq|"
        "Pulmão E|linker long|long links|Long_L|Lung sx"
    ),
    "lung-right": (
        "Polmone destro|polmone dx|Polmone D|pulmão direito|Pulmao dir|Pulmão D|rechter long|"
        "long re|LongR"
    ),
    "gallbladder": "Colecisti|colecisti tutta|cistifellea|vesícula biliar|Galblaas",
    "stomach": "Stomaco|lo stomaco|estômago|estomago|Maag|de maag",
    "bowel": (
        "Intestino|intestino tenue|intestino crasso|Duodeno|anse intestino|intestino grosso|"
        "cólon|jejuno|Darm|dunne darm|dikke darm|twaalfvingerige darm"
    ),
    "body": "Corpo|corpo paziente|corpo do paciente|contorno externo|Lichaam|lichaamsomtrek",
}
TWO_MEANINGS = (
    "PTV Leber ohne Tumor|Leber ohne Tumor|Leber-GTV|Leber - Metastasen|Leber-Läsion|"
    "Leber/Tumor|foie-tumeurs|foie sans tumeur|foie sain|Hígado - lesiones|hígado sin tumor|"
    "hígado sano|Restleber|gesunde Leber|Leberparenchym|rechter Leberlappen|Leber rechts|"
    "lobe droit|lóbulo derecho|Leberzyste|Zyste Leber|kyste|quiste|Lebervene|Pfortader|"
    "Nierenmetastase|Metastase Niere|Lunge Tumor|tumeur poumon|behandelt|behandelte Läsion|"
    "treated|treated liver|foie traité|traité|vésicule|vésicule séminale|Zielvolumen|"
    "corps vertébral|Magenwand|paroi estomac|Lung I|Lung D|Lung G|Metastase S4|Tumor rechts|"
    "L1|M 12|hígado no tumoral|foie non tumoral|Tumorsaum|Leber alt|Liver seg 4|Liver_seg4|"
    "Leber_Seg 8|Rand Tumor|fegato senza tumore|fegato-lesioni|fegato - necrosi|fegato sano|"
    "lobo destro|fegato destro|parenchima epatico|cisti fegato|lesione polmone|metastasi ossa|"
    "corpo vertebrale|trattato|lesione trattata|parete stomaco|Esterno|fígado sem tumor|"
    "fígado-tumor|fígado sadio|lobo direito|vesícula seminal|corpo vertebral|tratado|cisto|"
    "lever zonder tumor|lever-tumor|lever/metastasen|Restlever|gezonde lever|rechter leverkwab|"
    "levercyste|tumor long|longmetastase|nier metastase|behandeld|behandelde laesie|maagwand|"
    "Lung E|Lung S|Lung A|Lung i|Liver a|Liver o|lever rechts"
)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        (name, role)
        for names_of in (NAMES, SOUTH_AND_LOW)
        for role, names in names_of.items()
        for name in names.split("|")
    ],
)
def test_names_as_hospitals_write_them(name: str, role: str) -> None:
    for form in ("NFC", "NFD"):
        assert role_from_name(unicodedata.normalize(form, name)) == role
    assert role_from_name(f"{name} 3") == role


@pytest.mark.parametrize("name", TWO_MEANINGS.split("|"))
def test_a_name_of_two_meanings_has_no_role(name: str) -> None:
    assert role_from_name(name) is None


@pytest.mark.parametrize(
    "word", ["ohne", "gesund", "Lappen", "sans", "sain", "kyste", "sin", "quiste"]
)
def test_words_that_turn_an_organ_into_something_else_outweigh_codes(word: str) -> None:
    assert role_from_name(f"Nobody {word}", LIVER) is None
    assert role_from_name("Nobody", LIVER) == "liver"


def test_the_number_of_a_generic_segment_leaves_the_word_to_its_code() -> None:
    assert role_from_name("seg 4", LIVER) == role_from_name("Segment_4", LIVER) == "liver"
    assert role_from_name("Liver seg 4", LIVER) is None
    assert role_from_name("Tumor seg 4") == "tumour"


def test_no_word_of_a_role_is_barred() -> None:
    cores = {word for one in languages() for each in one.vocabularies for word in each.core}
    assert cores & barred_words() == set()
    assert [one.name for one in languages()] == ["en", "de", "fr", "es", "it", "pt", "nl"]
