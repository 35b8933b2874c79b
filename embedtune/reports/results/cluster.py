"""What a clustering leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embedtune.findings import Finding, percent
from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class ClusterWord:
    """A keyword and its c-TF-IDF weight."""

    word: str
    weight: float


@dataclass(frozen=True)
class ClusterText:
    """An item of a cluster: its id, its text, and its cosine to the centroid; None where there are no vectors."""

    id: str
    text: str
    similarity: float | None = None


@dataclass(frozen=True)
class ClusterNeighbour:
    """Another cluster, and the cosine of the two centroids."""

    cluster: int
    similarity: float


@dataclass(frozen=True)
class ClusterLabel:
    """A label, and how many items of the cluster have it."""

    label: str
    texts: int


@dataclass(frozen=True)
class FoundCluster:
    """A cluster in words.

    Args:
        cluster: its number; 0 is the largest.
        name: its first keywords.
        size: rows in it, copies counted.
        share: of all rows.
        keywords: the most typical words.
        examples: the items nearest to its centroid.
        doubtful: the items that are nearly as near to another cluster.
        cohesion: the mean cosine of its items to its centroid; None where there are no vectors.
        nearest: the cluster with the nearest centroid.
        labels: the most frequent labels in it.
        shape: the mean series, one number per time step of the first channel; empty for texts.
    """

    cluster: int
    name: str
    size: int
    share: float
    keywords: tuple[ClusterWord, ...] = ()
    examples: tuple[ClusterText, ...] = ()
    doubtful: tuple[ClusterText, ...] = ()
    cohesion: float | None = None
    nearest: ClusterNeighbour | None = None
    labels: tuple[ClusterLabel, ...] = ()
    shape: tuple[float, ...] = ()


@dataclass(frozen=True)
class ClusterQuality:
    """How well separated the clusters are, in the space they were found in; None where it was not measured."""

    silhouette: float | None = None
    silhouette_error: float | None = None
    davies_bouldin: float | None = None
    calinski_harabasz: float | None = None
    modularity: float | None = None


@dataclass(frozen=True)
class ClusterStability:
    """How alike the clusters of different seeds are, by the adjusted Rand index of all pairs of seeds."""

    seeds: int
    ari_mean: float
    ari_least: float


@dataclass(frozen=True)
class TriedClusters:
    """A number of clusters that was tried, and what was measured; None where it was not."""

    k: int
    inertia: float
    silhouette: float | None = None
    davies_bouldin: float | None = None
    calinski_harabasz: float | None = None
    bic: float | None = None


@dataclass(frozen=True)
class ClusterChoice:
    """How the number of clusters was chosen: the curve, the number each rule says, and the reason in a sentence."""

    tried: tuple[TriedClusters, ...] = ()
    elbow: int | None = None
    silhouette: int | None = None
    davies_bouldin: int | None = None
    calinski_harabasz: int | None = None
    bic: int | None = None
    eigengap: int | None = None
    said: str = ""


@dataclass(frozen=True)
class ClusterAgreement:
    """Clusters against labels.

    Args:
        labels: different labels.
        texts: items with a label.
        v_measure: means over the seeds, like the others, with noise as clusters of one item each.
        intervals: measure -> 95 % interval, over other items and other seeds.
        noise_left_out: the measures of the clustered items alone; None without noise.
        confused: pairs of labels that share a cluster most often, with the number of items: (label, label, items).
    """

    labels: int
    texts: int
    v_measure: float
    homogeneity: float
    completeness: float
    ari: float
    ami: float
    nmi: float
    accuracy: float
    purity: float
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    noise_left_out: Mapping[str, float] | None = None
    confused: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True)
class ClusterLeak:
    """Of the texts held out of training, the share with a training text at a cosine of `threshold` or more.

    Args:
        threshold: the cosine.
        random: where a tenth of the texts is held out at random.
        by_cluster: where whole clusters are held out.
    """

    threshold: float
    random: float
    by_cluster: float

    @property
    def sentence(self) -> str:
        """Both shares in words.

        >>> print(ClusterLeak(0.9, 0.589, 0.004).sentence)
        Split at random, 59% of held-out texts have a training text at cosine 0.9 or more; by whole clusters, under 1%.
        """
        return (
            f"Split at random, {percent(self.random)} of held-out texts have a training text at cosine "
            f"{self.threshold:g} or more; by whole clusters, {percent(self.by_cluster)}."
        )


@dataclass(frozen=True)
class ClusterMap:
    """Items on a map: places, 0 to 1, and clusters (-1: none) of those that are drawn, and what made it, in words."""

    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    cluster: tuple[int, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class ClusterResult(VerbResult):
    """The outcome of `embedtune cluster`; the field names are the `--json` keys and do not change.

    Args:
        output: the folder.
        clusters_file: the rows with their clusters.
        method: what found the clusters.
        how: why this method, and what it did, in a sentence.
        k: clusters found.
        k_asked: the number asked for; None where it was found or chosen.
        kind: "texts", "series" or "nodes".
        texts: rows in all.
        empty: rows without a text; they are in no cluster.
        repeated: rows that repeat the text of an earlier one; clustered once, counted each time.
        noise: rows in no cluster.
        sizes: rows per cluster.
        clusters: each with its size, keywords and examples.
        quality: how well separated the clusters are.
        stability: how alike the clusters of several seeds are; None where the method has no seed.
        choice: how K was chosen; None where it was given or found by the method.
        agreement: with labels; None where there are none.
        levels: resolution -> communities at finer resolutions, where the method finds communities.
        map: places of some rows on a map of two dimensions; None where there is none.
        leak: what a random split would leak between topics; None where it was not asked for.
    """

    output: str
    report: str
    clusters_file: str
    method: str
    how: str
    k: int
    k_asked: int | None
    kind: str
    texts: int
    empty: int
    repeated: int
    noise: int
    sizes: tuple[int, ...]
    clusters: tuple[FoundCluster, ...]
    quality: ClusterQuality
    stability: ClusterStability | None
    choice: ClusterChoice | None
    agreement: ClusterAgreement | None
    elapsed_s: float
    peak_memory_bytes: int
    levels: Mapping[str, int] = field(default_factory=dict)
    map: ClusterMap | None = None
    leak: ClusterLeak | None = None
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    recipe: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
