"""Two recipes with several trained seeds each: seeds are chance too, which a test over queries alone ignores.

Another seed of the same recipe shifts the mean of all queries, by as much as recipes differ. A thousand queries do not
reduce that; only more seeds do. So a difference must exceed the noise of both queries and seeds.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from embedtune.evaluation.verdicts.paired_tests import LEVEL, p_said
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.evaluation.verdicts.significance import Comparison, On, compare_paired, verdict_of


@dataclass(frozen=True)
class OverSeeds:
    """What the means of the seeds say alone.

    Args:
        a, b: how many seeds.
        standard_error: of the difference of the recipes' means, by the spread of their seeds.
        degrees: degrees of freedom of that spread.
        p_value: two-sided, Welch's t over the seeds' means; None where all seeds are equal.
        p_both: two-sided, of queries and seeds together; what a verdict needs besides the test over queries.
        sentence: what was treated as chance, in words.
    """

    a: int
    b: int
    standard_error: float
    degrees: float
    p_value: float | None
    p_both: float
    sentence: str


def compare_seeds(
    a: np.ndarray,
    b: np.ndarray,
    *,
    metric: str,
    on: On = "all",
    groups: QueryGroups | None = None,
    draws: int = 10_000,
    seed: int = 0,
    level: float = LEVEL,
) -> tuple[Comparison, OverSeeds | None]:
    """Judge whether recipe B differs from recipe A, given every seed's values on the same queries.

    With one seed per side this is `compare_paired`. Otherwise the p-value is the larger of two: that of the paired
    permutation over queries, of means over seeds, and that of t = difference / sqrt(se_queries^2 + se_seeds^2); the
    interval and the minimum detectable effect are those of this t.

    Source: Clark 1973's min F', 1 / (1 / F_queries + 1 / F_seeds), with the degrees of freedom of Satterthwaite 1946.
    Noise that depends on both query and seed is counted in both errors, so the test is conservative. A side with one
    seed is assumed to vary as much as the other.
    Bounds: the p-value is at least that over queries.

    Args:
        a: (S, Q) values of the first recipe.
        b: (T, Q) values of the second.
        metric: the name of what was measured.
        on: which queries these are.
        groups: which queries are not independent of one another; None: all are.
        draws: random draws of the permutation.
        seed: of the draws.
        level: that the interval and the minimum detectable effect hold at; a smaller one where several are tested.

    Returns: the comparison, and the seeds' own test; None with one seed per side.
    """
    found = compare_paired(a.mean(axis=0), b.mean(axis=0), metric=metric, on=on, groups=groups, draws=draws, seed=seed)
    units = found.queries if groups is None else groups.count
    if max(len(a), len(b)) < 2 or units < 2:
        return found, None
    differences = b.mean(axis=0) - a.mean(axis=0)  # (Q,)
    error, degrees = _over_seeds(a.mean(axis=1), b.mean(axis=1))
    queries = float(differences.std(ddof=1)) / sqrt(units) if groups is None else groups.standard_error(differences)
    both = sqrt(queries**2 + error**2)
    spread = queries**4 / (units - 1) + error**4 / degrees
    freedom = both**4 / spread if spread else degrees
    p_both = _two_sided(found.difference, both, freedom)
    p_value = max(found.p_value, p_both)
    reach = both * float(stdtrit(freedom, 1 - level / 2))
    comparison = replace(
        found,
        p_value=p_value,
        interval=(found.difference - reach, found.difference + reach),
        minimum_detectable_effect=reach + both * float(stdtrit(freedom, 0.8)),
        verdict=verdict_of(found.difference, p_value),
    )
    alone = _two_sided(found.difference, error, degrees) if error else None
    what = "all seeds are equal" if alone is None else f"over seeds alone {p_said(alone)}"
    sentence = f"Queries and seeds are both treated as chance: {len(a)} against {len(b)} seeds, {what}."
    return comparison, OverSeeds(len(a), len(b), error, degrees, alone, p_both, sentence)


def with_error(found: Comparison, error: float, degrees: float) -> Comparison:
    """A comparison under another estimate of the error of its difference: the larger p-value and the wider interval.

    Args:
        found: the comparison.
        error: standard error of its difference.
        degrees: of freedom of that error.
    """
    p_value = max(found.p_value, _two_sided(found.difference, error, degrees))
    low, high = found.interval
    reach = max(error * float(stdtrit(degrees, 1 - LEVEL / 2)), found.difference - low, high - found.difference)
    smallest = error * float(stdtrit(degrees, 1 - LEVEL / 2) + stdtrit(degrees, 0.8))
    return replace(
        found,
        p_value=p_value,
        interval=(found.difference - reach, found.difference + reach),
        minimum_detectable_effect=max(smallest, found.minimum_detectable_effect or 0.0),
        verdict=verdict_of(found.difference, p_value),
    )


def _over_seeds(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Standard error of the difference of the means of seeds (S,) and (T,), and its degrees of freedom.

    Source: Welch 1947; where one side has one seed, the variance of the other is used for both.
    """
    several = [side for side in (a, b) if len(side) > 1]
    variances = [float(side.var(ddof=1)) for side in several]
    if len(several) == 1:
        return sqrt(variances[0] * (1 / len(a) + 1 / len(b))), float(len(several[0]) - 1)
    parts = [variance / len(side) for variance, side in zip(variances, several, strict=True)]
    spread = sum(part**2 / (len(side) - 1) for part, side in zip(parts, several, strict=True))
    return sqrt(sum(parts)), sum(parts) ** 2 / spread if spread else float(len(a) + len(b) - 2)


def _two_sided(difference: float, error: float, degrees: float) -> float:
    """The p-value of a difference under Student's t."""
    if not error:
        return 0.0 if difference else 1.0
    return float(2 * stdtr(degrees, -abs(difference) / error))
