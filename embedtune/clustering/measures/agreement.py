"""How well clusters agree with labels: V-measure, ARI, AMI and others, and what noise does to them.

AMI and ARI are 0 for chance; V is not: a cluster for every item has a V of 0.8 on small classes. So a verdict rests on
AMI, and the three are always shown together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.clustering.partition import NOISE


@dataclass(frozen=True)
class Agreement:
    """Clusters against labels, each from 0 (or below, for chance-corrected ones) to 1.

    Args:
        v_measure: harmonic mean of homogeneity and completeness.
        homogeneity: 1 if every cluster has one label.
        completeness: 1 if every label is in one cluster.
        ari: adjusted Rand index, 0 for chance.
        ami: adjusted mutual information, 0 for chance.
        nmi: mutual information over the mean of the entropies; the same number as V.
        accuracy: share of items that a one-to-one matching of clusters and labels gets right.
        purity: share of items with the most frequent label of their cluster.
    """

    v_measure: float
    homogeneity: float
    completeness: float
    ari: float
    ami: float
    nmi: float
    accuracy: float
    purity: float


def agreement(labels: Sequence[object] | np.ndarray, clusters: np.ndarray) -> Agreement:
    """All measures at once; noise counts as clusters of one item each.

    Args:
        labels: the true class of each item (n,).
        clusters: the cluster of each item (n,), -1 for noise.

    >>> agreement(["a", "a", "b"], np.array([1, 1, 0])).ami
    1.0
    """
    from sklearn import metrics

    truth, found = codes(labels), each_alone(clusters)
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(truth, found)
    return Agreement(
        v_measure=float(v_measure),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        ari=float(metrics.adjusted_rand_score(truth, found)),
        ami=float(metrics.adjusted_mutual_info_score(truth, found)),
        nmi=float(v_measure),
        accuracy=matched_accuracy(truth, found),
        purity=purity(truth, found),
    )


def codes(labels: Sequence[object] | np.ndarray) -> np.ndarray:
    """Labels as numbers from 0, in the order of their first appearance: int64 (n,)."""
    numbers: dict[object, int] = {}
    listed = labels.tolist() if isinstance(labels, np.ndarray) else labels
    return np.array([numbers.setdefault(label, len(numbers)) for label in listed], dtype=np.int64)


def each_alone(clusters: np.ndarray) -> np.ndarray:
    """Clusters with noise as clusters of one item each."""
    found = clusters.copy()
    noise = np.flatnonzero(found == NOISE)
    found[noise] = found.max(initial=NOISE) + 1 + np.arange(len(noise))
    return found


def noise_as_one(clusters: np.ndarray) -> np.ndarray:
    """Clusters with all noise as one more cluster."""
    return np.where(clusters == NOISE, clusters.max(initial=NOISE) + 1, clusters)


def contingency(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Items by label and cluster: int64 (labels, clusters)."""
    table = np.zeros((int(truth.max(initial=-1)) + 1, int(found.max(initial=-1)) + 1), dtype=np.int64)
    np.add.at(table, (truth, found), 1)
    return table


def matched_accuracy(truth: np.ndarray, found: np.ndarray) -> float:
    """The share of items that the best one-to-one matching of clusters and labels gets right.

    Of L labels, each can only be matched with one of the L clusters that have most of it, which keeps the table small
    where noise makes a cluster of every item.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import csr_array

    shape = (int(truth.max()) + 1, int(found.max()) + 1)
    counts = csr_array((np.ones(len(truth)), (truth, found)), shape=shape)
    counts.sum_duplicates()
    kept: set[int] = set()
    for row in range(shape[0]):
        own = slice(counts.indptr[row], counts.indptr[row + 1])
        kept.update(counts.indices[own][np.argsort(-counts.data[own], kind="stable")[: shape[0]]].tolist())
    table = np.asarray(counts.tocsc()[:, sorted(kept)].toarray())
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(truth))


def purity(truth: np.ndarray, found: np.ndarray) -> float:
    """The share of items with the most frequent label of their cluster."""
    pairs, counts = np.unique(np.stack([found, truth]), axis=1, return_counts=True)
    most = np.zeros(int(found.max()) + 1, dtype=np.int64)
    np.maximum.at(most, pairs[0], counts)
    return float(most.sum() / len(truth))


def b_cubed(truth: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and F1 of the items that share an item's cluster, averaged over items.

    Source: Bagga and Baldwin 1998.
    """
    table = contingency(truth, found)[truth, found]  # (n,) items with the same label and cluster
    precision = float((table / np.bincount(found)[found]).mean())
    recall = float((table / np.bincount(truth)[truth]).mean())
    return precision, recall, 2 * precision * recall / (precision + recall)
