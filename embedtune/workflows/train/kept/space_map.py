"""Where test queries and their right answers lie before and after training, on the two main directions of each space.

The places before are written when they are measured: a resumed run has no longer the encoder that it began with.
"""

import json
from collections.abc import Set
from dataclasses import dataclass, field

import numpy as np

from embedtune.clustering.landmarks import mapped
from embedtune.durable import read_sealed, write_sealed
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.reports.results.train import QueryMap
from embedtune.workflows.shared.run_folder import RunFolder

QUERIES, FEWEST = 60, 10
"""Most queries that are drawn, and the fewest that make a picture."""
_NAME = "before.places"
"""Among the checkpoints, with which it is removed."""


@dataclass
class MappedQueries:
    """Some test queries, each with a document that is right for it.

    Args:
        judged: the test split; None for none.
        unseen: ids of queries to draw from; empty for all.
        folder: of the run.
        seed: draws them.
    """

    judged: JudgedSet | None
    unseen: Set[str]
    folder: RunFolder
    seed: int
    _before: list[list[float]] | None = field(default=None, init=False)

    def begin(self, encoder: Encoder, store: VectorStore | None) -> None:
        """Lay out the space before training, or read how that looked when the run began."""
        texts = self._texts()
        if not texts:
            return
        kept = read_sealed(self.folder.checkpoints / _NAME)
        self._before = None if kept is None else json.loads(kept)
        if self._before is None or len(self._before) != 2 * len(texts):
            self._before = self._places(encoder, store)
            write_sealed(self.folder.checkpoints / _NAME, json.dumps(self._before).encode())

    def end(self, encoder: Encoder) -> QueryMap | None:
        """Both spaces; None where there is too little to show."""
        if self._before is None:
            return None
        before, after = ([(x, y) for x, y in places] for places in (self._before, self._places(encoder, None)))
        return QueryMap(len(self._texts()), tuple(before), tuple(after))

    def _texts(self) -> list[tuple[str, str]]:
        """Pairs of a query and a document that is relevant to it, the first of the best grade."""
        if self.judged is None:
            return []
        wanted = [row for row, name in enumerate(self.judged.query_ids) if not self.unseen or name in self.unseen]
        drawn = np.random.default_rng(self.seed).permutation(wanted)[:QUERIES].tolist()
        found = [(row, answer) for row in sorted(drawn) if (answer := _answer(self.judged, row)) is not None]
        if len(found) < FEWEST:
            return []
        return [(self.judged.queries[row], self.judged.documents[answer]) for row, answer in found]

    def _places(self, encoder: Encoder, store: VectorStore | None) -> list[list[float]]:
        """Of all queries, then of all documents, both coordinates from 0 to 1."""
        queries, documents = zip(*self._texts(), strict=True)
        vectors = np.concatenate(
            [
                encode(encoder, list(queries), role="query", store=store),
                encode(encoder, list(documents), role="document", store=store),
            ]
        )  # (2 n, D)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        places = mapped(vectors / np.maximum(lengths, 1e-12), pca=True, seed=self.seed)  # (2 n, 2)
        return [[round(float(x), 4), round(float(y), 4)] for x, y in places]


def _answer(judged: JudgedSet, row: int) -> int | None:
    """The number of the document with the highest grade for a query; None where none is relevant."""
    count = len(judged.documents)
    first, last = np.searchsorted(judged.pairs, (row * count, (row + 1) * count))
    if first == last:
        return None
    best = first + int(judged.grades[first:last].argmax())
    return int(judged.pairs[best] % count) if judged.grades[best] > 0 else None
