"""Does k-means, told how many labels there are, find them again in an encoder's vectors?

Clusters are found anew in other data, so the spread over halves of the texts, each clustered from scratch, is part of
every interval and of the test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedtune.clustering.measures.agreement import Agreement, agreement
from embedtune.clustering.measures.pseudo_values import ami_pseudo_values, halves, refitted_interval
from embedtune.evaluation.verdicts.seeds import compare_seeds, with_error
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.progress import Progress
from embedtune.search.kmeans import best_kmeans

SEEDS = 10
STARTS = 10
MEASURES = ("ami", "v_measure", "ari", "homogeneity", "completeness")
"""The first one decides: it is 0 for chance, whatever the number of clusters."""
_WITH_INTERVALS = MEASURES[:3]


@dataclass(frozen=True)
class LabelledClusters:
    """How well the clusters of some vectors agree with the labels of their texts.

    Args:
        agreements: one per seed.
        values: pseudo-values of AMI, whose mean over texts is AMI: (seeds, n).
        refits: on halves of the texts that were clustered from scratch, the same halves for all vectors of the texts.
    """

    agreements: Sequence[Agreement]
    values: np.ndarray
    refits: Sequence[Agreement]

    @property
    def means(self) -> dict[str, float]:
        """Measure -> its mean over the seeds."""
        return {name: float(np.mean([getattr(one, name) for one in self.agreements])) for name in MEASURES}

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Measure -> 95% interval of its mean, over texts, the clusters found in them, and seeds."""
        means = self.means
        return {
            name: refitted_interval(means[name], [getattr(one, name) for one in self.refits])
            for name in _WITH_INTERVALS
        }


def labelled_clusters(
    vectors: np.ndarray, truth: np.ndarray, *, seed: int, progress: Progress | None = None
) -> LabelledClusters:
    """Cluster vectors with several seeds, and halves of them.

    Args:
        vectors: of the texts (n, D).
        truth: their labels as numbers from 0 (n,).
        seed: the first one.
        progress: is told how many of the clusterings are done.
    """
    number = int(truth.max()) + 1
    parts = halves(len(truth), seed=seed)
    whole, runs, refits = SEEDS + len(parts), [], []
    for place in range(SEEDS):
        runs.append(best_kmeans(vectors, number, seed=seed + place, starts=STARTS).clusters)
        if progress is not None:
            progress(len(runs), whole)
    for rows in parts:
        found = best_kmeans(vectors[rows], number, seed=seed, starts=STARTS).clusters
        refits.append(agreement(truth[rows], found))
        if progress is not None:
            progress(SEEDS + len(refits), whole)
    values = np.stack([ami_pseudo_values(truth, run) for run in runs])  # (seeds, n)
    return LabelledClusters([agreement(truth, run) for run in runs], values, refits)


def compare_clusters(first: LabelledClusters, other: LabelledClusters, *, seed: int) -> Comparison:
    """Whether other vectors of the same texts are clustered better, on AMI."""
    found = compare_seeds(first.values, other.values, metric=MEASURES[0], seed=seed)[0]
    changes = [one.ami - before.ami for before, one in zip(first.refits, other.refits, strict=True)]
    error = float(np.std(changes, ddof=1))
    return replace(with_error(found, error, len(changes) - 1), items="texts")
