"""BM25 alone against the tuned encoder: what is tested, and where the reader meets it."""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import BesideWords, TrainResult
from embedtune.reports.train import training
from embedtune.workflows.shared.scoring import METRICS, Measured
from embedtune.workflows.train.kept.beside_words import beside_words, words_are_better

QUERIES = 60


@pytest.fixture(scope="module")
def judged() -> JudgedSet:
    """Questions that name their answer's own word, so that BM25 ranks it first."""
    queries = {f"q{i:02}": f"what about topic{i:02}" for i in range(QUERIES)}
    corpus = {f"d{i:02}": f"topic{i:02} is explained here" for i in range(QUERIES)}
    return as_arrays(RetrievalSet("words", queries, corpus, {f"q{i:02}": {f"d{i:02}": 1} for i in range(QUERIES)}))


def ranked(judged: JudgedSet, ranks: Sequence[int]) -> Measured:
    """An encoder that puts the right answer of each query at a rank, from 1."""
    others = [[(i + step) % QUERIES for step in range(1, QUERIES)] for i in range(QUERIES)]
    places = [[*own[: rank - 1], i, *own[rank - 1 :]] for i, (own, rank) in enumerate(zip(others, ranks, strict=True))]
    positions = np.array(places)  # (Q, C)
    ranking = Ranking(np.tile(np.linspace(1, 0, QUERIES, dtype=np.float32), (QUERIES, 1)), positions)
    return Measured(ranking, score_ranking(ranking, judged, METRICS))


def measured_beside(judged: JudgedSet, ranks: Sequence[int], unseen: Sequence[str] = ()) -> BesideWords:
    found = beside_words(judged, ranked(judged, ranks), ranked(judged, ranks), frozenset(unseen), seed=0)
    beside = found["beside_bm25"]
    assert isinstance(beside, BesideWords)
    return beside


def run_with(beside: BesideWords) -> TrainResult:
    """A run of which nothing else is known."""
    none = dict.fromkeys(METRICS, 0.0)
    scores = {"before": none, "after": none, "before_unseen": None, "after_unseen": None, "verdict": beside.verdict}
    facts = {"steps": 1, "epochs": 1.0, "examples_per_s": 1.0, "elapsed_s": 1.0, "peak_memory_bytes": 1}
    return TrainResult(run="r", model="r/model", losses=(), **facts, **scores, beside_bm25=beside)  # type: ignore[arg-type]


def test_a_reader_is_told_that_bm25_alone_is_better(judged: JudgedSet) -> None:
    ranks = np.random.default_rng(0).integers(2, 10, QUERIES)
    unseen = judged.query_ids[:52]
    beside = measured_beside(judged, ranks.tolist(), unseen)
    expected = float((1 / np.log2(1 + ranks[:52])).mean())  # nDCG with one relevant document
    assert beside.alone is not None and (beside.alone.on, beside.alone.queries) == ("unseen", 52)
    assert (beside.alone.before, beside.alone.after) == (pytest.approx(expected), 1.0)
    (finding,) = words_are_better(beside)
    said = f"BM25 alone is better than the tuned encoder: nDCG@10 1.000 against {expected:.3f}"
    assert finding.code == "bm25-better" and finding.message.startswith(said) and "p < 0.001" in finding.message
    told = run_with(beside)
    assert training(told).lead == f"{beside.verdict.sentence} {finding.message}"
    assert finding.message.partition(" (")[0] in markdown(training(told))
    assert f"instead of {expected:.3f}; BM25 alone: 1.000" in " ".join(str(told).split())
    assert told.as_json()["beside_bm25"]["alone"]["verdict"] == "better"
    assert TrainResult.from_json(json.loads(json.dumps(told.as_json()))).beside_bm25 == beside
    early = replace(beside, alone=None)
    assert words_are_better(early) == [] and "BM25 alone" not in str(replace(told, beside_bm25=early))


def test_nothing_is_said_where_bm25_was_not_shown_to_be_better(judged: JudgedSet) -> None:
    one_worse = [1] * (QUERIES - 1) + [2]  # too little to tell from chance
    assert words_are_better(measured_beside(judged, one_worse)) == []
    assert words_are_better(None) == []
