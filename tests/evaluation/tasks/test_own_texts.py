"""Sets whose queries are documents, by the usual rule written out: leave out the document with the query's id."""

import random
from dataclasses import replace

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.own_first import left_out, own_text_first
from embedtune.evaluation.rankers import Ranking, by_vectors, by_words
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.own_texts import is_own
from embedtune.evaluation.tasks.retrieval import score_ranking

DRAW = random.Random(3)
WORDS = ["".join(DRAW.choices("abcdefghijklm", k=6)) for _ in range(300)]
POINTS = [" ".join(DRAW.choices(WORDS, k=20)) for _ in range(30)]
COUNTERS = [" ".join([*point.split()[:6], *DRAW.choices(WORDS, k=14)]) for point in POINTS]


def debates(point=lambda i: f"Topic {i}: {POINTS[i]}") -> RetrievalSet:
    """Queries are the points themselves, under their ids; the counterpoint is relevant."""
    corpus = {f"d{i}": point(i) for i in range(30)} | {f"c{i}": f"Topic {i}: {COUNTERS[i]}" for i in range(30)}
    queries = {f"d{i}": POINTS[i] for i in range(30)}
    return RetrievalSet("debates", queries, corpus, {f"d{i}": {f"c{i}": 1} for i in range(30)})


@pytest.mark.parametrize(
    "point",
    [
        lambda i: f"Topic {i}: {POINTS[i]}",
        lambda i: f"This house would ban topic {i} {POINTS[i]}",
        lambda i: POINTS[i].upper(),
        lambda i: f"{POINTS[i]}. Source: debate {i}",
        lambda i: POINTS[i][:-30],
        lambda i: f"Topic {i}\n\u200b{POINTS[i]} ",
    ],
    ids=["title", "title without a mark", "capitals", "suffix", "cut", "signs"],
)
def test_scores_are_those_of_the_usual_rule(point) -> None:
    judged = as_arrays(debates(point))
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    vectors[30:] += vectors[:30]
    asked = vectors[:30] + np.float32(0.1)
    found = score_ranking(by_vectors(asked, vectors, 10, judged), judged, ["mrr@10"]).per_query["mrr@10"]
    for query, scores in enumerate(asked @ vectors.T):
        usual = [d for d in sorted(range(60), key=lambda d: -scores[d]) if d != query]
        place = usual.index(30 + query)
        assert found[query] == pytest.approx(1 / (place + 1) if place < 10 else 0)
    (note,) = left_out(judged)
    assert note.count == 30


def test_words_rank_by_the_same_rule() -> None:
    judged = as_arrays(debates())
    assert not (by_words(5, judged).positions == np.arange(30)[:, None]).any()


@pytest.mark.parametrize("relevant", [0, 1])
def test_only_what_is_judged_relevant_stays(relevant) -> None:
    judged = debates()
    graded = replace(judged, qrels={query: {**own, query: relevant} for query, own in judged.qrels.items()})
    assert len(as_arrays(graded).self_pairs) == (0 if relevant else 30)


def test_an_id_shared_by_accident_is_not_enough() -> None:
    corpus = {str(i): f"{POINTS[i]} and much more about {i}: {COUNTERS[i]}" for i in range(30)}
    queries = {str(i): " ".join(POINTS[i].split()[:3]) for i in range(30)}
    judged = as_arrays(RetrievalSet("set", queries, corpus, {str(i): {str((i + 1) % 30): 1} for i in range(30)}))
    assert len(judged.self_pairs) == 0
    assert not is_own("서울", "서울은 대한민국의 수도입니다.")


def test_without_ids_a_document_that_holds_the_query_and_is_first_is_a_warning() -> None:
    judged = debates()
    renamed = as_arrays(
        replace(judged, corpus={f"x{key}" if key[0] == "d" else key: t for key, t in judged.corpus.items()})
    )
    assert left_out(renamed) == []
    (warning,) = own_text_first("bm25", by_words(5, renamed), renamed)
    assert (warning.code, warning.severity, warning.count) == ("own-text-first", "warning", 30)
    relevant = Ranking(np.ones((30, 1), np.float32), np.arange(30, 60)[:, None])
    assert own_text_first("good", relevant, renamed) == []
