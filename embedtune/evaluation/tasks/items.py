"""Sets of items that are scored one by one, without a ranking: pairs, texts with candidate labels, triplets."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from embedtune.evaluation.verdicts.paired_tests import CONFIDENCE, bootstrap_interval
from embedtune.evaluation.verdicts.query_groups import QueryGroups, tail_of
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired

ITEM_METRICS = ("spearman", "pearson", "accuracy", "accuracy@3", "accuracy@5", "margin")
"""The metrics that have a value per item, so that systems can be compared by them."""
DRAWS = 2_000
"""Bootstrap draws of statistics that are not means and must be recomputed for each draw."""


@dataclass(frozen=True)
class ItemScores:
    """The scores of a system on n items.

    Args:
        metrics: name -> value; comparisons use the first.
        intervals: name -> 95% bootstrap interval over the items.
        values: name -> (n,) the value of each item; the mean over the items is the metric.
        answers: (n,) what the system said of each item, to compare with what people said.
        detail: what the kind of set adds to the result, ready for JSON.
    """

    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    values: Mapping[str, np.ndarray]
    answers: Sequence[float | str] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemSet(ABC):
    """Items on which a system says how similar each query is to its own documents. A new kind of set is a subclass.

    Args:
        queries: (n,) one text per item.
        documents: (m,) the texts that queries are compared with.
        groups: which items count as one in tests and intervals; None: each counts by itself.
    """

    kind: ClassVar[str]
    """Its name in `--task`."""
    items: ClassVar[str]
    """What the items are called, in the plural."""
    document_role: ClassVar[Literal["query", "document"]] = "document"
    """Which prompt documents get; queries get the query prompt."""

    queries: Sequence[str]
    documents: Sequence[str]
    groups: QueryGroups | None = field(default=None, kw_only=True)

    @property
    def texts(self) -> Sequence[str]:
        """(n,) what to show of each item."""
        return self.queries

    @property
    def expected(self) -> Sequence[float | str]:
        """(n,) what people said of each item; empty where that is the same for all."""
        return ()

    @property
    @abstractmethod
    def positions(self) -> np.ndarray:
        """(n, K) int64: the documents that each query is scored with; -1 where there are fewer."""

    @abstractmethod
    def judge(self, scores: np.ndarray, *, seed: int) -> ItemScores:
        """The scores of a system, from its similarities (n, K) float32 of these pairs; higher is more similar."""

    def compare(self, before: ItemScores, after: ItemScores, *, seed: int) -> Comparison:
        """Whether one system is right more often than another, on the same items."""
        first, second = before.values["accuracy"], after.values["accuracy"]
        found = compare_paired(first, second, metric="accuracy", groups=self.groups, seed=seed)
        return replace(found, items=self.items)

    def interval_of_mean(self, values: np.ndarray, *, seed: int) -> tuple[float, float]:
        """The 95% interval of the mean of values (n,)."""
        return bootstrap_interval(values, groups=self.groups, seed=seed)


def bootstrap(
    count: int,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
    groups: QueryGroups | None = None,
    draws: int = DRAWS,
    at_once: int = 2**21,
) -> np.ndarray:
    """A statistic of resampled items, or of complete groups of them, draw by draw.

    Source: Efron 1979.

    Args:
        count: n, how many items there are.
        statistic: (b, n) how often each item was drawn -> (b, ...) its value.
        seed: of the draws.
        groups: which items are drawn together; None: each by itself.
        draws: how many.
        at_once: about how many numbers to hold at a time.

    Returns: (draws, ...).

    >>> means = bootstrap(100, lambda counts: counts @ np.repeat([0.0, 1.0], 50) / 100, seed=0)
    >>> means.shape, bool(abs(means.mean() - 0.5) < 0.01), bool(abs(means.std() - 0.05) < 0.005)
    ((2000,), True, True)
    """
    rng = np.random.default_rng(seed)
    size = max(1, at_once // max(count, 1))
    units = count if groups is None else groups.count  # U
    found = []
    for first in range(0, draws, size):
        rows = min(size, draws - first)
        drawn = rng.integers(0, units, (rows, units)) + units * np.arange(rows)[:, None]  # (b, U)
        times = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)  # (b, U)
        found.append(statistic(times if groups is None else times[:, groups.of]))
    return np.concatenate(found)


def interval_of(drawn: np.ndarray, groups: QueryGroups | None = None) -> tuple[float, float]:
    """The middle 95% of bootstrap draws; a little more where groups were drawn, as `tail_of` explains."""
    tail = (1 - CONFIDENCE) / 2
    if groups is not None and groups.count > 1:
        tail = tail_of(CONFIDENCE, groups.count)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)
