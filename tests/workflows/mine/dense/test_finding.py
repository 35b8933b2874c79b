"""Searching where the engine is: every block as in one process, ties included, and here where workers cannot."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.config.verbs.mine import MiningSection
from embedtune.search.index import Effort, disk_index
from embedtune.workflows.mine.dense import finding, shards
from embedtune.workflows.mine.dense.finding import DenseSearch, QueryShard
from embedtune.workflows.mine.job_vectors import Vectors
from embedtune.workflows.shared.talk import Silence

QUERIES, DOCUMENTS, SEARCHED, K = 20, 400, 390, 15
SHARDS = [QueryShard(0, 0, 8, K), QueryShard(1, 8, 16, K), QueryShard(2, 16, QUERIES, K)]


class Heard(Silence):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


@pytest.fixture
def search(tmp_path: Path) -> Callable[..., DenseSearch]:
    """A function that makes a search of vectors, each of which several documents have."""
    draw = np.random.default_rng(0)
    distinct = draw.standard_normal((DOCUMENTS // 8, 16), dtype=np.float32)
    queries = draw.standard_normal((QUERIES, 16), dtype=np.float32)
    for name, vectors in (("queries", queries), ("documents", distinct[draw.integers(0, len(distinct), DOCUMENTS)])):
        np.save(tmp_path / f"{name}.npy", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("queries", "documents")]
    ranks = draw.permutation(SEARCHED)

    def make(engine: str, index: str = "exact", talk: Silence | None = None) -> DenseSearch:
        documents = mapped[1][:SEARCHED]
        own = None
        if index != "exact":
            own = disk_index(tmp_path / index, documents, index, corpus_hash="made", memory_bytes=2**26)
            own.effort = Effort(2, 1) if own.effort.depth else own.effort
        mining = MiningSection(engine=engine, index=index, device="cpu", memory="64MiB")
        return DenseSearch(mining, Vectors(*mapped, "key"), documents, ranks, own, tmp_path, talk or Silence())

    return make


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Workers that are this process; returns the first queries of the shards that they got."""
    firsts: list[int] = []

    def spread_over(name: Any, act: Any, jobs: Any, message: Any) -> Iterator[tuple[Any, Any]]:
        for job in jobs:
            order, first, *rest = message(job)
            firsts.append(first)
            yield job, act(json.loads(json.dumps(order)), first, *rest, 0)

    monkeypatch.setattr(finding, "spread_over", spread_over)
    shards._opened.cache_clear()
    return firsts


def found_by(search: DenseSearch) -> list[list[list[int]]]:
    found = list(search(SHARDS))
    assert [shard for shard, _ in found] == SHARDS
    return [positions.tolist() for _, positions in found]


@pytest.mark.parametrize("index", ["exact", "IVF8,SQ8"])
def test_workers_find_what_one_process_finds(search: Callable[..., DenseSearch], asked: list[int], index: str) -> None:
    here = found_by(search("here", index))
    assert asked == []
    assert found_by(search("local:2", index)) == here
    assert asked == [0, 8, 16]


def test_ties_go_by_rank_and_documents_that_are_not_searched_are_not_found(
    search: Callable[..., DenseSearch], asked: list[int]
) -> None:
    spread = search("local:2")
    scores = np.asarray(spread.vectors.queries, np.float64) @ np.asarray(spread.documents, np.float64).T  # (Q, C)
    expected = np.lexsort((-np.broadcast_to(spread.tie_rank, scores.shape), -scores.round(6)))[:, :K]  # (Q, K)
    np.testing.assert_array_equal(np.concatenate([found for _, found in spread(SHARDS)]), expected)


def test_an_index_that_each_worker_would_hold_in_memory_is_searched_here(
    search: Callable[..., DenseSearch], asked: list[int]
) -> None:
    found_by(search("local:2", "HNSW8"))
    assert asked == []


@pytest.mark.parametrize("index", ["exact", "IVF8,SQ8"])
def test_workers_that_cannot_open_the_files_leave_the_rest_to_this_process(
    search: Callable[..., DenseSearch], asked: list[int], monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    here, talk, act = found_by(search("here", index)), Heard(), finding.search_shard

    def on_another_disk(order: Any, first: int, *rest: Any) -> Any:
        if first == 8 and index == "exact":
            order = {**order, "tie_rank": "/another/disk"}
        elif first == 8:
            order = {**order, "index": {**order["index"], "folder": "/another/disk"}}
        return act(order, first, *rest)

    monkeypatch.setattr(finding, "search_shard", on_another_disk)
    assert found_by(search("local:2", index, talk)) == here
    assert asked == [0, 8]
    assert len(talk.warned) == 1 and "a worker cannot open /another/disk" in talk.warned[0]
