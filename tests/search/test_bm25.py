"""BM25 against its formula in a plain loop, and words of several scripts."""

import math
import unicodedata
from collections import Counter

import numpy as np
import pytest

from embedtune.data.texts.words import words
from embedtune.errors import ConfigError, DataError
from embedtune.search.bm25 import Bm25
from embedtune.search.word_forms import terms

DOCUMENTS = (
    "청년 월세를 지원합니다. 월세 지원 신청",
    "청년에게 창업 자금을 빌려 줍니다",
    "The card was charged twice; a refund takes five days. Refund!",
    "Change the address of a card",
    "",
    "주소를 바꾸려면 the address page",
    "!!! ...",
)
QUERIES = ("월세 지원을 받고 싶은 청년", "refund a CARD", "address 주소", "nothing shared zzz", "", "월세 월세")


def slow_scores(query: str, k1: float, b: float) -> list[float]:
    forms = Bm25(DOCUMENTS).forms
    counts = [Counter(map(forms.of, terms(text))) for text in DOCUMENTS]
    mean = sum(count.total() for count in counts) / len(counts)
    scores = []
    for count in counts:
        score = 0.0
        for word in forms.of_query(query):
            having = sum(word in other for other in counts)
            idf = math.log(1 + (len(counts) - having + 0.5) / (having + 0.5))
            score += idf * count[word] / (count[word] + k1 * (1 - b + b * count.total() / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4), (2.0, 0.0)])
def test_agrees_with_the_formula(k1, b, monkeypatch):
    monkeypatch.setattr("embedtune.search.bm25.K1", k1)
    monkeypatch.setattr("embedtune.search.bm25.B", b)
    scores, positions = Bm25(iter(DOCUMENTS)).top_k(QUERIES, 10)
    assert scores.shape == positions.shape == (len(QUERIES), len(DOCUMENTS))
    for query, found, where in zip(QUERIES, scores, positions, strict=True):
        expected = slow_scores(query, k1, b)
        best = sorted((i for i in range(len(DOCUMENTS)) if expected[i] > 0), key=lambda i: (-expected[i], i))
        assert where.tolist() == best + [-1] * (len(DOCUMENTS) - len(best))
        np.testing.assert_allclose(found[: len(best)], [expected[i] for i in best], rtol=1e-5)
        assert np.isneginf(found[len(best) :]).all()


def test_ties_go_by_rank():
    index = Bm25(["same words here"] * 50)
    tie_rank = np.random.default_rng(0).permutation(50)
    _, positions = index.top_k(["words"], 7, tie_rank=tie_rank)
    assert positions[0].tolist() == np.argsort(-tie_rank)[:7].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße, snake_case x2!", ["straße", "snake", "case", "x2"]),
        ("월세지원을 24시간", ["월세", "세지", "지원", "원을", "24", "시간"]),
        ("동 a", ["동", "a"]),
        ("東京都に住む", ["東京", "京都", "都に", "に住", "住む"]),
        ("서울东京", ["서울", "东京"]),
        (unicodedata.normalize("NFD", "한국어"), ["한국", "국어"]),
        ("  \n…", []),
    ],
)
def test_words_of_several_scripts(text, expected):
    assert list(words(text)) == expected


def test_documents_without_a_word():
    scores, positions = Bm25(["", "..."]).top_k(["anything"], 1)
    assert positions.tolist() == [[-1]] and np.isneginf(scores).all()


def test_no_documents():
    with pytest.raises(DataError, match="no documents"):
        Bm25([])


def test_bad_numbers():
    with pytest.raises(ConfigError, match="at least 1"):
        Bm25(["a"]).top_k(["a"], 0)


def test_scores_of_chosen_pairs_are_those_of_a_search() -> None:
    documents = ["빨간 자동차", "a blue car", "파란 자동차 경주", "nothing"]
    queries = ["자동차 경주", "car", "없는말"]
    index = Bm25(documents)
    scores, positions = index.top_k(queries, 4)
    every = index.pair_scores(queries, np.tile(np.arange(4), (3, 1)))
    for row in range(3):
        found = {
            int(place): float(score) for place, score in zip(positions[row], scores[row], strict=True) if place >= 0
        }
        assert every[row].tolist() == [found.get(place, 0.0) for place in range(4)]
    chosen = index.pair_scores(queries, np.array([[2, -1], [1, 0], [0, 1]]))
    assert chosen[0, 0] == every[0, 2] and np.isnan(chosen[0, 1])
    assert Bm25(["!", "?"]).pair_scores(["car"], np.array([[1]])).tolist() == [[0.0]]
