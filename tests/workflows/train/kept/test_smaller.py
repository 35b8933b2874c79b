"""Scores of smaller vectors against rankings made by hand, and the same start after an interruption."""

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.search.quantised import int8_vectors
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.kept.smaller import SmallerVectors

COUNT, SIZE, CUT = 30, 24, 12


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return RunFolder(tmp_path / "run")


def judged():
    queries = {f"q{i}": f"question {i}" for i in range(COUNT)}
    corpus = {f"d{i}": f"answer {i}" for i in range(COUNT)}
    return as_arrays(RetrievalSet("set", queries, corpus, {f"q{i}": {f"d{i}": 1} for i in range(COUNT)}))


def vectors(noise: float, seed: int):
    """Unit vectors of queries and of documents, each query near its document."""
    draw = np.random.default_rng(seed)
    documents = draw.standard_normal((COUNT, SIZE))
    queries = documents + noise * draw.standard_normal((COUNT, SIZE))
    return tuple((one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in (queries, documents))


def by_hand(queries, documents, size, kind):
    """Mean nDCG@10 by scikit-learn."""
    queries, documents = (
        one[:, :size] / np.linalg.norm(one[:, :size], axis=1, keepdims=True) for one in (queries, documents)
    )
    if kind == "binary":
        queries, documents = np.where(queries > 0, 1, -1), np.where(documents > 0, 1, -1)
    if kind == "int8":
        kept = int8_vectors(documents)
        documents = kept.low + kept.step * (kept.codes + 128.5)
    return np.mean([ndcg_score(np.eye(COUNT)[[row]], (queries @ documents.T)[[row]], k=10) for row in range(COUNT)])


def recipe(**options) -> TrainConfig:
    return load(TrainConfig, None, [], options)


def test_every_size_and_kind_is_scored_before_and_after(folder) -> None:
    found = SmallerVectors(recipe(matryoshka=str(CUT), quantize_aware="int8,binary"), frozenset(), folder)
    before, after = vectors(1.4, 0), vectors(0.7, 1)
    found.before(judged(), *before)
    found.after(judged(), *after)
    rows = found.rows()
    assert [(row["dimensions"], row["stored"], row["bytes_per_vector"]) for row in rows] == [
        (SIZE, None, 96),
        (SIZE, "int8", 24),
        (SIZE, "binary", 3),
        (CUT, None, 48),
        (CUT, "int8", 12),
        (CUT, "binary", 2),
    ]
    full = by_hand(*after, SIZE, None)
    for row in rows:
        # scikit-learn averages over ties, which Hamming distances have and others do not.
        close = 0.03 if row["stored"] == "binary" else 1e-6
        assert row["before"] == pytest.approx(by_hand(*before, row["dimensions"], row["stored"]), abs=close)
        assert row["after"] == pytest.approx(by_hand(*after, row["dimensions"], row["stored"]), abs=close)
        assert row["difference"] == pytest.approx(row["after"] - full)
        assert row["interval"][0] <= row["difference"] <= row["interval"][1]
    assert rows[0]["difference"] == 0 and rows[-1]["difference"] < -0.05


def test_only_queries_that_the_verdict_rests_on_count(folder) -> None:
    chosen = {f"q{i}" for i in range(0, COUNT, 3)}
    part, all_ = (SmallerVectors(recipe(quantize_aware="binary"), own, folder) for own in (chosen, frozenset()))
    for one in (part, all_):
        one.after(judged(), *vectors(1.4, 0))
    queries, documents = vectors(1.4, 0)
    values = [ndcg_score(np.eye(COUNT)[[i]], (queries @ documents.T)[[i]], k=10) for i in range(0, COUNT, 3)]
    assert part.rows()[0]["after"] == pytest.approx(np.mean(values))
    assert part.rows()[0]["after"] != all_.rows()[0]["after"]


def test_the_start_is_read_again_by_a_resumed_run(folder) -> None:
    config = recipe(quantize_aware="int8")
    SmallerVectors(config, frozenset(), folder).before(judged(), *vectors(1.4, 0))
    resumed = SmallerVectors(config, frozenset(), folder)
    resumed.after(judged(), *vectors(0.7, 1))
    assert resumed.rows()[0]["before"] == pytest.approx(by_hand(*vectors(1.4, 0), SIZE, None))


def test_a_run_of_an_earlier_release_has_no_scores_before(folder) -> None:
    found = SmallerVectors(recipe(quantize_aware="int8"), frozenset(), folder)
    found.after(judged(), *vectors(0.7, 1))
    assert [row["before"] for row in found.rows()] == [None, None]


def test_nothing_is_measured_where_nothing_was_asked(folder) -> None:
    found = SmallerVectors(recipe(), frozenset(), folder)
    found.before(judged(), *vectors(1.4, 0))
    found.after(judged(), *vectors(1.4, 0))
    assert found.rows() == () and not list(folder.checkpoints.iterdir())
