"""Intervals for agreement that hold: the usual bootstrap does not.

Items drawn with replacement stand in the same cluster as their own copies, which moves a V-measure up by three
standard errors: on six sets of six the percentile interval missed the value it was made for. Instead:

- V is a mean of one value per item to first order. The spread of these pseudo-values is what items add to the error,
  and the spread over seeds of k-means, which is larger, is added to it.
- For ARI and AMI, the spread over half-samples without replacement is the standard error itself: half of the items
  double the variance, and half of the variance is left when a half is drawn from a fixed whole.
"""

from collections.abc import Callable, Sequence

import numpy as np

HALVES = 100
REFITS = 20
"""Half-samples that are clustered from scratch."""
_NORMAL = 1.959963984540054
"""The 97.5 % quantile of a normal distribution."""
Measure = Callable[[np.ndarray, np.ndarray], float]


def v_pseudo_values(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What each item adds to the V-measure: float64 (n,); their mean is V exactly.

    V + 2 pmi / S - V (-ln p(label) - ln p(cluster)) / S with S = H(labels) + H(clusters).
    Bounds: all 1 where both are one group.

    Args:
        truth: labels (n,), 0 or above.
        found: clusters (n,), 0 or above.
    """
    count = len(truth)
    own, other = np.bincount(truth)[truth] / count, np.bincount(found)[found] / count  # (n,)
    pairs = truth.astype(np.int64) * (int(found.max(initial=0)) + 1) + found
    _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    both = counts[inverse] / count  # (n,)
    entropy = -(np.log(own) + np.log(other)).mean()  # S, since the mean over items weighs groups by size
    if entropy <= 0:
        return np.ones(count)
    shared = np.log(both / (own * other))  # (n,) pointwise mutual information
    v_measure = 2 * shared.mean() / entropy
    return np.asarray(v_measure + (2 * shared + v_measure * (np.log(own) + np.log(other))) / entropy)


def half_sample_error(measure: Measure, truth: np.ndarray, found: np.ndarray, *, seed: int = 0) -> float:
    """The standard error of a measure from drawing other items, by half-samples without replacement."""
    draw = np.random.default_rng(seed)
    values = []
    for _ in range(HALVES):
        half = draw.permutation(len(truth))[: len(truth) // 2]
        values.append(measure(truth[half], found[half]))
    return float(np.std(values, ddof=1))


def interval(values: Sequence[float], item_error: float) -> tuple[float, float]:
    """95 % interval of a mean over seeds, from the spread over seeds and the error that the items add.

    Bounds: no measure of agreement is above 1.

    Args:
        values: the measure with each seed.
        item_error: the standard error of one of them from drawing other items.
    """
    seeds = float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else 0.0
    middle, half = float(np.mean(values)), _NORMAL * float(np.sqrt(seeds + item_error**2))
    return middle - half, min(middle + half, 1.0)


def ami_pseudo_values(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """What each item adds to the adjusted mutual information: float64 (n,); their mean is AMI exactly.

    To first order in the weight of an item, with the mutual information that chance would give held fixed: it depends
    on the sizes of groups alone, which one item hardly changes.
    Bounds: all 1 where both are one group, or every item is a group.

    Args:
        truth: labels (n,), 0 or above.
        found: clusters (n,), 0 or above.
    """
    from sklearn.metrics.cluster import adjusted_mutual_info_score, contingency_matrix, expected_mutual_information

    count = len(truth)
    own, other = np.bincount(truth)[truth] / count, np.bincount(found)[found] / count  # (n,)
    pairs = truth.astype(np.int64) * (int(found.max(initial=0)) + 1) + found
    _, inverse, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    shared = np.log(counts[inverse] / count / (own * other))  # (n,) pointwise mutual information
    entropies = -(np.log(own) + np.log(other)) / 2  # (n,) their mean is that of the two entropies
    chance = float(expected_mutual_information(contingency_matrix(truth, found, sparse=True), count))
    room = entropies.mean() - chance
    if room <= 1e-12:
        return np.full(count, float(adjusted_mutual_info_score(truth, found)))
    ami = (shared.mean() - chance) / room
    return np.asarray(ami + ((shared - shared.mean()) - ami * (entropies - entropies.mean())) / room)


def halves(count: int, *, seed: int = 0, number: int = REFITS) -> list[np.ndarray]:
    """Half-samples of items without replacement, to find clusters in again: `number` arrays of rows, ascending.

    A clustering held fixed leaves out how much clusters depend on the data that they are found in. The spread of
    a measure over halves, each clustered from scratch, has all of it: items, clusters and one seed.
    """
    draw = np.random.default_rng(seed)
    return [np.sort(draw.permutation(count)[: max(2, count // 2)]) for _ in range(number)]


def refitted_interval(value: float, over_halves: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a measure from its values on halves that were clustered from scratch, by Student's t.

    Bounds: no measure of agreement is above 1.
    """
    from scipy.special import stdtrit

    reach = float(np.std(over_halves, ddof=1)) * float(stdtrit(len(over_halves) - 1, 0.975))
    return value - reach, min(value + reach, 1.0)
