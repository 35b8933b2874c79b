"""Is a difference between two encoders on the same queries more than chance? What the paired tests found, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.verdicts.paired_tests import (
    LEVEL,
    bootstrap_interval,
    holm,
    minimum_detectable_effect,
    p_said,
    paired_permutation,
)
from embedtune.evaluation.verdicts.query_groups import FEWEST, QueryGroups, in_groups

WEAK_BELOW = 50  # queries

Verdict = Literal["better", "worse", "no difference shown"]
On = Literal["unseen", "all", "seen"]
_WHOSE: Mapping[On, str] = {
    "unseen": " whose relevant documents are not in the training data",
    "seen": " whose relevant documents are in the training data",
    "all": "",
}


@dataclass(frozen=True)
class Comparison:
    """What a paired comparison found; prints itself as `sentence`.

    Args:
        metric: such as "ndcg@10".
        on: "unseen" when only queries were used whose relevant documents were never trained on, "seen" when only the
            others were, else "all".
        queries: how many were compared.
        before, after: mean of the first and of the second encoder.
        difference: mean of the per-query differences, after - before.
        interval: 95% bootstrap interval of the difference.
        p_value: two-sided, paired permutation test.
        minimum_detectable_effect: the true difference that this comparison would find 4 times out of 5.
        verdict: "better" or "worse" when p < 0.05, else "no difference shown".
        items: what was compared, in the plural: not all sets are of queries.
        groups: in how many groups they are, where chance was drawn by group; None: each counts by itself.
        grouped_by: the column that the groups are from.

    >>> print(Comparison("ndcg@10", "all", 900, 0.48, 0.61, 0.13, (0.11, 0.15), 0.0001, 0.03, "better"))
    Better: nDCG@10 rose from 0.480 to 0.610 (+0.130, 95% interval +0.110 to +0.150, p < 0.001) over 900 test queries.
    """

    metric: str
    on: On
    queries: int
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    minimum_detectable_effect: float
    verdict: Verdict
    items: str = "queries"
    groups: int | None = None
    grouped_by: str = ""

    @property
    def weak(self) -> bool:
        """Whether there are too few queries, or too few groups of them, to rely on."""
        return self._units < WEAK_BELOW

    @property
    def _units(self) -> int:
        """How many independent parts the evidence has."""
        return self.queries if self.groups is None else self.groups

    @property
    def sentence(self) -> str:
        """The finding in words, about one encoder before and after training."""
        return self._in_words(self.verdict.capitalize(), f" {self._change()}")

    def between(self, first: str, second: str) -> str:
        """The finding in words, about two systems.

        >>> found = Comparison("ndcg@10", "all", 900, 0.48, 0.61, 0.13, (0.11, 0.15), 0.0001, 0.03, "better")
        >>> print(found.between("bm25", "runs/x").partition(" (")[0])
        runs/x is better than bm25: nDCG@10 0.610 against 0.480
        """
        opening = f"{second} is {self.verdict} than {first}"
        if self.verdict == "no difference shown":
            opening = f"No difference shown between {second} and {first}"
        return self._in_words(opening, f" {self.after:.3f} against {self.before:.3f}")

    def _in_words(self, opening: str, values: str) -> str:
        whose = _WHOSE[self.on]
        counts = self.items if self.groups is None else "groups"
        if self._units < 2:
            there = "is 1" if self._units else "are 0"
            among = f"test {self.items}{whose}" if self.groups is None else f"groups of test {self.items}{whose}"
            return f"{opening}: a verdict needs two or more {among}; there {there}."
        if self.weak:
            opening += f" (weak evidence: fewer than {WEAK_BELOW} {counts})"
        evidence = f"{self.difference:+z.3f}, 95% interval {self.interval[0]:+z.3f} to {self.interval[1]:+z.3f}"
        over = f"{self.queries:,} test {self.items}"
        if self.groups is not None:
            grouped = f"in {in_groups(self.groups, self.grouped_by)}"
            over += f", {grouped}," if whose else f" {grouped}"
        over += whose
        said = f"{opening}: {metric_label(self.metric)}{values} ({evidence}, {p_said(self.p_value)}) over {over}"
        # Where no query changed at all, there is no spread from which to say what could have been detected.
        if self.verdict == "no difference shown" and self._units < FEWEST and self.groups is not None:
            return f"{said}; fewer than {FEWEST} groups cannot show any difference."
        if self.verdict == "no difference shown" and self.minimum_detectable_effect >= 0.0005:
            least = f"{self.minimum_detectable_effect:.3f}"
            said += f"; a true difference below {least} would usually go undetected with this many {counts}"
        return f"{said}."

    def as_dict(self) -> dict[str, Any]:
        """Everything, the derived properties included, ready for JSON."""
        return {**asdict(self), "interval": list(self.interval), "weak": self.weak, "sentence": self.sentence}

    def __str__(self) -> str:
        return self.sentence

    def _change(self) -> str:
        before, after = f"{self.before:.3f}", f"{self.after:.3f}"
        if before == after and self.verdict == "no difference shown":
            return f"stayed at {before}"
        verb = {"better": "rose", "worse": "fell"}.get(self.verdict, "went")
        return f"{verb} from {before} to {after}"


def compare_paired(
    before: np.ndarray,
    after: np.ndarray,
    *,
    metric: str,
    on: On = "all",
    groups: QueryGroups | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Judge whether `after` differs from `before` on the same queries in the same order.

    Args:
        before: (n,) per-query values of the first encoder.
        after: (n,) per-query values of the second.
        metric: the name of what was measured.
        on: which queries these are.
        groups: which queries are not independent of one another; None: all are.
        draws: random draws of the test and of the interval.
        seed: of the draws.

    Raises:
        ValueError: the two differ in length, so they cannot be paired.
    """
    if np.shape(before) != np.shape(after):
        raise ValueError(f"paired values must have the same length, not {len(before)} and {len(after)}")
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    difference = float(differences.mean()) if len(differences) else 0.0
    p_value = paired_permutation(differences, groups=groups, draws=draws, seed=seed)
    return Comparison(
        metric=metric,
        on=on,
        queries=len(differences),
        before=float(np.mean(before)) if len(differences) else 0.0,
        after=float(np.mean(after)) if len(differences) else 0.0,
        difference=difference,
        interval=bootstrap_interval(differences, groups=groups, draws=draws, seed=seed),
        p_value=p_value,
        minimum_detectable_effect=minimum_detectable_effect(differences, groups=groups),
        verdict=verdict_of(difference, p_value),
        groups=None if groups is None else groups.count,
        grouped_by="" if groups is None else groups.column,
    )


def verdict_of(difference: float, p_value: float) -> Verdict:
    """The verdict on a difference with this p-value.

    >>> verdict_of(-0.1, 0.01), verdict_of(0.1, 0.05)
    ('worse', 'no difference shown')
    """
    if p_value >= LEVEL:
        return "no difference shown"
    return "better" if difference > 0 else "worse"


def adjusted(found: Sequence[Comparison]) -> list[Comparison]:
    """Comparisons made together, each with its p-value adjusted by Holm's method and the verdict based on that."""
    p_values = holm(np.array([one.p_value for one in found])).tolist()
    return [
        replace(one, p_value=p, verdict=verdict_of(one.difference, p)) for one, p in zip(found, p_values, strict=True)
    ]
