"""Clusters against the labels that the data has: means over the seeds, with intervals."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from embedtune.clustering.measures.agreement import Agreement, agreement, codes, each_alone
from embedtune.clustering.measures.pseudo_values import half_sample_error, interval, v_pseudo_values
from embedtune.clustering.partition import NOISE
from embedtune.reports.results.cluster import ClusterAgreement

MOST_FOR_INTERVALS = 50_000
"""Items that the errors are measured on at most; their error is scaled to all."""
CONFUSED = 10
_PER_CLUSTER = 50
"""Labels of a cluster whose pairs are counted."""
_MEASURES = ("v_measure", "homogeneity", "completeness", "ari", "ami", "nmi", "accuracy", "purity")


def agreement_with(
    labels: Sequence[str], runs: np.ndarray, kept: np.ndarray, *, seed: int = 0
) -> ClusterAgreement | None:
    """The agreement of every seed's clusters with labels; None where fewer than two labels are known.

    Args:
        labels: of each item (n,), "" where there is none: such items are clustered and not scored.
        runs: clusters of each seed (seeds, n), -1 for noise.
        kept: the clusters that are kept (n,).
        seed: of the half-samples.
    """
    known = np.array([bool(label) for label in labels])
    truth = codes([label for label in labels if label])
    if len(truth) < 4 or truth.max() < 1:
        return None
    scored = [agreement(truth, run[known]) for run in runs]
    own = kept[known]
    means = {name: float(np.mean([getattr(one, name) for one in scored])) for name in _MEASURES}
    return ClusterAgreement(
        labels=int(truth.max()) + 1,
        texts=len(truth),
        **means,
        intervals=_intervals(scored, truth, each_alone(own), seed),
        noise_left_out=_without_noise(truth, own),
        confused=tuple(_confused([label for label in labels if label], own)),
    )


def _intervals(
    scored: Sequence[Agreement], truth: np.ndarray, found: np.ndarray, seed: int
) -> dict[str, tuple[float, float]]:
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    values = v_pseudo_values(truth, found)
    errors = {"v_measure": float(values.std(ddof=1) / np.sqrt(len(values)))}
    step = max(1, len(truth) // MOST_FOR_INTERVALS)
    part, own = truth[::step], found[::step]
    scale = np.sqrt(len(part) / len(truth))
    errors["ari"] = scale * half_sample_error(adjusted_rand_score, part, own, seed=seed)
    errors["ami"] = scale * half_sample_error(adjusted_mutual_info_score, part, own, seed=seed)
    return {name: interval([getattr(one, name) for one in scored], error) for name, error in errors.items()}


def _without_noise(truth: np.ndarray, found: np.ndarray) -> dict[str, float] | None:
    clustered = found != NOISE
    if clustered.all() or clustered.sum() < 2:
        return None
    own = agreement(truth[clustered], found[clustered])
    return {name: getattr(own, name) for name in ("v_measure", "ari", "ami")} | {"share": float(clustered.mean())}


def _confused(labels: Sequence[str], found: np.ndarray) -> Iterator[tuple[str, str, int]]:
    """Pairs of labels that share clusters, with how many items of the rarer of the two are there."""
    together: Counter[tuple[str, str]] = Counter()
    for cluster in range(int(found.max(initial=NOISE)) + 1):
        counts = Counter(labels[place] for place in np.flatnonzero(found == cluster).tolist())
        most = sorted(label for label, _ in counts.most_common(_PER_CLUSTER))
        for one, other in combinations(most, 2):
            together[one, other] += min(counts[one], counts[other])
    for (one, other), count in sorted(together.items(), key=lambda pair: (-pair[1], pair[0]))[:CONFUSED]:
        yield one, other, count
