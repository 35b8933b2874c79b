"""Metrics against trec_eval's values, against slow loops on random rankings with ties and holes, and at easy inputs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.data.rows import RetrievalSet
from embedtune.errors import ConfigError
from embedtune.evaluation.metrics import (
    METRICS,
    metric_label,
    metric_names,
    named,
    ndcg_at_k,
    parse_metric,
    precision_at_k,
    recall_at_k,
)
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.ranking import id_ranks, rank
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking

TREC_NAMES = {"nDCG": "ndcg", "RR": "mrr", "AP": "map", "R": "recall", "P": "precision", "Success": "success"}


REFERENCES = ("logrank", "map", "mrr", "ndcg", "precision", "recall", "success")
"""The metrics that `slow` knows."""


def ranked_and_judged(run, grades):
    """The arrays a metric takes, from one query's run {document: score} and judgments {document: grade}."""
    documents = list(run)
    order = rank(np.array([run[d] for d in documents]), id_ranks(documents)) if documents else []
    return np.array([grades.get(documents[i], 0) for i in order], dtype=int), np.array(list(grades.values()), dtype=int)


def slow(metric, run, grades):
    """The same metrics as loops over sorted lists, by their definitions."""
    name, k = metric.split("@")
    assert name in REFERENCES, f"{name} has no slow loop here: write one"
    k = int(k)
    order = sorted(run, key=lambda d: (np.float32(run[d]), d.encode()), reverse=True)[:k]
    relevant = [d for d, grade in grades.items() if grade > 0]
    found = [place for place, d in enumerate(order, start=1) if d in relevant]
    if name == "precision":
        return len(found) / k
    if name == "logrank" and relevant:
        others = [1 + sum(d not in relevant for d in order[: place - 1]) for place in found]
        ranks = others + [k + 1] * (len(relevant) - len(found))
        return 1 - sum(math.log(rank) for rank in ranks) / len(ranks) / math.log(k + 1)
    if not relevant or not found:
        return 0.0
    if name == "success":
        return 1.0
    if name == "mrr":
        return 1 / found[0]
    if name == "recall":
        return len(found) / len(relevant)
    if name == "map":
        return sum((i + 1) / place for i, place in enumerate(found)) / len(relevant)
    ideal = sorted((grades[d] for d in relevant), reverse=True)[:k]
    best = sum(grade / math.log2(place + 1) for place, grade in enumerate(ideal, start=1))
    return sum(grades[order[place - 1]] / math.log2(place + 1) for place in found) / best


@pytest.mark.parametrize("inputs", ["graded_no_ties", "graded_ties", "binary_ties"])
def test_agrees_with_trec_eval(vectors, inputs):
    """pytrec_eval's values: grades, ties, unjudged documents, a query without a run, one without relevant documents."""
    case = vectors["cases"][f"ir/{inputs}/trec_order"]
    qrels, run = vectors["inputs"][inputs]["qrels"], vectors["inputs"][inputs]["run"]
    compared = 0
    for query, expected in case["expected"]["per_query"].items():
        ranked, judged = ranked_and_judged(run.get(query, {}), qrels[query])
        for trec_name, value in expected.items():
            word, _, k = trec_name.partition("@")
            metric = parse_metric(f"{TREC_NAMES[word]}@{k or 100_000}")  # without a cutoff: the whole ranking
            assert metric(ranked, judged) == pytest.approx(value, abs=case["tolerance"]["float64"]["atol"]), trec_name
            compared += 1
    assert compared == 10 * 19


DOCUMENTS = st.text("abc", min_size=1, max_size=3)
RUNS = st.dictionaries(DOCUMENTS, st.sampled_from([-0.5, 0.0, 0.1, 0.1 + 1e-10, 1.0]), max_size=12)
GRADES = st.dictionaries(DOCUMENTS, st.integers(-1, 3), max_size=12)
NAMES = st.sampled_from(metric_names())


@settings(deadline=None, max_examples=300)
@given(RUNS, GRADES, NAMES, st.integers(1, 15))
def test_agrees_with_slow_loops(run, grades, name, k):
    value = parse_metric(f"{name}@{k}")(*ranked_and_judged(run, grades))
    assert value == pytest.approx(slow(f"{name}@{k}", run, grades), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(RUNS, GRADES), min_size=1, max_size=5), NAMES, st.integers(1, 15))
