"""Queries that are not independent of one another, such as windows of one recording: chance is drawn group by group.

Twenty recordings of 28 windows each say hardly more than twenty numbers. A test that flips the sign of each window's
difference on its own, and an interval that draws windows one by one, take them for 560 numbers: both find differences
that are not there. Here the sum of a group is one number of the test, and the bootstrap draws complete groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from scipy.special import ndtr, stdtrit

from embedtune.data.rows import Grouping
from embedtune.findings import counted

FEWEST = 6
"""With fewer groups, no assignment of signs is rarer than 1 in 20, so no difference can be shown."""


@dataclass(frozen=True)
class QueryGroups:
    """The group of each of n queries.

    Args:
        column: what the groups are called, such as "recording".
        of: (n,) int64, the number of each query's group.
        names: (n,) the value of each query in that column.
    """

    column: str
    of: np.ndarray
    names: Sequence[str] = ()

    @classmethod
    def by(cls, column: str, values: Sequence[str]) -> "QueryGroups":
        """Queries that share a value (n,) are one group.

        >>> QueryGroups.by("recording", ["a", "b", "a"]).sums(np.array([1.0, 2.0, 3.0])).tolist()
        [4.0, 2.0]
        """
        return cls(column, _numbers(np.asarray(values, dtype=np.str_)), tuple(values))

    @classmethod
    def of_queries(cls, grouping: Grouping | None, query_ids: Sequence[str]) -> "QueryGroups | None":
        """The groups of these queries; None where the set has no groups."""
        if grouping is None:
            return None
        return cls.by(grouping.column, [grouping.of[query_id] for query_id in query_ids])

    @property
    def count(self) -> int:
        """G, how many groups there are."""
        return len(self.sizes)

    @cached_property
    def sizes(self) -> np.ndarray:
        """(G,) queries in each."""
        return np.bincount(self.of)

    def take(self, rows: np.ndarray | Sequence[int]) -> "QueryGroups":
        """The groups of the queries with these numbers."""
        places = np.asarray(rows, dtype=np.intp)
        names = tuple(self.names[place] for place in places.tolist()) if self.names else ()
        return QueryGroups(self.column, _numbers(self.of[places]), names)

    def mark(self, place: int) -> dict[str, dict[str, str]]:
        """What a line of values per query says of the group of the query with this number."""
        return {"group": {self.column: self.names[place]}}

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Values of queries (n,) or (n, M), added up in each group: (G,) or (G, M)."""
        columns = np.asarray(values, dtype=np.float64)
        if columns.ndim == 1:
            return np.bincount(self.of, weights=columns, minlength=self.count)
        return np.stack([np.bincount(self.of, weights=one, minlength=self.count) for one in columns.T], axis=1)

    def standard_error(self, values: np.ndarray) -> float:
        """Of the mean of values (n,), where those of one group are not independent.

        Source: Liang and Zeger 1986, with the factor G / (G - 1).
        """
        residuals = self.sums(np.asarray(values, dtype=np.float64) - np.mean(values))  # (G,)
        return sqrt(self.count / (self.count - 1) * float(residuals @ residuals)) / len(self.of)


def _numbers(values: np.ndarray) -> np.ndarray:
    """Each distinct value as a number from 0, in their order: (n,)."""
    return np.unique(values, return_inverse=True)[1]


def tail_of(confidence: float, groups: int) -> float:
    """The share of bootstrap draws of complete groups that lies beyond each end of an interval.

    Quantiles of the bootstrap are too near for few groups: they lack the factor G / (G - 1) of a variance, and are
    those of a normal distribution where Student's t is needed.

    Source: Hesterberg 2015, arXiv:1411.5279, the expanded percentile interval.
    Bounds: 0 to (1 - confidence) / 2, which it approaches with many groups.

    >>> round(tail_of(0.95, 20), 4), round(tail_of(0.95, 10_000), 4)
    (0.0159, 0.025)
    """
    reach = float(stdtrit(groups - 1, (1 + confidence) / 2)) * sqrt(groups / (groups - 1))
    return float(ndtr(-reach))


def in_groups(groups: int, column: str) -> str:
    """How many groups, and what they are called.

    >>> in_groups(20, "recording")
    '20 groups by recording'
    """
    return f"{counted(groups, 'group')} by {column}"
