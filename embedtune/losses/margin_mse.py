"""margin_mse: the student's margin between positive and negative is the teacher's."""

from torch import Tensor

from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.distillation import own_list, teacher_list
from embedtune.losses.shared.vectors import weighted_mean


class MarginMSE(Loss):
    """Makes s(a, p) - s(a, n) equal to the teacher's margin between the same texts, by squared difference.

    When to use: teacher scores on the scale of a cosine (another encoder's cosines, a cross-encoder's sigmoid); it
    preserves how much better the positive is, while distill preserves the order. For logits far outside [-1, 1] use
    distill.
    Needs: anchors, positives, negatives; teacher scores (without them, the guide's cosines if there is a guide).
    Cost: (B, 1 + N) cosines.

    Mean over given negatives that have a teacher score (NaN means none); rows without one are counted.

    Source: Hofstaetter et al. 2020, arXiv:2010.02666. Deviation: cosines instead of the paper's dot products, because
    search here uses cosines; the same for a model that normalises.
    Bounds: >= 0; 0 when all margins agree; the mean squared teacher margin when all cosines are equal.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> scores = torch.tensor([[0.9, 0.1]])
        >>> one = torch.ones(1, 2)
        >>> batch = EmbeddingBatch(anchors=one, positives=one, negatives=one[:, None], teacher_scores=scores)
        >>> round(build_loss("margin_mse")(batch).item(), 4)  # 0.8 squared
        0.64
    """

    needs_negatives = True
    needs_teacher = True

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over given negatives, of shape ()."""
        student, valid = own_list(batch)  # (B, 1+N)
        teacher, valid = teacher_list(batch, valid)  # (B, 1+N)
        counted = valid[:, 1:] & valid[:, :1]  # (B, N)
        margins = student[:, :1] - student[:, 1:]  # (B, N)
        wanted = teacher[:, :1] - teacher[:, 1:]  # (B, N)
        empty = ~counted.any(dim=1)
        self.count(
            empty_rows=empty.sum(),
            empty_share=empty.float().mean(),
            margin=weighted_mean(margins, None, counted),
            teacher_margin=weighted_mean(wanted, None, counted),
        )
        return weighted_mean((margins - wanted).square(), batch.weights, counted)
