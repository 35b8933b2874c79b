"""Near copies against a plain loop over all pairs, and what is one and what is none."""

import math
import random

import pytest

from embedtune.data.texts.near_duplicates import FEWEST_WORDS, NEAR, NearIndex
from embedtune.data.texts.polarity import statement


def near_copies(texts, others, least=NEAR):
    return NearIndex(others, (texts,), least).find(texts)


def plain(texts, others, least):
    """Jaccard over every pair, the lower of plain and weighted; a word weighs what it does where it is more common."""
    groups = [[statement(text).words for text in group] for group in (others, texts)]

    def rarity(word):
        counts = [sum(word in words for words in group) for group in groups]
        return min(math.log1p(len(group) / max(count, 0.5)) ** 2 for group, count in zip(groups, counts, strict=True))

    found = {}
    for i, a in enumerate(groups[1]):
        for j, b in enumerate(groups[0]):
            similarity = min(sum(map(rarity, a & b)) / sum(map(rarity, a | b)), len(a & b) / len(a | b))
            if similarity >= least and min(len(a), len(b)) >= FEWEST_WORDS:
                found[i, j] = similarity
    return found


@pytest.mark.parametrize("least", [0.3, 0.5, NEAR, 0.9])
def test_agrees_with_a_loop_over_all_pairs(least) -> None:
    draw = random.Random(1)
    vocabulary = [f"word{i}" for i in range(30)] + ["한국어", "문장을", "비교한다", "not", "more"]

    def text():
        return " ".join(draw.sample(vocabulary, draw.randint(3, 9)))

    texts, others = [text() for _ in range(120)], [text() for _ in range(90)]
    others[:30] = [" ".join([*one.split()[:-1], draw.choice(vocabulary)]) for one in texts[:30]]
    others[30:35] = [f"not {one}" for one in texts[40:45]]
    expected = plain(texts, others, least)
    found = {(copy.text, copy.other): copy.similarity for copy in near_copies(texts, others, least)}
    same_form = {pair for pair, value in found.items() if value == 1.0} - expected.keys()
    assert found.keys() - same_form == expected.keys()
    assert expected
    for pair, value in expected.items():
        assert found[pair] == pytest.approx(value)


@pytest.mark.parametrize(
    ("one", "other", "negated"),
    [
        ("Zinc shortens the common cold.", "Zinc shortens the common cold!", False),
        (
            "Crossover hot spots are found within gene promoters",
            "Crossover hot spots are not found within gene promoters",
            True,
        ),
        ("Insulin increases the risk of kidney failure.", "Insulin decreases the risk of kidney failure.", True),
        (
            "Bone marrow cells contribute to the macrophages.",
            "Bone marrow cells don't contribute to the macrophages.",
            True,
        ),
        ("이 서비스는 서울 시민이 신청할 수 있습니다.", "이 서비스는 서울 시민이 신청할 수 없습니다.", True),
        ("만 열아홉 살 청년은 월세 지원을 받는다", "만 열아홉 살 청년은 월세 지원을 받지 않는다", True),
        ("만 열아홉 살 청년은 월세 지원을 받는다", "만 열아홉 살 청년은 월세지원을 받는다.", False),
    ],
)
def test_near_copies_and_negations(one, other, negated) -> None:
    rest = [f"sentence number {i} speaks of thing {i * 7}" for i in range(20)]
    found = near_copies([one], [*rest, other])
    assert [(copy.text, copy.other, copy.negated) for copy in found] == [(0, 20, negated)]


def test_questions_of_one_template_are_no_copies() -> None:
    diseases = ("asthma", "measles", "malaria", "천식", "scurvy", "rickets")
    questions = [f"What are the symptoms of {disease}, and who should see a doctor?" for disease in diseases]
    assert near_copies(questions[:3], questions[3:]) == []


def test_short_texts_are_copies_only_as_a_whole() -> None:
    assert near_copies(["card lost", "비밀번호?"], ["card stolen", "비밀번호!", "lost card"])[0][:3] == (1, 1, 1.0)
    assert len(near_copies(["card lost", "비밀번호?"], ["card stolen", "비밀번호!", "lost card"])) == 1


def test_texts_without_words_and_empty_sides() -> None:
    assert near_copies([], ["a"]) == []
    assert near_copies(["?!", "..."], []) == []
    assert near_copies(["?!"], ["?!"])[0].similarity == 1