def test_many_queries_at_once_are_the_single_ones(queries, name, k):
    """Padding with zeros, which holds rankings of unequal length in one array, changes nothing."""
    pairs = [ranked_and_judged(run, grades) for run, grades in queries]
    padded = [np.zeros((len(pairs), max(map(len, column))), dtype=int) for column in zip(*pairs, strict=True)]
    for row, pair in enumerate(pairs):
        for array, values in zip(padded, pair, strict=True):
            array[row, : len(values)] = values
    metric = parse_metric(f"{name}@{k}")
    np.testing.assert_allclose(metric(*padded), [metric(*pair) for pair in pairs], atol=1e-12)


@given(RUNS, GRADES, NAMES, st.integers(1, 15))
def test_bounds(run, grades, name, k):
    assert -1e-12 <= parse_metric(f"{name}@{k}")(*ranked_and_judged(run, grades)) <= 1 + 1e-12


@given(GRADES.filter(lambda grades: any(grade > 0 for grade in grades.values())), st.integers(1, 15))
def test_the_best_ranking_scores_one(grades, k):
    best = -np.sort(-np.array(list(grades.values())))
    relevant = int((best > 0).sum())
    for name in ("ndcg", "mrr", "success"):
        assert parse_metric(f"{name}@{k}")(best, best) == pytest.approx(1)
    assert parse_metric(f"recall@{k}")(best, best) == pytest.approx(min(k, relevant) / relevant)
    assert parse_metric(f"map@{k}")(best, best) == pytest.approx(min(k, relevant) / relevant)


def test_an_example_worked_by_hand():
    """Järvelin and Kekäläinen's form with linear gain: (3/1 + 2/log2(3)) / (3/1 + 3/log2(3) + 2/log2(4))."""
    expected = (3 + 2 / math.log2(3)) / (3 + 3 / math.log2(3) + 2 / 2)
    assert ndcg_at_k(np.array([3, 2, 0]), np.array([2, 3, 3]), 3) == pytest.approx(expected)


def test_map_divides_by_the_number_of_relevant_documents_not_by_k():
    assert parse_metric("map@1")(np.array([1]), np.array([1, 1, 1, 1])) == 0.25


def test_a_metric_prints_as_it_is_written():
    metric = parse_metric(" NDCG@10 ")
    assert (str(metric), metric_label(str(metric)), metric.k) == ("ndcg@10", "nDCG@10", 10)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ndgc@5", "'ndcg@5'"),
        ("ndcg", "'ndcg@10'"),
        ("recal@100", "'recall@100'"),
    ],
)
def test_an_unknown_metric_is_refused_with_what_was_meant(text, meant):
    with pytest.raises(ConfigError, match=f"'{text}' is not a metric; did you mean {meant}"):
        parse_metric(text)


@pytest.mark.parametrize("text", ["", "@", "정확도@10", "zzz@3", "가@0"])
def test_what_resembles_nothing_is_refused_too(text):
    with pytest.raises(ConfigError, match="is not a metric") as refused:
        parse_metric(text)
    assert "such as ndcg@10" in refused.value.next


@pytest.mark.parametrize("text", ["ndcg@0", "map@k", "ndcg@ten", "ndcg@10@20", "ndcg@-1", "ndcg@1.5"])
def test_a_cutoff_that_is_not_a_number_is_named(text):
    with pytest.raises(ConfigError, match=f"'{text}' is not a metric; the cutoff must be a whole number from 1"):
        parse_metric(text)


@pytest.mark.parametrize("name", metric_names())
def test_every_metric_has_a_reference(name):
    assert name in REFERENCES


def test_the_reference_refuses_a_metric_it_does_not_know():
    with pytest.raises(AssertionError, match="zz has no slow loop"):
        slow("zz@10", {"a": 1.0}, {"a": 1})


def test_a_metric_with_a_digit_is_one_function(monkeypatch):
    """It is parsed, suggested, labelled and computed from a ranking, as the others are."""
    monkeypatch.setattr("embedtune.evaluation.metrics.METRICS", dict(METRICS))

    @named("f1")
    def f1_at_k(ranked, judged, k):
        precision, recall = precision_at_k(ranked, judged, k), recall_at_k(ranked, judged, k)
        total = precision + recall
        return np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)

    assert (str(parse_metric("F1@2")), metric_label("f1@2")) == ("f1@2", "F1@2")
    with pytest.raises(ConfigError, match="did you mean 'f1@10'"):
        parse_metric("f2@10")
    judged = as_arrays(RetrievalSet("set", {"q": "one"}, {"a": "x", "b": "y", "c": "z"}, {"q": {"a": 1}}))
    ranking = Ranking(np.array([[3.0, 2.0, 1.0]], dtype=np.float32), np.array([[1, 0, 2]]))
    assert score_ranking(ranking, judged, ["f1@2"]).means == {"f1@2": pytest.approx(2 / 3)}
