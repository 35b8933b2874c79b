"""The nearest documents of every query, block by block; each block is a file, and a resumed job finds it again."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.data.splits.groups import draw
from embedtune.mining.candidate_block import PADDING
from embedtune.mining.fuse import alternate, reciprocal_rank
from embedtune.search.bm25 import Bm25, demand_words
from embedtune.search.index import DiskIndex, Effort, deepen, disk_index
from embedtune.search.pairwise import pair_scores
from embedtune.workflows.mine.dense.finding import DenseSearch, Finder, QueryShard
from embedtune.workflows.mine.job_documents import JobDocuments
from embedtune.workflows.mine.job_vectors import Vectors
from embedtune.workflows.shared.jobs.job import Job, is_done, key_of, load_array, save_array
from embedtune.workflows.shared.talk import Talk

EXACT, SAID = "exact", "said.json"
RECALL_QUERIES = 200
"""Queries that the recall of an index is measured on."""


@dataclass(frozen=True)
class CandidateSearch:
    """A search over the documents of a job, with its results in a folder.

    Args:
        config: how to search.
        documents: what is searched.
        vectors: of queries and documents.
        folder: of the results.
    """

    config: MineConfig
    documents: JobDocuments
    vectors: Vectors
    folder: Path

    @property
    def blocks(self) -> list[np.ndarray]:
        """The query numbers of each block."""
        count, size = len(self.vectors.queries), self.config.mining.block
        return [np.arange(first, min(first + size, count)) for first in range(0, count, size)]

    def shard(self, block: int) -> QueryShard:
        """A block as what a search is asked."""
        queries = self.blocks[block]
        # One more than its positives: the query's own text may be a document.
        k = self.config.filters.ranks[1] + int(self.positive_counts[queries].max()) + 1
        return QueryShard(block, int(queries[0]), int(queries[-1]) + 1, min(k, self.documents.searched))

    def path(self, block: int) -> Path:
        """The file of one block's results."""
        return self.folder / f"{block:06d}.npy"

    def found(self, block: int) -> np.ndarray:
        """int64 (Q, K): the documents found for a block, best first, padded with `PADDING`."""
        return load_array(self.path(block))  # (Q, K)

    def positives_of(self, block: int) -> np.ndarray:
        """int64 (P, 2): pairs (query number, position of one of its positives) for the queries of a block."""
        queries, pairs = self.blocks[block], self.documents.positives
        low, high = np.searchsorted(pairs[:, 0], [queries[0], queries[-1] + 1])
        return pairs[low:high]  # (P, 2)

    def scores(self, queries: np.ndarray, found: np.ndarray) -> np.ndarray:
        """float32 (Q, K): the encoder's similarity of these queries to their documents; NaN at padding."""
        return pair_scores(self.vectors.queries[queries], self.vectors.documents, found)  # (Q, K)

    @cached_property
    def positive_counts(self) -> np.ndarray:
        """int64 (Q,): how many known positives each query has."""
        return np.bincount(self.documents.positives[:, 0], minlength=len(self.vectors.queries))  # (Q,)

    @cached_property
    def tie_rank(self) -> np.ndarray:
        """int64 (C,): decides ties by text, so the order of the corpus does not matter."""
        ranks = self.documents.corpus.tie_ranks()[: self.documents.searched]  # (C,)
        return np.argsort(np.argsort(ranks))  # (C,)


def search(
    config: MineConfig, documents: JobDocuments, vectors: Vectors, job: Job, talk: Talk
) -> tuple[CandidateSearch, tuple[str, ...]]:
    """Find the candidates of every query, unless an earlier run has; also returns sentences about the search.

    Each query gets enough documents to fill the range of ranks after all its known positives are taken out.
    """
    folder = job.stage(
        "candidates",
        documents=documents.corpus.hash,
        searched=documents.searched,
        vectors=vectors.key,
        queries=documents.asked_key,
        how=config.mining.model_dump(include={"candidates", "fusion", "index", "block"}),
        seed=config.mining.seed if config.mining.index != EXACT else None,
        high=config.filters.ranks[1],
    )
    job_search = CandidateSearch(config, documents, vectors, folder)
    missing = [number for number in range(len(job_search.blocks)) if not is_done(job_search.path(number))]
    if not missing:
        return job_search, _said(job, folder)
    finder, said = _finder(job_search, job, talk)
    job.write_json(f"{folder.name}/{SAID}", {"said": said})
    with talk.progress("searching", total=len(job_search.blocks)) as tell:
        for shard, found in finder([job_search.shard(number) for number in missing]):
            tell(shard.number)
            save_array(job_search.path(shard.number), found)
    return job_search, said


