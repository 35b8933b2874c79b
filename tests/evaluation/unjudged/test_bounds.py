"""The bounds of a score are the extremes over all answers that judges could give, tried one by one."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.unjudged.bounds import judged_share, value_bounds

K, DOCUMENTS = 3, 7


def slow(name: str, ranked: list[int], grades: list[int]) -> float:
    """A metric at K of one ranking, in plain Python."""
    first = [grades[document] for document in ranked[:K]]
    if name == "ndcg":
        best = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(grades, reverse=True)[:K]))
        return sum(g / math.log2(r + 2) for r, g in enumerate(first)) / best
    hits = [g > 0 for g in first]
    if name == "mrr":
        return next((1 / r for r, hit in enumerate(hits, 1) if hit), 0.0)
    return sum(hits) / K if name == "precision" else float(any(hits))


@pytest.mark.parametrize("metric", ["ndcg", "mrr", "precision", "success"])
@pytest.mark.parametrize("documents", [DOCUMENTS, K])
def test_the_bounds_are_the_extremes_over_all_possible_answers(make_set: Any, metric: str, documents: int) -> None:
    rng = np.random.default_rng(documents)
    grades = (rng.random((12, documents)) < 0.4).astype(int)
    known = rng.random(grades.shape) < 0.4
    known[:, 0], grades[:, 0] = True, 1  # every query keeps a relevant document
    ranked = np.stack([rng.permutation(documents) for _ in grades])
    low, high = value_bounds(parse_metric(f"{metric}@{K}"), make_set(grades, known), ranked)  # type: ignore[misc]
    for query, row in enumerate(grades.tolist()):
        open_ = np.flatnonzero(~known[query]).tolist()
        values = []
        for answers in product((0, 1), repeat=len(open_)):
            answered = [grade if known[query, d] else 0 for d, grade in enumerate(row)]
            for document, answer in zip(open_, answers, strict=True):
                answered[document] = answer
            values.append(slow(metric, ranked[query].tolist(), answered))
        assert (low[query], high[query]) == pytest.approx((min(values), max(values)))


def test_grades_widen_the_bounds_to_those_of_the_highest(make_set: Any) -> None:
    grades = np.array([[1, 0, 0, 3]])
    known = np.array([[True, True, False, True]])
    ranked = np.array([[0, 2, 1]])
    low, high = value_bounds(parse_metric("ndcg@2"), make_set(grades, known), ranked)  # type: ignore[misc]
    extremes = []
    for grade in (0, 1, 3):
        best = sorted([1, 0, grade, 3], reverse=True)
        extremes.append((1 + grade / math.log2(3)) / (best[0] + best[1] / math.log2(3)))
    assert (low[0], high[0]) == pytest.approx((min(extremes), max(extremes)))


@pytest.mark.parametrize("metric", ["recall@3", "map@3", "logrank@3", "ndcg@101"])
def test_a_ranking_sets_no_bounds_for_some_metrics(make_set: Any, metric: str) -> None:
    judged = make_set(np.eye(2, 4, dtype=int), np.ones((2, 4), dtype=bool))
    assert value_bounds(parse_metric(metric), judged, np.array([[0, 1], [1, 0]])) is None


def test_the_share_counts_documents_judged_either_way(make_set: Any) -> None:
    judged = make_set(np.eye(2, 4, dtype=int), np.array([[True, True, False, False], [False, True, False, False]]))
    assert judged_share(judged, np.array([[0, 1, 2], [3, -1, -1]]), 3) == 2 / 4
    assert judged_share(judged, np.array([[0, 1, 2], [3, -1, -1]]), 1) == 1 / 2


def test_where_judgments_are_hidden_the_bounds_hold_what_they_were(make_set: Any) -> None:
    rng = np.random.default_rng(3)
    relevant = (rng.random((60, 200)) < 0.1).astype(int)
    relevant[:, 0] = 1
    ranked = np.argsort(rng.random(relevant.shape) - 0.4 * relevant, axis=1)[:, :10]
    metric = parse_metric("ndcg@10")
    everything = np.ones(relevant.shape, dtype=bool)
    full = metric(make_set(relevant, everything).grades_of(ranked), relevant).mean()
    for _ in range(20):
        known = rng.random(relevant.shape) < 0.1
        known[:, 0] = True
        judged = make_set(relevant, known)
        low, high = (values.mean() for values in value_bounds(metric, judged, ranked) or ())
        thin = metric(judged.grades_of(ranked), judged.judged).mean()
        assert low <= full <= high and low <= thin <= high and abs(thin - full) > 0.1
