"""Rankings by vectors, words and run files: against slow definitions, ties and own texts included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.rankers import by_run, by_vectors, by_words, unit_prefix
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking

JUDGED = as_arrays(
    RetrievalSet(
        name="small",
        queries={"q1": "red car", "q2": "청년 월세"},
        corpus={"a": "a red car", "b": "a blue car", "c": "red car", "d": "청년월세 지원"},
        qrels={"q1": {"a": 1}, "q2": {"d": 2}},
    )
)


def test_vectors_rank_as_a_slow_sort_does_without_the_querys_own_text() -> None:
    rng = np.random.default_rng(0)
    queries, documents = rng.integers(-2, 3, (2, 3)).astype(np.float32), rng.integers(-2, 3, (4, 3)).astype(np.float32)
    ranking = by_vectors(queries, documents, 3, JUDGED)
    for row in range(2):
        names = [name for name in "abcd" if not (row == 0 and name == "c")]  # c is the text of q1
        scores = {name: float(queries[row] @ documents["abcd".index(name)]) for name in names}
        expected = sorted(names, key=lambda name: (scores[name], name), reverse=True)[:3]
        assert ["abcd"[i] for i in ranking.positions[row]] == expected
        assert ranking.scores[row].tolist() == [scores[name] for name in expected]


def test_words_leave_out_the_querys_own_text_and_what_shares_no_word() -> None:
    ranking = by_words(4, JUDGED)
    assert ranking.positions.tolist() == [[0, 1, -1, -1], [3, -1, -1, -1]]
    assert (ranking.scores[ranking.positions < 0] == -np.inf).all()


def test_a_run_is_ordered_by_score_then_id_and_keeps_unknown_documents_in_their_ranks() -> None:
    ranking = by_run({"q1": {"a": 0.5, "nowhere": 0.9, "b": 0.5, "c": 1.0}}, JUDGED)
    assert ranking.positions.tolist() == [[-1, 1, 0, -1], [-1, -1, -1, -1]]  # c is q1's own text
    scores = score_ranking(ranking, JUDGED, ["mrr@10", "recall@2"])
    assert scores.per_query["mrr@10"].tolist() == [pytest.approx(1 / 3), 0.0]
    assert scores.per_query["recall@2"].tolist() == [0.0, 0.0]


@pytest.mark.filterwarnings("error")
def test_scores_beyond_float32_are_infinite_and_tie_by_id_as_trec_eval_has_it() -> None:
    ranking = by_run({"q1": {"a": 1e300, "b": 1e200, "d": -1e300}}, JUDGED)
    assert [JUDGED.document_ids[at] for at in ranking.positions[0, :3]] == ["b", "a", "d"]


def test_an_empty_run_scores_nothing() -> None:
    assert score_ranking(by_run({}, JUDGED), JUDGED, ["ndcg@10"]).means == {"ndcg@10": 0.0}


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from("abd"), st.sampled_from([0.25, 0.5, 1.0]), min_size=1))
def test_a_run_made_of_scores_ranks_as_vectors_with_these_scores_do(found: dict[str, float]) -> None:
    documents = np.array([[found.get(name, -9.0)] for name in "abcd"], dtype=np.float32)  # (4, 1)
    expected = by_vectors(np.ones((2, 1), dtype=np.float32), documents, len(found), JUDGED)
    ranking = by_run({"q1": found, "q2": found}, JUDGED)
    assert np.array_equal(ranking.positions, expected.positions)


def test_cut_vectors_have_the_cosines_of_their_prefixes() -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 8))
    cut = unit_prefix(vectors, 3)
    for i in range(5):
        for j in range(5):
            a, b = vectors[i, :3], vectors[j, :3]
            assert cut[i] @ cut[j] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))
