"""What a model forgot while it learned one domain after another: measures of a matrix of scores, with intervals.

Row k of the matrix holds the scores after the k-th domain was learned, one per domain; row 0 those of the model before
the first. A model that learned nothing forgets nothing, so read forgetting next to what was learned and what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.tasks.items import bootstrap, interval_of
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.evaluation.verdicts.significance import Comparison, adjusted, compare_paired

MEASURES = ("score", "backward", "forward", "learned", "final")


@dataclass(frozen=True)
class Estimate:
    """A value and its 95% bootstrap interval, drawn by query or by group within each domain; None where it has none."""

    value: float
    interval: tuple[float, float] | None

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.value:z.3f}"
        return f"{self.value:z.3f} (95% interval {self.interval[0]:z.3f} to {self.interval[1]:z.3f})"


@dataclass(frozen=True)
class Forgetting:
    """What was learned, kept and lost over domains that were learned one after the other.

    Args:
        metric: of the matrix.
        names: of the domains, in the order in which they were learned.
        queries: by which each was judged.
        start: the scores before the first domain was learned, one per domain.
        score: mean over all domains but the last of the best score after any earlier stage minus that after the last.
            Source: Chaudhry et al. 2018, arXiv:1801.10112, equation 3. Bounds: -1 to 1; negative where what is learned
            later helps.
        backward: mean over the same domains of the last score minus that right after the domain was learned.
            Source: Lopez-Paz and Ranzato 2017, arXiv:1706.08840, BWT.
        forward: mean over all domains but the first of the score just before the domain was learned minus that of the
            start. Source: the same, FWT; their start is random, ours the model that training began with.
        learned: mean score of each domain right after it was learned.
        final: mean score of all domains after the last.
        lost: the last model against the best earlier one, for each domain but the last.
        joint: the scores of a model that learned all domains at once, one per domain; None where none was trained.
        groups: in how many groups the queries are, where chance was drawn by group.
        grouped_by: the column that the groups are from.
        items: what was judged, in the plural.
    """

    metric: str
    names: tuple[str, ...]
    queries: tuple[int, ...]
    start: tuple[float, ...]
    score: Estimate
    backward: Estimate
    forward: Estimate
    learned: Estimate
    final: Estimate
    lost: tuple[Comparison, ...]
    joint: tuple[float, ...] | None = None
    groups: int | None = None
    grouped_by: str = ""
    items: str = "queries"

    @property
    def sentence(self) -> str:
        """The finding in words."""
        said = (
            f"Forgetting {self.score}: the mean {metric_label(self.metric)} that earlier domains lost between their "
            f"best and the end of {len(self.names)} domains. A domain had {self.learned.value:.3f} on average right "
            f"after it was learned, and has {self.final.value:.3f} in the end"
        )
        together = "" if self.joint is None else f"; trained at once, {sum(self.joint) / len(self.joint):.3f}"
        return f"{said}{together}."

    def as_dict(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """The plain object with the tests in words, ready for JSON."""
        return {**plain, "lost": [one.as_dict() for one in self.lost], "sentence": self.sentence}


def matrix_of(values: np.ndarray, domains: np.ndarray) -> np.ndarray:
    """Scores by stage and domain (S, D), from values by stage and query (S, Q) and the domain of each query (Q,).

    >>> matrix_of(np.array([[0.0, 1.0, 0.5]]), np.array([0, 0, 1])).tolist()
    [[0.5, 0.5]]
    """
    return np.stack([values[:, domains == number].mean(axis=1) for number in range(int(domains.max()) + 1)], axis=1)


def measures(scores: np.ndarray) -> dict[str, np.ndarray]:
    """All measures of matrices (..., D + 1, D) whose row 0 is the start: name -> (...).

    >>> start, first, second = [0.1, 0.2], [0.9, 0.3], [0.7, 0.8]
    >>> {name: round(float(value), 3) for name, value in measures(np.array([start, first, second])).items()}
    {'score': 0.2, 'backward': -0.2, 'forward': 0.1, 'learned': 0.85, 'final': 0.75}
    """
    start, after = scores[..., 0, :], scores[..., 1:, :]  # (..., D), (..., D, D)
    learned, final = np.diagonal(after, axis1=-2, axis2=-1), after[..., -1, :]  # (..., D) each
    best = after[..., :-1, :-1].max(axis=-2)  # (..., D - 1): of the domains before the last, before the last stage
    before = np.diagonal(after[..., :-1, 1:], axis1=-2, axis2=-1)  # (..., D - 1): just before each was learned
    return {
        "score": (best - final[..., :-1]).mean(axis=-1),
        "backward": (final - learned)[..., :-1].mean(axis=-1),
        "forward": (before - start[..., 1:]).mean(axis=-1),
        "learned": learned.mean(axis=-1),
        "final": final.mean(axis=-1),
    }


def forgetting_of(
    values: np.ndarray,
    domains: np.ndarray,
    names: Sequence[str],
    *,
    metric: str,
    groups: QueryGroups | None = None,
    joint: np.ndarray | None = None,
    items: str = "queries",
    seed: int = 0,
) -> Forgetting:
    """The measures with intervals, and a paired test of every domain but the last.

    In each draw of the bootstrap the best stage of a domain is chosen again, as it was in the data.

    Args:
        values: (D + 1, Q) of each query, at the start and after each domain.
        domains: (Q,) the number of each query's domain, in the order in which they were learned.
        names: (D,) of the domains.
        metric: what the values are.
        groups: which queries are not independent of one another.
        joint: (Q,) values of a model that learned all domains at once.
        items: what was judged, in the plural.
        seed: of the draws.
    """
    scores = matrix_of(values, domains)  # (D + 1, D)
    found, intervals = measures(scores), _intervals(values, domains, groups, seed)
    estimates = {name: Estimate(float(found[name]), intervals.get(name)) for name in MEASURES}
    return Forgetting(
        metric=metric,
        names=tuple(names),
        queries=tuple(np.bincount(domains).tolist()),
        start=tuple(scores[0].tolist()),
        **estimates,
        lost=tuple(replace(one, items=items) for one in _lost(values, domains, scores, metric, groups, seed)),
        joint=None if joint is None else tuple(matrix_of(joint[None], domains)[0].tolist()),
        groups=None if groups is None else groups.count,
        grouped_by="" if groups is None else groups.column,
        items=items,
    )


def _intervals(
    values: np.ndarray, domains: np.ndarray, groups: QueryGroups | None, seed: int
) -> dict[str, tuple[float, float]]:
    """Name -> interval; none where a domain has a single query or group."""
    drawn, fewest = [], groups
    for number in range(int(domains.max()) + 1):
        rows = np.flatnonzero(domains == number)
        own = None if groups is None else groups.take(rows)
        if (len(rows) if own is None else own.count) < 2:
            return {}
        if own is not None and fewest is not None and own.count < fewest.count:
            fewest = own
        drawn.append(_drawn_means(values[:, rows], own, [seed, number]))  # (draws, D + 1)
    found = measures(np.stack(drawn, axis=2))  # of (draws, D + 1, D)
    return {name: interval_of(own, fewest) for name, own in found.items()}


def _drawn_means(values: np.ndarray, groups: QueryGroups | None, seed: Sequence[int]) -> np.ndarray:
    """Means (draws, S) of values (S, n), the same queries drawn for all stages."""

    def means(times: np.ndarray) -> np.ndarray:
        return (times @ values.T) / times.sum(axis=1, keepdims=True)  # (b, S)

    return bootstrap(values.shape[1], means, seed=int(np.random.SeedSequence(seed).generate_state(1)[0]), groups=groups)


def _lost(
    values: np.ndarray, domains: np.ndarray, scores: np.ndarray, metric: str, groups: QueryGroups | None, seed: int
) -> list[Comparison]:
    """The last stage against the best earlier one, of each domain but the last, adjusted together (Holm)."""
    found = []
    for number in range(scores.shape[1] - 1):
        rows, best = np.flatnonzero(domains == number), 1 + int(scores[1:-1, number].argmax())
        own = None if groups is None else groups.take(rows)
        found.append(compare_paired(values[best, rows], values[-1, rows], metric=metric, groups=own, seed=seed))
    return adjusted(found)
