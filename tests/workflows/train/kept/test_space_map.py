"""Queries and answers on a map: the right pairs, the main directions, and the same start after an interruption."""

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.models.encode.encode import encode
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.kept.space_map import FEWEST, QUERIES, MappedQueries


def judged(count: int):
    queries = {f"q{i}": f"question number {i}" for i in range(count)}
    corpus = {f"d{i}": f"the answer is {i}" for i in range(count)}
    qrels = {f"q{i}": {f"d{i}": 2, f"d{(i + 1) % count}": 1} for i in range(count)}
    return as_arrays(RetrievalSet("set", queries, corpus, qrels))


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    return RunFolder(tmp_path / "run")


def test_places_are_those_of_the_two_main_directions(starter, folder) -> None:
    mapped = MappedQueries(judged(12), frozenset(), folder, 0)
    mapped.begin(starter, None)
    found = mapped.end(starter)
    assert found.queries == 12 and found.before == found.after and len(found.before) == 24
    texts = [f"question number {i}" for i in range(12)], [f"the answer is {i}" for i in range(12)]
    vectors = np.concatenate(
        [encode(starter, own, role=role) for own, role in zip(texts, ("query", "document"), strict=True)]
    )
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = vectors - vectors.mean(axis=0)
    own = np.linalg.svd(centred.astype(np.float64), full_matrices=False)[2][:2]  # (2, D)
    expected = centred @ own.T
    expected = (expected - expected.min(axis=0)) / np.ptp(expected, axis=0)
    for axis in range(2):  # a direction may point either way
        place = np.array(found.before)[:, axis]
        ways = (expected[:, axis], 1 - expected[:, axis])
        assert min(np.abs(place - way).max() for way in ways) < 1e-3


def test_the_start_is_kept_for_a_resumed_run(starter, folder, monkeypatch) -> None:
    first = MappedQueries(judged(20), frozenset({"q3"} | {f"q{i}" for i in range(5, 17)}), folder, 0)
    first.begin(starter, None)
    again = MappedQueries(first.judged, first.unseen, folder, 0)
    monkeypatch.setattr(MappedQueries, "_places", lambda *_: pytest.fail("laid out again"))
    again.begin(starter, None)
    assert again._before == first._before and len(first._before) == 2 * 13


def test_too_few_queries_make_no_map_and_many_are_drawn(starter, folder) -> None:
    few = MappedQueries(judged(FEWEST - 1), frozenset(), folder, 0)
    few.begin(starter, None)
    assert few.end(starter) is None
    assert len(MappedQueries(judged(QUERIES + 40), frozenset(), folder, 0)._texts()) == QUERIES
    assert MappedQueries(None, frozenset(), folder, 0)._texts() == []