def _said(job: Job, folder: Path) -> tuple[str, ...]:
    """The sentences about the search that found these results."""
    return tuple((job.read_json(f"{folder.name}/{SAID}") or {}).get("said", ()))


def _finder(search: CandidateSearch, job: Job, talk: Talk) -> tuple[Finder, tuple[str, ...]]:
    kind = search.config.mining.candidates
    if kind == "bm25":
        by_words = _sparse(search, talk)
        return lambda shards: ((shard, by_words(shard)) for shard in shards), ()
    dense, said = _dense(search, job, talk)
    if kind == "dense":
        return dense, said
    sparse, join = _sparse(search, talk), reciprocal_rank if search.config.mining.fusion == "fuse" else alternate
    return lambda shards: ((shard, join(found, sparse(shard), shard.k)) for shard, found in dense(shards)), said


def _dense(search: CandidateSearch, job: Job, talk: Talk) -> tuple[DenseSearch, tuple[str, ...]]:
    mining, documents = search.config.mining, search.vectors.documents[: search.documents.searched]
    index, said = (None, ()) if mining.index == EXACT else _index(search, documents, job, talk)
    return DenseSearch(mining, search.vectors, documents, search.tie_rank, index, search.folder, talk), said


def _index(search: CandidateSearch, documents: np.ndarray, job: Job, talk: Talk) -> tuple[DiskIndex, tuple[str, ...]]:
    """The index of the recipe, searched deeply enough, and a sentence with its recall."""
    mining = search.config.mining
    facts = {"documents": search.documents.corpus.hash, "vectors": search.vectors.key, "index": mining.index}
    folder = job.stage("index", **facts, searched=search.documents.searched, seed=mining.seed)
    with talk.progress(f"building the index {mining.index}", total=len(documents)) as tell:
        index = disk_index(
            folder / "whole",
            documents,
            mining.index,
            corpus_hash=key_of(facts),
            memory_bytes=mining.memory_bytes,
            seed=mining.seed,
            progress=tell,
        )
    k = min(search.config.filters.ranks[1], len(documents))
    chosen = sampled(search.documents.pairs.query_ids, RECALL_QUERIES, mining.seed, "recall")
    asked = {"queries": search.documents.queries_key, "k": k}
    recall = _recall(index, search.vectors.queries[chosen], k, job, f"{folder.name}/recall-{key_of(asked)}.json")
    depth = f" at {index.depth}" if index.depth else ""
    return index, (f"the index {mining.index}{depth} finds {recall:.1%} of the exact {k} nearest documents",)


def _recall(index: DiskIndex, queries: np.ndarray, k: int, job: Job, name: str) -> float:
    """The recall of the index, searched deeply enough; measured once per job, since it compares with exact search."""
    found = job.read_json(name)
    if found is None:
        found = {"recall": deepen(index, queries, k), "effort": index.effort}
        job.write_json(name, found)
    index.effort = Effort(*found["effort"])
    return float(found["recall"])


def _sparse(search: CandidateSearch, talk: Talk) -> Callable[[QueryShard], np.ndarray]:
    documents = search.documents
    demand_words(documents.pairs.queries)
    with talk.progress("indexing the words of the documents"):
        texts = islice(chain.from_iterable(documents.corpus.batches()), documents.searched)
        index = Bm25(texts)
    talk.say(index.forms.described)

    def find(shard: QueryShard) -> np.ndarray:
        queries = documents.pairs.queries[shard.first : shard.end]
        return index.top_k(queries, shard.k, tie_rank=search.tie_rank)[1]

    return find


def sampled(ids: np.ndarray, count: int, seed: int, purpose: str) -> np.ndarray:
    """Positions of `count` of these ids, ascending, drawn by seed and id alone: int64 (count,)."""
    draws = np.array([draw(seed, identity, purpose) for identity in ids.tolist()], dtype=np.uint64)
    return np.sort(np.argsort(draws, kind="stable")[:count])


def distinct_documents(search: CandidateSearch) -> np.ndarray:
    """int64: the documents that are a candidate of some query, ascending."""
    seen = np.zeros(len(search.documents.corpus), dtype=bool)  # (C,)
    for number in range(len(search.blocks)):
        found = search.found(number)
        seen[found[found != PADDING]] = True
    return np.flatnonzero(seen)
