"""What a method of clustering is given, what it is asked for, and how it describes itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from embedtune.clustering.graphs.neighbours import nearest_graph
from embedtune.clustering.partition import Partition
from embedtune.errors import ConfigError, DataError
from embedtune.findings import counted
from embedtune.search.kmeans import FoundClusters, best_kmeans

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SMALL_CLUSTERS = 5_000
"""Small clusters that stand for items at most; one for five items otherwise."""
SMALL_ROUNDS = 10
Takes = Literal["vectors", "links", "vectors and links", "series"]


@dataclass(frozen=True)
class ClusterSettings:
    """What the user asks of a method.

    Args:
        k: clusters wanted; None where the method finds their number.
        seed: of everything random.
        starts: runs of which the best is kept.
        resolution: of communities; higher gives more of them.
        neighbours: nearest items that a graph joins each item to.
        least: members of the smallest cluster that a density method finds.
        threshold: cosine from which two items are neighbours (density) or copies (duplicates).
        restart: share of its own vector that a node keeps when vectors are averaged over links.
        band: most that a time warp may shift, as a share of the longer series; None: any.
        memory_bytes: for blocks of work, besides the vectors and the result.
    """

    k: int | None = None
    seed: int = 0
    starts: int = 10
    resolution: float = 1.0
    neighbours: int = 15
    least: int = 5
    threshold: float = 0.85
    restart: float = 0.5
    band: float | None = None
    memory_bytes: int = 2**30

    @property
    def demanded_k(self) -> int:
        """The number of clusters, for a method that needs it.

        Raises:
            ConfigError: it is not given.
        """
        if self.k is None:
            raise ConfigError("this method must be told how many clusters to make", where="--k", next="give --k N")
        return self.k


@dataclass(frozen=True)
class ClusterItems:
    """What is clustered; a method uses what it takes and ignores the rest.

    Args:
        vectors: (n, D) of length 1, any float type; may be a memory map.
        links: (n, n) symmetric weights without a diagonal, between linked items.
        series: n arrays (length, channels), z-normalised.
        distances: (n, n) between series, where they are known already.
        small: what `small_clusters` gives, where it is known already.
    """

    vectors: np.ndarray | None = None
    links: "csr_array | None" = None
    series: Sequence[np.ndarray] | None = None
    distances: np.ndarray | None = None
    small: FoundClusters | None = None

    def __len__(self) -> int:
        if self.vectors is not None:
            return len(self.vectors)
        if self.series is not None:
            return len(self.series)
        return 0 if self.links is None else int(self.links.shape[0])

    @cached_property
    def points(self) -> np.ndarray:
        """The vectors in memory: float32 (n, D).

        Raises:
            DataError: there are none, or one holds NaN or infinity.
        """
        if self.vectors is None:
            raise DataError("this method needs vectors, and there are none", where="--method")
        points = np.ascontiguousarray(self.vectors, dtype=np.float32)  # (n, D)
        if not np.isfinite(points).all():
            raise DataError("a vector holds NaN or infinity", where="vectors", next="encode the data again")
        return points

    @cached_property
    def _graphs(self) -> "dict[int, csr_array]":
        return {}

    def nearest(self, settings: ClusterSettings) -> "csr_array":
        """The graph of nearest neighbours, made once for all seeds; the links where there are no vectors.

        Raises:
            DataError: there are neither.
        """
        if self.vectors is None:
            return self.graph
        if settings.neighbours not in self._graphs:
            found = nearest_graph(self.vectors, settings.neighbours, memory_bytes=settings.memory_bytes)
            self._graphs[settings.neighbours] = found
        return self._graphs[settings.neighbours]

    @cached_property
    def small_clusters(self) -> FoundClusters:
        """Many small clusters in place of very many items; the same for every seed and resolution.

        Raises:
            DataError: there are no vectors.
        """
        if self.small is not None:
            return self.small
        vectors = self.points if self.vectors is None else self.vectors
        return best_kmeans(vectors, min(SMALL_CLUSTERS, len(vectors) // 5), seed=0, starts=1, rounds=SMALL_ROUNDS)

    @property
    def graph(self) -> "csr_array":
        """The links.

        Raises:
            DataError: there are none.
        """
        if self.links is None:
            raise DataError("this method needs links, and there are none", where="--links", next="name a file of links")
        return self.links

    @property
    def sequences(self) -> Sequence[np.ndarray]:
        """The series.

        Raises:
            DataError: there are none.
        """
        if self.series is None:
            raise DataError("this method needs series, and there are none", where="--data", next="give rows of values")
        return self.series


@dataclass(frozen=True)
class ClusterMethod:
    """A method, as its file declares it.

    Args:
        fit: clusters items.
        about: what it does, in a few words.
        takes: what it works on.
        needs_k: whether it must be told the number of clusters.
        seeded: whether its result depends on the seed.
        most: items up to which it is offered; None: any number.
        instead: the method for more items.
    """

    fit: Callable[[ClusterItems, ClusterSettings], Partition]
    about: str
    takes: Takes = "vectors"
    needs_k: bool = False
    seeded: bool = True
    most: int | None = None
    instead: str = "kmeans"

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.fit.__module__.rpartition(".")[2]

    def demand(self, count: int, k: int | None = None) -> None:
        """Refuse what the method cannot do with so many items.

        Raises:
            ConfigError: there are too many items for it, or more clusters than items.
        """
        if self.most is not None and count > self.most:
            raise ConfigError(
                f"{self.name} compares all items with each other and takes at most {self.most:,}; there are {count:,}",
                where="--method",
                next=f"use --method {self.instead}",
            )
        if k is not None and k > count:
            raise ConfigError(
                f"{counted(k, 'cluster')} asked for, but there are only {counted(count, 'different item')}",
                where="--k",
                next=f"give at most --k {count}",
            )
