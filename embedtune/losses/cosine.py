"""cosine: the cosine of a pair is the score that people gave it."""

from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.graded import graded_rows, pair_cosines
from embedtune.losses.shared.vectors import weighted_mean


class Cosine(Loss):
    """Makes the cosine of each scored pair equal to its share of the highest score, by squared difference.

    When to use: scored pairs whose cosines are to be read as scores afterwards, by a threshold; cosent usually orders
    pairs better.
    Needs: anchors, positives, a score for each pair. Cost: B cosines.

    Source: Reimers and Gurevych 2019, arXiv:1908.10084, the regression objective, as sentence-transformers'
    CosineSimilarityLoss.
    Bounds: >= 0; 0 when every cosine is its target; the mean squared target when all cosines are 0.

    Args:
        scale: the cosine that the highest score stands for; > 0 to 1.

    Raises:
        ConfigError: scale is out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2), grades=torch.tensor([1.0, 0.5]))
        >>> build_loss("cosine")(batch).item()  # (0 + 0.25) / 2
        0.125
    """

    learns_grades = True

    def __init__(self, *, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = Arguments("cosine").number("scale", scale, above=0, at_most=1)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over scored pairs, of shape ()."""
        rows, grades = graded_rows(batch)  # (R,), (R,)
        cosines = pair_cosines(batch, rows)  # (R,)
        weights = None if batch.weights is None else batch.weights[rows]
        self.count(positive_similarity=cosines.mean() if len(rows) else 0.0)
        return weighted_mean((cosines - self.scale * grades.to(cosines.dtype)).square(), weights)
