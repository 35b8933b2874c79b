"""Sentences and passages, Korean and English."""

import pytest

from embedtune.data.texts.segment import passages, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.5 won. Fine.", ["It costs 3.5 won.", "Fine."]),
        ("Dr. Kim and J. Smith met at 9 a.m. today. Yes.", ["Dr. Kim and J. Smith met at 9 a.m. today.", "Yes."]),
        ("Use tools, e.g. Hammers, and nails etc. Then stop.", ["Use tools, e.g. Hammers, and nails etc. Then stop."]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("Wait... what? Yes.", ["Wait...", "what?", "Yes."]),
        ("구청에서 합니다. 없어요. 언제인가요? 연중!", ["구청에서 합니다.", "없어요.", "언제인가요?", "연중!"]),
        ("신청합니다.그리고 기다려요.끝이죠?네.", ["신청합니다.", "그리고 기다려요.", "끝이죠?", "네."]),
        ("금액은 1.5만 원입니다. 2.5배까지 됩니다.", ["금액은 1.5만 원입니다.", "2.5배까지 됩니다."]),
        ('그는 "됩니다." 하고 말했다. 우리는 갔다.', ['그는 "됩니다." 하고 말했다.', "우리는 갔다."]),
        ('담당자는 "접수했습니다."라고 했다. 끝.', ['담당자는 "접수했습니다."라고 했다.', "끝."]),
        ("1. 신청서를 씁니다. 2. 제출합니다.", ["1. 신청서를 씁니다.", "2. 제출합니다."]),
        ("“됩니다.” 고맙다고 했다.", ["“됩니다.”", "고맙다고 했다."]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("신청은 2024. 3. 5. 까지입니다. 문의하세요.", ["신청은 2024. 3. 5. 까지입니다.", "문의하세요."]),
        ("2024. 3. 5. 10시에 엽니다. 그해는 2024. 그 뒤", ["2024. 3. 5. 10시에 엽니다.", "그해는 2024.", "그 뒤"]),
        ("가. 신청서를 씁니다. 나. 제출합니다.", ["가. 신청서를 씁니다.", "나. 제출합니다."]),
        ("I said no. Then, in No. 5, see p. 7.", ["I said no.", "Then, in No. 5, see p. 7."]),
        ('"Really?" he asked. "Yes!" "No."', ['"Really?" he asked.', '"Yes!"', '"No."']),
        ("first paragraph\n\nsecond paragraph", ["first paragraph", "second paragraph"]),
        ("a line\nthat goes on", ["a line that goes on"]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_no_character_but_blanks_is_lost() -> None:
    text = '가나다. "라마바." 사아! U.S. 3.5 (자차카.) 타파하…\n\n끝 a.b.c. Done?!'
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(("once", "expected"), [("a. b. ", 1), ("2024. ", 1), ("wait! ", 20_000), ("...?", 1)])
def test_a_long_line_takes_time_by_its_length_and_not_by_its_square(once: str, expected: int) -> None:
    assert len(sentences(once * 20_000)) == expected  # by the square: minutes


def test_passages_are_whole_sentences_of_about_equal_length() -> None:
    text = " ".join(f"문장 번호 {number} 입니다." for number in range(10))  # 4 words each
    found = passages(text, 16)
    assert [len(one.split()) for one in found] == [16, 16, 8] or max(len(one.split()) for one in found) <= 16
    assert all(one.endswith("입니다.") for one in found)
    assert " ".join(found) == text
    assert min(len(one.split()) for one in found) >= 8


def test_a_short_text_stays_as_it_is_but_for_blanks() -> None:
    assert passages(" 한 문장. 또  한 문장. ", 100) == ["한 문장. 또 한 문장."]
    assert passages(" \n", 100) == []


def test_a_sentence_longer_than_a_passage_is_cut_between_words() -> None:
    words = [f"w{number}" for number in range(25)]
    found = passages(" ".join(words), 10)
    assert " ".join(found).split() == words
    assert max(len(one.split()) for one in found) <= 10
