"""How texts are read aloud, language by language; what cannot be read is neither lost nor guessed."""

# ruff: noqa: E501  (a text and its reading stand on one line)
from __future__ import annotations

import pytest

from curation.text import normalise, spoken_text

READ = [
    ("en", "Dr. Smith paid 20 euros", "doctor smith paid twenty euros"),
    ("en", "Mr. and Mrs. Jones, e.g. on Main St., St. Mary, etc.", "mister and missus jones for example on main street saint mary et cetera"),
    ("en", "1.5 km at 5 km/h, -5 °C and 20%", "one point five kilometers at five kilometers per hour minus five degrees celsius and twenty percent"),
    ("en", "$1.5 million, €20, £2.50, -$5", "one point five million dollars twenty euros two pounds and fifty cents minus five dollars"),
    ("en", "½, 1½, 3/4, 24/7", "one half one and one half three quarters twenty four seven"),
    ("en", "May 3, 2024; 2024-05-03; 5/3/2024", "may third twenty twenty four may third twenty twenty four may third twenty twenty four"),
    ("en-GB", "5/3/2024", "march fifth twenty twenty four"),
    ("en", "AT&amp;T don&#39;t&nbsp;go", "at and t don't go"),
    ("en", "I love 🍕, hello😀 👍🏽", "i love pizza hello grinning face thumbs up"),
    ("en", "C++, .5, 1.2.3, @home #tag", "c plus plus point five one point two point three at home hashtag tag"),
    ("en", "No. 5. No, 3pm, 1980s", "number five no three p m nineteen eighties"),
    ("de", "Dr. Müller zahlt 1.000 € für 3,5 kg", "doktor müller zahlt eintausend euro für drei komma fünf kilogramm"),
    ("de", "z. B. am 3. Mai, bzw. 03.05.2024 um 14.30 Uhr", "zum beispiel am dritter mai beziehungsweise dritter mai zweitausendvierundzwanzig um vierzehn uhr dreißig"),
    ("de", "3.5 % & ½ Liter, 1984", "drei punkt fünf prozent und ein halb liter neunzehnhundertvierundachtzig"),
    ("de-CH", "1'000.50 €", "eintausend euro fünfzig"),
    ("fr", "M. Dupont, p. ex., a 1 000,50 € à 14h30", "monsieur dupont par exemple a mille euros cinquante à quatorze heures trente"),
    ("fr", "1\u202f000 km, le 1er mai, 20 %", "mille kilomètres le premier mai vingt pour cent"),
    ("es", "El Sr. García: 1.000,50 €, 3/5/2024, 1º", "el señor garcía mil euros cincuenta tres de mayo de dos mil veinticuatro primero"),
    ("es-MX", "1,000.5 kg", "mil punto cinco kilogramos"),
    ("it", "3,5 kg, ecc.", "tre virgola cinque chilogrammi eccetera"),
    ("pt", "R$ 20 às 14h30", "vinte reais às catorze horas e trinta"),
    ("nl", "bijv. € 2,50", "bijvoorbeeld twee euro vijftig"),
    ("sv", "t.ex. 3,5 kg", "till exempel tre komma fem kilogram"),
    ("pl", "np. 20 zł", "na przykład dwadzieścia złotych"),
    ("cs", "např. 20 Kč a 3,5 kg", "například dvacet korun a tři celá pět kilogramu"),
    ("ru", "т. е. 3,5 кг, 1000 ₽", "то есть три целых пять десятых килограмма одна тысяча рублей"),
    ("tr", "%20, 3,5 kg, 25", "yüzde yirmi üç virgül beş kilogram yirmi beş"),
    ("ar", "٢٥ ٣٫٥", "خمسة و عشرون ثلاثة فاصلة خمسة"),
    ("fa", "۲۵ کتاب", "بیست و پنج کتاب"),
    ("hi", "२५ किताबें, ₹20", "पच्चीस किताबें बीस रुपए"),
    ("ta", "25", "இருபத்து ஐந்து"),
    ("th", "๓๐ บาท", "สามสิบ บาท"),
    ("zh", "2024年有25个，50%，3.5", "二零二四年有二十五个百分之五十三点五"),
    ("ja", "５個、20%", "五個二十パーセント"),
    ("ko", "20%", "이십 퍼센트"),
    ("vi", "25", "hai mươi lăm"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "spoken"), READ)
def test_a_text_is_read_in_its_language(language: str, text: str, spoken: str) -> None:
    assert spoken_text(text, language) == spoken


@pytest.mark.parametrize(
    ("language", "text", "unread"),
    [
        ("xx", "25 foo & bar 😀 5%", ["25", "&", "😀", "5%"]),
        ("el", "Έχω 25 βιβλία", ["25"]),
        ("km", "មាន ២៥", ["២៥"]),
        ("en", "go to 日本 now", ["日本"]),
        ("cy", "3.5", ["3.5"]),
    ],
)
def test_what_cannot_be_read_is_a_wildcard_and_stands_in_the_text(language: str, text: str, unread: list[str]) -> None:
    assert [word.text for word in normalise(text, language) if word.flag == "unknown"] == unread
    assert all(part.lower() in spoken_text(text, language) for part in unread)


def test_a_word_with_its_unit_is_one_word_and_leads_back() -> None:
    text = "Um (3,5 kg), 14.30 Uhr & so."
    words = normalise(text, "de")
    assert [word.text for word in words] == ["Um", "3,5 kg", "14.30 Uhr", "&", "so"]
    assert [text[word.start : word.end] for word in words] == [word.text for word in words]
    entity = normalise("a&nbsp;&amp;&nbsp;b")
    assert [word.text for word in entity] == ["a", "&amp;", "b"]


def test_other_readings_are_offered() -> None:
    readings = {" ".join(reading) for reading in normalise("1.000", "de")[0].readings}
    assert readings >= {"eintausend", "tausend"}
    assert {" ".join(reading) for reading in normalise("3/4")[0].readings} >= {"three quarters", "three fourths"}
