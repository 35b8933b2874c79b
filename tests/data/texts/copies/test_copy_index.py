import random

import numpy as np
import pytest

from embedtune.data.texts.copies.index import CopyIndex

DRAW = random.Random(5)
WORDS = ["".join(DRAW.choice("abcdefghijklmnoprstuw") for _ in range(6)) for _ in range(800)]


def document(words: int, seed: int) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice(WORDS) for _ in range(words)).capitalize() + "."


DOCUMENTS = [document(60 + 5 * i, i) for i in range(40)]


def pairs(index: CopyIndex, texts: list[str]) -> set[tuple[int, int]]:
    return {(copy.text, copy.other) for copy in index.find(texts)}


@pytest.mark.parametrize(
    "changed",
    [
        lambda text, i: text.upper(),
        lambda text, i: f"passage: {text}",
        lambda text, i: f"Title of number {i}\n{text}",
        lambda text, i: f"{text} Page {i} of the handbook.",
        lambda text, i: " ".join(text.split()[:30]),
        lambda text, i: f"Title {i}: " + " ".join(text.split()[:40]),
        lambda text, i: text[:20] + text[21:],
    ],
    ids=["capitals", "prompt", "title", "suffix", "cut", "title and cut", "slip"],
)
def test_each_document_is_found_and_no_other(changed) -> None:
    asked = [changed(text, i) for i, text in enumerate(DOCUMENTS)]
    assert pairs(CopyIndex(DOCUMENTS), asked) == {(i, i) for i in range(40)}
    assert pairs(CopyIndex(asked), DOCUMENTS) == {(i, i) for i in range(40)}


def test_documents_of_one_template_are_not_copies() -> None:
    names = [document(2, 100 + i)[:-1] for i in range(60)]
    filled = [
        f"{name} is inherited in an autosomal dominant pattern, which means that one copy of the altered gene in each "
        "cell is sufficient to cause the disorder. In most cases, an affected person has one parent with it."
        for name in names
    ]
    assert CopyIndex(filled[:30]).find(filled[30:]) == []
    assert pairs(CopyIndex(filled[:30]), [filled[3].upper()]) == {(0, 3)}


def test_short_texts_and_small_parts_are_not_copies_unless_parts_count() -> None:
    sentence = "The fee is due on the first of May."
    page = f"{document(80, 7)} {sentence} {document(80, 8)}"
    assert CopyIndex([sentence]).find([page]) == []
    assert pairs(CopyIndex([sentence], np.array([True])), [page]) == {(0, 0)}
    short = CopyIndex(["Yes, please."], np.array([True]))
    assert short.find(["Yes, please. Thank you very much for the coffee."]) == []


def test_korean_documents_are_read_alike() -> None:
    services = ["청년월세", "장애연금", "급식지원", "산모돌봄"]
    answers = [
        f"{name} 서비스는 {i + 1}월부터 주민센터에서 신청하며 매월 {i * 10 + 5}만원을 계좌로 지급합니다."
        for i, name in enumerate(services)
    ]
    assert pairs(CopyIndex(answers), [f"안내문. {answers[2]}"]) == {(0, 2)}
    assert CopyIndex(answers).find([answers[2].replace("25만원", "35만원")]) == []
