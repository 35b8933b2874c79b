import unicodedata

import pytest

from embedtune.data.checks.mojibake import is_garbled, ungarbled
from embedtune.data.checks.text_faults import VERY_LONG, cleaned, oddities

SENTENCES = (
    "비밀번호를 잊어버렸어요. 어떻게 다시 설정하나요?",
    "It’s a café – naïve, isn’t it?",
    "Größe und Ärger über Übermaß",
    "Ça coûte 5 € à Orléans…",
    "東京都の天気はどうですか",
    "Съешь ещё этих мягких французских булок",
)


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_utf8_read_as_something_else_is_seen_and_mended(text, wrong) -> None:
    garbled = text.encode().decode(wrong, "replace")
    assert is_garbled(garbled)
    if "\ufffd" not in garbled:
        assert ungarbled(garbled) == text


@pytest.mark.parametrize("text", [SENTENCES[0], "청년 월세 지원은 어디에서 신청할 수 있나요?"])
def test_korean_in_the_other_korean_encoding_is_seen(text) -> None:
    assert is_garbled(text.encode().decode("cp949", "replace"))
    assert is_garbled(text.encode("cp949").decode("latin-1"))


@pytest.mark.parametrize(
    "text", [*SENTENCES, "ÄÖÜ äöü “ÜBER”", "첫째, 똠방각하와 펲시콜라의 여러 이야기", "Ω = 5 µm ± 2 °C", "¿Qué? ¡Así!"]
)
def test_sound_texts_are_left_alone(text) -> None:
    assert list(oddities(text)) == []
    assert ungarbled(text) == cleaned(text) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * (VERY_LONG + 1), "very-long-texts"),
        ("?!", "near-empty-texts"),
        ("한\ufffd글", "replacement-characters"),
        ("a\x1b[31mb", "control-characters"),
        ("abc\u202edef", "control-characters"),
        (unicodedata.normalize("NFD", "한글"), "unnormalised-texts"),
        ("ab\u200bcd", "invisible-characters"),
        ("<p>text</p>", "markup-in-texts"),
        ("Fast &amp; Furious", "markup-in-texts"),
    ],
)
def test_each_kind_of_damage_has_its_code(text, code) -> None:
    assert list(oddities(text)) == [code]


def test_mathematics_is_no_markup() -> None:
    assert list(oddities("if a < b and b > c, AT&T; R&D")) == []


def test_cleaning_takes_out_what_no_reader_sees_and_joins_jamo() -> None:
    assert cleaned("\ufeff" + unicodedata.normalize("NFD", "한글") + "\x00\u200b 글\t끝\n") == "한글 글\t끝\n"
