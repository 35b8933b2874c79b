"""Guard sets: judged queries, scored pairs, labelled texts or triplets that say whether an encoder kept what it could.

Where something is chosen so that the guard holds, each set is divided: it is chosen on one half and reported on the
other, because the best of several models looks better than it is on what it was chosen by.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from embedtune.config.recipe.shipped import guard_folder
from embedtune.config.sections.guard import DEFAULT_GUARD, NO_GUARD
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.sources.judged_source import OpenSplit, judge, open_split
from embedtune.errors import DataError
from embedtune.evaluation.tasks.items import ItemSet
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import demand_judged
from embedtune.evaluation.tasks.similarity import SimilaritySet
from embedtune.evaluation.tasks.triplets import TripletSet, triplets
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.search.pairwise import pair_scores
from embedtune.workflows.shared.guard.sampled import sampled, with_queries
from embedtune.workflows.shared.scoring import PRIMARY, measure

FEWEST = 20
"""A set with fewer items shows nothing, whatever happens to the encoder."""


@dataclass(frozen=True)
class GuardSet(ABC):
    """A set that an encoder is scored on before and after.

    Args:
        name: of the set.
        seed: of the draws, and of the division in two.
    """

    name: str
    seed: int = 0

    @property
    @abstractmethod
    def size(self) -> int:
        """How many queries, pairs or triplets it has."""

    @abstractmethod
    def scores(self, encoder: Encoder, store: VectorStore | None = None) -> np.ndarray:
        """What an encoder scores, item by item: (n,) or (n, K)."""

    @abstractmethod
    def compare(self, before: np.ndarray, after: np.ndarray) -> Comparison:
        """The paired test of two encoders' scores."""

    @abstractmethod
    def divided(self) -> tuple[Self, Self]:
        """Two sets without a common item: one to choose on, which may be drawn smaller, and one to report on."""

    def _halves(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the items of each half, ascending: int64 (n/2,) each."""
        order = np.random.default_rng(self.seed).permutation(self.size)
        return np.sort(order[::2]), np.sort(order[1::2])


@dataclass(frozen=True)
class RetrievalGuard(GuardSet):
    """Judged queries, by nDCG@10; labelled texts are judged by their classes."""

    retrieval: RetrievalSet = field(kw_only=True)

    @cached_property
    def judged(self) -> JudgedSet:
        """The set as arrays."""
        return as_arrays(self.retrieval)

    @property
    def size(self) -> int:
        """How many queries with a relevant document it has."""
        return len(self.judged.query_ids)

    def scores(self, encoder: Encoder, store: VectorStore | None = None) -> np.ndarray:
        """(Q,) nDCG@10."""
        return measure(encoder, self.judged, metrics=(PRIMARY,), store=store).scores.per_query[PRIMARY]

    def compare(self, before: np.ndarray, after: np.ndarray) -> Comparison:
        """The paired test of nDCG@10."""
        return compare_paired(before, after, metric=PRIMARY, groups=self.judged.groups, seed=self.seed)

    def divided(self) -> tuple[Self, Self]:
        """The queries are divided; the corpus of the half to choose on is drawn smaller."""
        ids = self.judged.query_ids
        first, second = (with_queries(self.retrieval, {ids[row] for row in rows.tolist()}) for rows in self._halves())
        return replace(self, retrieval=sampled(first, self.seed)), replace(self, retrieval=second)


@dataclass(frozen=True)
class ItemGuard(GuardSet):
    """Scored pairs, by Spearman's correlation, or triplets, by accuracy."""

    items: ItemSet = field(kw_only=True)

    @property
    def size(self) -> int:
        """How many pairs or triplets it has."""
        return len(self.items.queries)

    def scores(self, encoder: Encoder, store: VectorStore | None = None) -> np.ndarray:
        """(n, K) similarities of each item's own pairs."""
        queries = encode(encoder, self.items.queries, role="query", store=store)  # (n, D)
        documents = encode(encoder, self.items.documents, role=self.items.document_role, store=store)  # (m, D)
        return pair_scores(queries, documents, self.items.positions)

    def compare(self, before: np.ndarray, after: np.ndarray) -> Comparison:
        """The paired test of the kind's own metric."""
        first, second = (self.items.judge(scores, seed=self.seed) for scores in (before, after))
        return self.items.compare(first, second, seed=self.seed)

    def divided(self) -> tuple[Self, Self]:
        """The items are divided."""
        first, second = (replace(self, items=_taken(self.items, rows)) for rows in self._halves())
        return first, second


def read_guard(names: Sequence[str], *, seed: int = 0) -> tuple[GuardSet, ...]:
    """The guard sets that were named; `default` stands for those that ship with embedtune, `none` for none.

    Raises:
        DataError: a set cannot be read, is too small, or nothing can be scored on it.
    """
    found: list[GuardSet] = []
    for name in names:
        places = [] if name == NO_GUARD else _default_sets() if name == DEFAULT_GUARD else [name]
        for place in places:
            own = _read(place, seed)
            same = sum(other.name == own.name for other in found)
            found.append(replace(own, name=f"{own.name} ({same + 1})") if same else own)
    return tuple(found)


def _default_sets() -> list[str]:
    return sorted(str(path) for path in guard_folder().iterdir() if path.is_dir() or path.suffix == ".jsonl")


def _read(place: str, seed: int) -> GuardSet:
    try:
        own = _guard_of(open_split(place, "test", {}), seed)
    except DataError as error:
        error.where = f"--guard {place}" if error.where in (None, place) else f"--guard: {error.where}"
        raise
    if own.size < FEWEST:
        raise DataError(
            f"a guard needs at least {FEWEST} queries or pairs to show anything; there are {own.size}",
            where=f"--guard {place}",
            next="name a larger set, `default`, or `none`",
        )
    return own


def _guard_of(opened: OpenSplit, seed: int) -> GuardSet:
    part = opened.part
    if part is not None and part.scored is not None:
        truth = np.asarray(part.scored.scores, dtype=np.float64)  # (n,)
        return ItemGuard(opened.name, seed, items=SimilaritySet(part.scored.first, part.scored.second, truth))
    if part is not None and isinstance(part.content, Rows) and part.content.has_negatives:
        own = part.content.take([row for row, negatives in enumerate(part.content.negatives) if negatives])
        return ItemGuard(opened.name, seed, items=triplets(own.anchors, own.positives, own.negatives))
    guard = RetrievalGuard(opened.name, seed, retrieval=judge(opened, seed=seed).judged)
    demand_judged(guard.judged)
    return guard


def _taken(items: ItemSet, rows: np.ndarray) -> ItemSet:
    """Some of the items."""
    queries = [items.queries[row] for row in rows.tolist()]
    if isinstance(items, TripletSet):
        return TripletSet(queries, items.documents, items.places[rows])
    if isinstance(items, SimilaritySet):
        return SimilaritySet(queries, [items.documents[row] for row in rows.tolist()], items.truth[rows])
    raise TypeError(f"a guard of {items.kind} cannot be divided")
