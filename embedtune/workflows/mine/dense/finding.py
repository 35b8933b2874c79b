"""The nearest documents of blocks of queries by their vectors, searched here or where the engine of the command is."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from embedtune.config.verbs.mine import MiningSection
from embedtune.durable import whole_path
from embedtune.models.files.load import choose_device
from embedtune.search.candidates import threads
from embedtune.search.dense import top_k
from embedtune.search.index import DiskIndex
from embedtune.workflows.mine.dense.shards import EXACT_BYTES, OutOfReach, SearchOrder, search_shard
from embedtune.workflows.mine.job_vectors import Vectors
from embedtune.workflows.shared.engine.naming import HERE, EngineName, engine_named
from embedtune.workflows.shared.engine.spreading import spread_over
from embedtune.workflows.shared.talk import Talk

TIES = "ties.npy"


class QueryShard(NamedTuple):
    """A block of queries to search.

    Args:
        number: of the block.
        first: number of its first query.
        end: number of the query after its last.
        k: documents per query.
    """

    number: int
    first: int
    end: int
    k: int


Finder = Callable[[Sequence[QueryShard]], Iterator[tuple[QueryShard, np.ndarray]]]
"""From blocks to the positions (Q, k) int64 of the best documents of each, best first, padded with -1."""


@dataclass(frozen=True)
class DenseSearch:
    """A search by vectors; a `Finder`.

    Args:
        mining: how to search.
        vectors: of queries and documents, mapped from their files.
        documents: (C, D), those that may be found: the first of all.
        tie_rank: (C,) decides ties.
        index: of the documents; None for exact search.
        folder: of the results, which also gets the file of ranks.
        talk: is told where workers cannot search.
    """

    mining: MiningSection
    vectors: Vectors
    documents: np.ndarray
    tie_rank: np.ndarray
    index: DiskIndex | None
    folder: Path
    talk: Talk

    def __call__(self, shards: Sequence[QueryShard]) -> Iterator[tuple[QueryShard, np.ndarray]]:
        """The blocks with their results, in order."""
        rest, engine = list(shards), engine_named(self.mining.engine)
        if engine.kind != HERE and len(rest) > 1 and self._may_spread:
            try:
                for shard, found in self._spread(engine, shards):
                    yield shard, found
                    rest.remove(shard)
            except OutOfReach as error:
                self.talk.warn(
                    f"the search runs in this process, because a worker cannot open {error.where}; to spread it, name "
                    "an --output in a folder that all workers share"
                )
        yield from ((shard, self._here(shard)) for shard in rest)

    @property
    def _may_spread(self) -> bool:
        # Every worker would read any other index into memory.
        return self.index is None or self.index.stays_on_disk

    @property
    def _device(self) -> str:
        return choose_device(self.mining.device) if self.mining.device.startswith("cuda") else "cpu"

    def _here(self, shard: QueryShard) -> np.ndarray:
        queries, k = self.vectors.queries[shard.first : shard.end], shard.k
        if self.index is not None:
            return self.index.top_k(queries, k, tie_rank=self.tie_rank)[1]
        memory = self.mining.memory_bytes
        return top_k(queries, self.documents, k, tie_rank=self.tie_rank, memory_bytes=memory, device=self._device)[1]

    def _spread(self, engine: EngineName, shards: Sequence[QueryShard]) -> Iterator[tuple[QueryShard, np.ndarray]]:
        order = asdict(self._order(engine))
        return spread_over(engine, search_shard, shards, lambda shard: (order, shard.first, shard.end, shard.k))

    def _order(self, engine: EngineName) -> SearchOrder:
        with whole_path(self.folder / TIES) as path, path.open("wb") as file:
            np.save(file, self.tie_rank)
        index, memory, place = self.index, self.mining.memory_bytes, None
        if index is not None:
            place = {"folder": str(index.folder.absolute()), "facts": index.facts, "effort": index.effort}
        return SearchOrder(
            queries=_file_of(self.vectors.queries),
            documents=_file_of(self.vectors.documents),
            searched=len(self.documents),
            tie_rank=str((self.folder / TIES).absolute()),
            memory_bytes=memory if index else min(memory // engine.workers, EXACT_BYTES),
            device=self._device,
            threads=max(1, threads() // engine.workers),
            index=place,
        )


def _file_of(vectors: np.ndarray) -> str:
    """The file that vectors are mapped from."""
    return str(Path(cast("np.memmap", vectors).filename or "").absolute())
