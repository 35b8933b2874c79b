"""Retrieval scores end to end: reference values, a slow evaluation by definition, what is left out and counted."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.data.rows import RetrievalSet
from embedtune.errors import ConfigError, DataError, ModelError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import demand_judged, rank_encoded, score_ranking

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
SMALL = RetrievalSet(
    name="small",
    queries={"q1": "one", "q2": "two", "q3": "nothing relevant", "q4": "not judged"},
    corpus={"a": "eins", "b": "zwei", "c": "drei"},
    qrels={"q1": {"a": 1}, "q2": {"b": 2, "c": 1}, "q3": {"a": 0}},
)


def evaluate_retrieval(encode_queries, encode_documents, judged, metrics=METRICS):
    """The parts in the order in which every evaluation puts them together."""
    arrays = judged if isinstance(judged, JudgedSet) else as_arrays(judged)
    demand_judged(arrays)
    depth = max(parse_metric(name).k for name in metrics)
    return score_ranking(rank_encoded(encode_queries, encode_documents, arrays, depth), arrays, metrics)


class Table:
    """An encoder that looks its vectors up, and remembers what it was asked."""

    def __init__(self, vectors):
        self.vectors = vectors
        self.calls = []

    def __call__(self, texts):
        self.calls.append(list(texts))
        return np.array([self.vectors[text] for text in texts], dtype=np.float32)


def test_agrees_with_sentence_transformers_on_its_own_terms(vectors):
    """Its ties go to the smaller document id, so ids are turned round; its MAP@k divides by at most k, enough here."""
    case = vectors["cases"]["ir/st_information_retrieval_evaluator"]
    inputs = vectors["inputs"]["st_binary"]
    turned = {name: f"d{99 - i:02}" for i, name in enumerate(inputs["document_ids"])}
    judged = RetrievalSet(
        name="st",
        queries={query: f"text of {query}" for query in inputs["query_ids"]},
        corpus={turned[name]: f"text of {name}" for name in inputs["document_ids"]},
        qrels={query: {turned[name]: 1 for name in names} for query, names in inputs["relevant"].items()},
    )
    documents, queries = (
        Table({f"text of {name}": _unit(v) for name, v in zip(inputs[f"{role}_ids"], inputs[key], strict=True)})
        for role, key in (("document", "documents"), ("query", "queries"))
    )
    names = {
        f"{ours}@{k}": f"{theirs}@{k}"
        for ours, theirs in (("success", "accuracy"), ("ndcg", "ndcg"))
        for k in (1, 5, 10)
    }
    names |= {f"{m}@{k}": f"{m}@{k}" for m in ("precision", "recall") for k in (1, 5, 10, 100)}
    names |= {"mrr@10": "mrr@10", "map@5": "map@5", "map@10": "map@10", "map@100": "map@100", "ndcg@100": "ndcg@100"}
    scores = evaluate_retrieval(queries, documents, judged, metrics=tuple(names))
    for ours, theirs in names.items():
        assert scores.means[ours] == pytest.approx(case["expected"]["mean"][theirs], abs=1e-9), ours
    assert len(scores) == case["expected"]["queries_averaged"]


def _unit(vector):
    return np.array(vector) / np.linalg.norm(vector)


IDS = [f"d{i}" for i in range(8)]
GRADES = st.dictionaries(st.sampled_from([*IDS, "gone"]), st.integers(0, 3), max_size=6)
SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=8, max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(GRADES, SCORES), min_size=1, max_size=4), st.integers(1, 10))
def test_agrees_with_a_slow_evaluation(rows, k):
    """Query i is the i-th unit vector, so document vectors hold the scores; 'gone' is judged but not in the corpus."""
    judged = RetrievalSet(
        name="slow",
        queries={f"q{i}": f"query {i}" for i in range(len(rows))},
        corpus={name: f"document {name}" for name in IDS},
        qrels={f"q{i}": grades for i, (grades, _) in enumerate(rows)},
    )
    queries = Table({f"query {i}": row for i, row in enumerate(np.eye(len(rows)))})
    documents = Table({f"document {name}": [scores[j] for _, scores in rows] for j, name in enumerate(IDS)})
    expected = {}
    for i, (grades, scores) in enumerate(rows):
        if any(grade > 0 for grade in grades.values()):
            order = sorted(IDS, key=lambda name, scores=scores: (scores[IDS.index(name)], name), reverse=True)[:k]
            gain = sum(max(grades.get(name, 0), 0) / math.log2(place + 2) for place, name in enumerate(order))
            ideal = sorted(grades.values(), reverse=True)[:k]
            best = sum(grade / math.log2(place + 2) for place, grade in enumerate(ideal))
            found = sum(grades.get(name, 0) > 0 for name in order)
            expected[f"q{i}"] = (gain / best, found / sum(grade > 0 for grade in grades.values()))
    if not expected:
        with pytest.raises(DataError, match="no query with a relevant document"):
            evaluate_retrieval(queries, documents, judged)
        return
    scores = evaluate_retrieval(queries, documents, judged, metrics=(f"ndcg@{k}", f"recall@{k}"))
    assert scores.query_ids == tuple(expected)
    np.testing.assert_allclose(scores.per_query[f"ndcg@{k}"], [e[0] for e in expected.values()])
    np.testing.assert_allclose(scores.per_query[f"recall@{k}"], [e[1] for e in expected.values()])


def test_corpus_and_judged_queries_are_encoded_once_each():
    queries = Table({"one": [1, 0], "two": [0, 1]})
    documents = Table({"eins": [1, 0], "zwei": [0, 1], "drei": [0, 0.5]})
    scores = evaluate_retrieval(queries, documents, SMALL)
    assert queries.calls == [["one", "two"]] and documents.calls == [["eins", "zwei", "drei"]]
    assert scores.query_ids == ("q1", "q2") and scores.documents == 3
    assert scores.means == {"ndcg@10": 1.0, "mrr@10": 1.0, "recall@10": 1.0, "recall@100": 1.0}


def test_arrays_can_be_made_once_for_many_evaluations():
    arrays = as_arrays(SMALL)
    documents = Table({"eins": [1, 0], "zwei": [0, 1], "drei": [0, 0.5]})
    for vectors in ({"one": [1, 0], "two": [0, 1]}, {"one": [0, 1], "two": [0, 1]}):
        again = evaluate_retrieval(Table(vectors), documents, arrays)
        fresh = evaluate_retrieval(Table(vectors), documents, SMALL)
        assert again.means == fresh.means and again.query_ids == fresh.query_ids


def test_an_encoder_that_tells_nothing_apart_gets_the_tie_order():
    """1,000 documents, the relevant one first in the file: by document id descending it comes last."""
    corpus = {f"d{i:04}": f"text {i}" for i in range(1000)}
    constant = lambda texts: np.ones((len(texts), 2), dtype=np.float32)  # noqa: E731
    for relevant, value in (("d0000", 0.0), ("d0999", 1.0), ("d0990", 0.1)):
        judged = RetrievalSet("constant", {"q": "query"}, corpus, {"q": {relevant: 1}})
        assert evaluate_retrieval(constant, constant, judged, metrics=["mrr@10"]).means == {"mrr@10": value}


PARAPHRASES = RetrievalSet(
    name="paraphrases",
    queries={"q": "비밀번호를 잊었어요", "r": "forgot my password"},
    corpus={"q0": "비밀번호를  잊었어요", "q1": "암호를 잃어버렸어요", "r0": "forgot my password", "r1": "hello"},
    qrels={"q": {"q1": 1}, "r": {"r0": 1}},
)
ALIKE = Table(
    {
        "비밀번호를 잊었어요": [1, 0],
        "비밀번호를  잊었어요": [1, 0],
        "암호를 잃어버렸어요": [0.9, 0],
        "forgot my password": [0, 1],
        "hello": [0, 0.5],
    }
)


def test_a_querys_own_text_is_left_out_unless_it_is_judged_relevant():
    """q0 is q's own text but for a blank; r0 is r's own, and judged."""
    scores = evaluate_retrieval(ALIKE, ALIKE, PARAPHRASES, metrics=["mrr@10", "recall@1"])
    assert scores.means == {"mrr@10": 1.0, "recall@1": 1.0} and len(as_arrays(PARAPHRASES).self_pairs) == 1


def test_own_texts_that_stand_in_the_corpus_many_times_do_not_use_up_the_ranking():
    corpus = {f"x{i}": "the same" for i in range(30)} | {"answer": "other"}
    judged = RetrievalSet("copies", {"q": "the same"}, corpus, {"q": {"answer": 1}})
    table = Table({"the same": [1.0, 0.0], "other": [0.5, 0.0]})
    scores = evaluate_retrieval(table, table, judged, metrics=["precision@10", "mrr@10"])
    assert scores.means == {"precision@10": 0.1, "mrr@10": 1.0} and len(as_arrays(judged).self_pairs) == 30


def test_the_scores_of_some_queries_only():
    queries = Table({"one": [0, 1], "two": [0, 1]})
    documents = Table({"eins": [1, 0], "zwei": [0, 1], "drei": [0, 0.5]})
    scores = evaluate_retrieval(queries, documents, SMALL, metrics=["recall@2"])
    assert scores.means == {"recall@2": 0.5}
    some = scores.only({"q2", "q3", "elsewhere"})
    assert some.query_ids == ("q2",) and some.means == {"recall@2": 1.0}
    assert scores.only([]).means == {"recall@2": 0.0} and len(scores.only([])) == 0


def test_an_unknown_metric_is_refused_before_anything_is_encoded():
    encoder = Table({})
    with pytest.raises(ConfigError, match="did you mean 'ndcg@10'"):
        evaluate_retrieval(encoder, encoder, SMALL, metrics=["ndgc@10"])
    assert encoder.calls == []


def test_an_empty_corpus_is_refused():
    with pytest.raises(DataError, match="no document in empty"):
        evaluate_retrieval(Table({}), Table({}), RetrievalSet("empty", {"q": "x"}, {}, {"q": {"a": 1}}))


@pytest.mark.parametrize("vectors", [np.ones(3), np.ones((2, 4)), np.ones((3, 2, 2))])
def test_an_encoder_must_give_a_row_per_text(vectors):
    with pytest.raises(ModelError, match="for 3 documents; one row each is needed"):
        evaluate_retrieval(Table({"one": [1, 0], "two": [0, 1]}), lambda texts: vectors, SMALL)


def test_an_encoder_that_gives_nan_is_refused():
    with pytest.raises(ModelError, match="NaN"):
        evaluate_retrieval(Table({"one": [1, 0], "two": [0, 1]}), lambda texts: np.full((len(texts), 2), np.nan), SMALL)
