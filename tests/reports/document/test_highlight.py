"""Which words of a passage are marked, and which stretch of it is shown."""

import re

from hypothesis import given
from hypothesis import strategies as st

from embedtune.reports.document.highlight import excerpt, marked, pieces, stem


def found(text: str, query: str) -> list[str]:
    return [piece for piece, shared in pieces(text, query) if shared]


def test_words_of_one_stem_are_marked() -> None:
    assert found("Vaccination of cells; the cell's vaccine, 2024", "vaccines in a cell (2024)") == [
        "Vaccination", "cells", "cell", "vaccine", "2024",
    ]  # fmt: skip


def test_korean_words_are_marked_whatever_particle_they_carry() -> None:
    assert found("청년에게 월세를 지원하는 사업입니다", "청년 월세 지원은 어떻게 받나요?") == [
        "청년에게",
        "월세를",
        "지원하는",
    ]


def test_decomposed_hangul_is_the_same_word() -> None:
    import unicodedata

    assert found(unicodedata.normalize("NFD", "월세를"), "월세")


def test_words_that_say_little_are_not_marked() -> None:
    assert found("What is the use of it? 어떻게 하는 경우", "what is the effect of this? 어떻게 하는") == []


def test_the_stretch_with_most_of_the_query_is_shown() -> None:
    text = "filler " * 80 + "the vaccine protects old mice " + "filler " * 80
    shown = excerpt(text, "Vaccines for mice", 60)
    assert "vaccine protects old mice" in shown
    assert shown.startswith("… ") and shown.endswith(" …")
    assert len(shown) <= 64
    assert excerpt("short", "query") == "short"


@given(
    st.lists(st.sampled_from(["연금", "월세", "rent", "filler", "x", "\n", "a" * 45]), max_size=40),
    st.sampled_from(["월세", "월세 연금", "rents 월세 연금", "없음", "a" * 45]),
)
def test_no_other_stretch_has_more_words_of_the_query(words: list[str], query: str) -> None:
    text = " ".join(words)
    wanted = {stem(word) for word in query.split()}
    places = [(word.start(), word.end(), stem(word[0])) for word in re.finditer(r"[^\W_]+", text)]
    counts = [
        len({key for start, end, key in places if key in wanted - {""} and first <= start and end <= first + 40})
        for first in range(len(text) + 1)
    ]
    shown = {stem(piece) for piece, shared in pieces(excerpt(text, query, 40), query) if shared}
    assert len(shown) >= max(counts)


def test_marks_are_the_only_markup() -> None:
    shown = marked("<b>월세</b>\x1b[31m\n둘", "월세")
    assert shown == "&lt;b&gt;<mark>월세</mark>&lt;/b&gt;\\x1b[31m\n둘"


@given(st.text(max_size=400), st.text(max_size=60))
def test_nothing_is_lost_and_an_excerpt_is_part_of_the_text(text: str, query: str) -> None:
    assert "".join(piece for piece, _ in pieces(text, query)) == text
    shown = excerpt(text, query, 100)
    assert shown.removeprefix("… ").removesuffix(" …") in text
    assert len(shown) <= 104
