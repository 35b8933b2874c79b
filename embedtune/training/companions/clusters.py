"""Clusters of the training texts, found again in each epoch from the student's own vectors: pseudo-labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.distributed import same_values
from embedtune.losses import EmbeddingBatch
from embedtune.search.kmeans import spherical_kmeans
from embedtune.training.companions import Companion


@dataclass(eq=False)
class Clusters(Companion, TrainerCallback):
    """The cluster of each row and the centroids; as a callback, it finds them at each epoch's start.

    Source: Caron et al. 2018, arXiv:1807.05520, section 3.2.

    Args:
        texts: one per row.
        encode: texts -> vectors (n, D) of the student in its current state.
        number: K, the number of clusters; fewer if there are fewer texts.
        seed: of k-means; the number of the epoch is added.
        steps_per_epoch: the interval between clusterings.
    """

    texts: Sequence[str]
    encode: Callable[[Sequence[str]], np.ndarray]
    number: int
    seed: int
    steps_per_epoch: int
    _clusters: Tensor = field(init=False, default_factory=lambda: torch.zeros(0, dtype=torch.long))  # (R,)
    _centroids: Tensor = field(init=False, default_factory=lambda: torch.zeros(0, 0))  # (K, D)
    _moved: float = field(init=False, default=0.0)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Cluster the texts at the start of an epoch."""
        if state.global_step % self.steps_per_epoch == 0:
            self.find(state.global_step // self.steps_per_epoch)

    def find(self, epoch: int) -> None:
        """Cluster the texts as the student sees them now."""
        centroids, clusters = spherical_kmeans(self.encode(self.texts), self.number, seed=self.seed + epoch)
        before, self._clusters = self._clusters, torch.from_numpy(clusters)  # (R,)
        self._centroids = torch.from_numpy(centroids)  # (K, D)
        same_values([self._clusters, self._centroids])
        self._moved = _disagreement(before, self._clusters) if len(before) else 1.0

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with its rows' clusters and all centroids."""
        device = batch.anchors.device
        return replace(batch, clusters=self._clusters[rows.cpu()].to(device), centroids=self._centroids.to(device))

    def gauges(self) -> dict[str, float]:
        """The number of clusters, and the share of random row pairs that the last clustering joined or separated."""
        return {"clusters.number": float(len(self._centroids)), "clusters.moved": self._moved}

    def state(self) -> dict[str, Tensor]:
        """Clusters and centroids."""
        return {
            "clusters.rows": self._clusters,
            "clusters.centroids": self._centroids.contiguous(),
            "clusters.moved": torch.tensor(self._moved, dtype=torch.float64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue within the epoch."""
        self._clusters, self._centroids = state["clusters.rows"], state["clusters.centroids"]
        self._moved = float(state["clusters.moved"])


def _disagreement(one: Tensor, other: Tensor) -> float:
    """The share of random pairs of rows that only one of two clusterings (R,) puts together, whatever their numbers.

    >>> _disagreement(torch.tensor([0, 0, 1, 1]), torch.tensor([5, 5, 2, 2]))
    0.0
    """
    order = torch.randperm(len(one), generator=torch.Generator().manual_seed(0))
    return float(((one == one[order]) != (other == other[order])).float().mean())
