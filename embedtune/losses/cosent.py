"""cosent: pairs that people scored as more similar get the higher cosine."""

from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.graded import compared, graded_rows, order_loss, pair_cosines, row_weights


class Cosent(Loss):
    """Orders the cosines of all scored pairs of a batch as their scores order them.

    When to use: pairs with scores of similarity (sentence1, sentence2, score); the default for them. Only the order of
    the scores counts, so any scale will do. Add gist or infonce for search: they use the most similar pairs only.
    Needs: anchors, positives, a score for each pair. Cost: B cosines and a sort, whatever the number of comparisons.

    ln(1 + sum over i, j with score_i > score_j of exp(scale (cos_j - cos_i))).

    Source: Su 2022, https://kexue.fm/archives/8847 (CoSENT), as sentence-transformers' CoSENTLoss. Deviations: row
    weights, which multiply the exponential of both rows of a comparison; a running sum instead of the matrix of all
    comparisons.
    Bounds: >= 0; ln(1 + C) for C comparisons when all cosines are equal; 0 where no two scores differ.

    Args:
        scale: multiplies cosines; unitless, > 0.

    Raises:
        ConfigError: scale is not positive.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> same = torch.ones(2, 2)
        >>> batch = EmbeddingBatch(anchors=same, positives=same, grades=torch.tensor([1.0, 0.2]))
        >>> round(build_loss("cosent")(batch).item(), 4)  # ln(1 + 1)
        0.6931
    """

    learns_grades = True

    def __init__(self, *, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = Arguments("cosent").number("scale", scale, above=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Over all comparisons of the batch, of shape ()."""
        rows, grades = graded_rows(batch)  # (R,), (R,)
        cosines = pair_cosines(batch, rows)  # (R,)
        self.count(compared=compared(grades), positive_similarity=cosines.mean() if len(rows) else 0.0)
        return order_loss(self.scale * cosines, grades, row_weights(batch, rows, cosines))
