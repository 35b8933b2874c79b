"""Evidence of small sets, against counting it out."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.changes import Change
from embedtune.evaluation.rankers import Ranking, by_run, by_vectors
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.evaluation.verdicts.evidence import (
    DIFFERENCES,
    RECALL_AT,
    Evidence,
    System,
    gather_evidence,
    pair_evidence,
)
from embedtune.reports.document.blocks import Report
from embedtune.reports.document.html import page
from embedtune.reports.sections.evidence import evidence_sections

QUERIES, DOCUMENTS = 30, 160
RNG = np.random.default_rng(0)
QRELS = {
    f"q{i}": {f"d{j}": int(RNG.integers(0, 3)) for j in RNG.choice(DOCUMENTS, 8, replace=False)} | {f"d{i}": 1}
    for i in range(QUERIES)
}
JUDGED = as_arrays(
    RetrievalSet(
        name="작은 집합",
        queries={f"q{i}": f"질문 {i}" for i in range(QUERIES)},
        corpus={f"d{j}": f"문서 {j}" for j in range(DOCUMENTS)},
        qrels=QRELS,
    )
)


def system(label: str, seed: int) -> System:
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=(n, 4)).astype(np.float32) for n in (QUERIES, DOCUMENTS)]
    queries, documents = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors)
    return scored(label, by_vectors(queries, documents, 120, JUDGED), by_vectors=True)


def scored(label: str, ranking: Ranking, *, by_vectors: bool = False) -> System:
    return System(label, ranking, score_ranking(ranking, JUDGED, ["ndcg@10"]).per_query["ndcg@10"], by_vectors)


@pytest.fixture(scope="module")
def found() -> Evidence:
    return gather_evidence(JUDGED, [system("before", 1), system("after", 2)], "ndcg@10")


def test_recall_scores_and_what_no_ranking_holds(found: Evidence) -> None:
    for one, seed in zip(found.systems, (1, 2), strict=True):
        ranking = system("", seed).ranking
        recalls, scores, unfound = dict.fromkeys(RECALL_AT, 0.0), {True: [], False: []}, 0
        for row, grades in enumerate(QRELS.values()):
            relevant = {document for document, grade in grades.items() if grade > 0}
            ranked = [f"d{position}" for position in ranking.positions[row, :100]]
            unfound += len(relevant - set(ranked))
            for k in RECALL_AT:
                recalls[k] += len(relevant & set(ranked[:k])) / len(relevant) / QUERIES
            for document, score in zip(ranked, ranking.scores[row].tolist(), strict=False):
                scores[document in relevant].append(score)
        assert dict(zip(one.recall["k"], one.recall["values"], strict=True)) == pytest.approx(recalls)
        assert one.unfound == unfound > 0
        assert one.scores is not None
        assert one.scores.relevant == tuple(np.histogram(scores[True], one.scores.edges)[0])
        assert one.scores.irrelevant == tuple(np.histogram(scores[False], one.scores.edges)[0])
        assert sum(one.scores.relevant) + sum(one.scores.irrelevant) == QUERIES * 100


def test_a_pair_has_every_difference_and_the_queries_that_changed_most(found: Evidence) -> None:
    (pair,) = found.pairs
    before, after = system("", 1).values, system("", 2).values
    difference = after - before
    assert pair.differences == pytest.approx(sorted(difference), abs=1e-6)
    assert (pair.won, pair.lost, pair.tied) == tuple(int((np.sign(difference) == sign).sum()) for sign in (1, -1, 0))
    best, worst = int(difference.argmax()), int(difference.argmin())
    assert (pair.helped[0].query, pair.helped[0].text) == (f"q{best}", f"질문 {best}")
    assert (pair.hurt[0].a, pair.hurt[0].b) == (before[worst], after[worst])
    assert len(pair.helped) == len(pair.hurt) == 5
    for one in pair.helped[0].documents:
        place = system("", 2).ranking.positions[best].tolist()
        assert one.grade == QRELS[f"q{best}"].get(one.document, 0)
        assert one.text == f"문서 {one.document[1:]}"
        assert one.rank_b == (place.index(int(one.document[1:])) + 1 if one.rank_b else None)


def test_cosines_share_their_edges_and_others_have_their_own() -> None:
    bm25 = system("bm25", 3)
    other = scored("bm25", Ranking(bm25.ranking.scores * 20 + 30, bm25.ranking.positions))
    ranks = {f"q{i}": {f"d{j}": -float(place) for place, j in enumerate(range(i, i + 50))} for i in range(QUERIES)}
    binary = scored("binary", Ranking(bm25.ranking.scores * 64, bm25.ranking.positions), by_vectors=True)
    assert gather_evidence(JUDGED, [binary], "ndcg@10").systems[0].scores.edges[-1] > 1  # type: ignore[union-attr]
    found = gather_evidence(
        JUDGED, [system("a", 1), binary, other, system("b", 2), scored("run", by_run(ranks, JUDGED))], "ndcg@10"
    )
    first, _, bm, second, run = (one.scores for one in found.systems)
    assert first is not None and second is not None and bm is not None
    assert first.edges == second.edges and bm.edges[0] > 1
    assert run is None  # scores that are ranks
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "binary"), ("a", "bm25"), ("a", "b"), ("a", "run")]


def test_places_that_a_reranker_did_not_judge_have_no_scores_to_count() -> None:
    first = system("first", 1).ranking
    judge = replace(
        first, scores=np.where(np.arange(120) < 30, first.scores + 5, -np.arange(120.0)).astype(np.float32), scored=30
    )
    evidence = gather_evidence(JUDGED, [system("first", 1), scored("reranked", judge)], "ndcg@10")
    every, heads = (one.scores for one in evidence.systems)
    assert every is not None and heads is not None
    assert sum(heads.relevant) + sum(heads.irrelevant) == QUERIES * 30
    assert heads.edges[0] == pytest.approx(judge.scores[:, :30].min())
    assert (every.first, heads.first) == (None, 30)
    drawn = page(Report("", "", "", evidence_sections(evidence)))
    assert "Scores of reranked of the first 30 documents" in drawn
    assert "Scores of first of the first 100 documents" in drawn
    assert evidence.systems[0].recall == evidence.systems[1].recall  # of all documents that were ranked


def test_a_system_is_compared_with_the_one_that_it_names() -> None:
    systems = [system("a", 1), system("b", 2), replace(system("b, reranked", 3), beside="b")]
    found = gather_evidence(JUDGED, systems, "ndcg@10")
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b"), ("b", "b, reranked")]
    assert found.pairs[1].differences == pytest.approx(sorted(systems[2].values - systems[1].values), abs=1e-6)


def test_a_part_of_the_queries_is_as_a_set_of_its_own(found: Evidence) -> None:
    rows = np.arange(5, 20)
    part = gather_evidence(JUDGED, [system("before", 1), system("after", 2)], "ndcg@10", rows=rows, on="unseen")
    assert (part.queries, part.pairs[0].on) == (15, "unseen")
    assert part.pairs[0].differences == pytest.approx(
        sorted(system("", 2).values[rows] - system("", 1).values[rows]), abs=1e-6
    )
    assert {one.query for one in part.pairs[0].helped} <= {f"q{i}" for i in rows}
    k = RECALL_AT.index(100)
    recall = score_ranking(system("", 1).ranking, JUDGED, ["recall@100"]).per_query["recall@100"]
    assert part.systems[0].recall["values"][k] == pytest.approx(recall[rows].mean())


def test_it_is_json_even_of_nothing_at_all(found: Evidence) -> None:
    plain = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert plain["data"] == "작은 집합" and plain["systems"][0]["recall"]["k"] == list(RECALL_AT)
    nothing = Ranking(np.full((QUERIES, 1), -np.inf, np.float32), np.full((QUERIES, 1), -1))
    empty = gather_evidence(JUDGED, [scored("x", nothing), scored("y", nothing)], "ndcg@10")
    assert empty.systems[0].scores is None and empty.systems[0].recall["values"] == (0.0,) * len(RECALL_AT)
    assert empty.pairs[0].helped == empty.pairs[0].hurt == ()


def test_many_differences_are_thinned_to_their_quantiles() -> None:
    rng = np.random.default_rng(4)
    b = rng.normal(size=5000)
    pair = pair_evidence(("a", "b"), np.zeros(5000), b, lambda row: Change(str(row), None, 0.0, b[row]))
    assert len(pair.differences) == DIFFERENCES
    assert pair.differences[0] == pytest.approx(b.min(), abs=1e-6)
    assert pair.differences[-1] == pytest.approx(b.max(), abs=1e-6)
    assert np.median(pair.differences) == pytest.approx(np.median(b), abs=0.01)
