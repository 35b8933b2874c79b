"""distill: the student orders a row's candidates as a teacher does."""

import torch
from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.distillation import divergence, own_list, teacher_list
from embedtune.losses.shared.vectors import weighted_mean


class Distill(Loss):
    """Makes the student's distribution over [positive, own negatives] that of a teacher, by KL divergence.

    When to use: data with scores of a cross-encoder or a larger model for each pair, and a few negatives per row.
    Needs: anchors, positives, negatives; teacher scores (without them, the guide's cosines if there is a guide).
    Cost: (B, 1 + N) cosines.

    KL(softmax(teacher / teacher_temperature) || softmax(cosine / temperature)), in nats, without a squared temperature
    in front. A candidate without a score (NaN) is left out; a row with fewer than two scored candidates is left out of
    the mean, and counted.

    Source: Hinton et al. 2015, arXiv:1503.02531; over candidate lists as in Ren et al. 2021, arXiv:2110.07367.
    Bounds: >= 0; 0 when both distributions are equal; ln(C) when the teacher is certain of one of C candidates and all
    cosines are equal.

    Args:
        temperature: divides the student's cosines; > 0.
        teacher_temperature: divides the teacher's scores; > 0. 1 suits logits of a cross-encoder, 0.05 suits cosines
            and probabilities; `train` takes what suits the data where it is left open.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> one = torch.ones(1, 2)
        >>> scores = torch.tensor([[100.0, 0.0]])
        >>> batch = EmbeddingBatch(anchors=one, positives=one, negatives=one[:, None], teacher_scores=scores)
        >>> round(build_loss("distill")(batch).item(), 4)  # ln(2)
        0.6931
    """

    needs_negatives = True
    needs_teacher = True

    def __init__(self, *, temperature: float = 0.05, teacher_temperature: float = 1.0) -> None:
        super().__init__()
        check = Arguments("distill")
        self.temperature = check.number("temperature", temperature, above=0)
        self.teacher_temperature = check.number("teacher_temperature", teacher_temperature, above=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        student, valid = own_list(batch)  # (B, 1+N)
        teacher, valid = teacher_list(batch, valid)  # (B, 1+N)
        counted = valid.sum(dim=1) > 1  # (B,)
        per_row = divergence(teacher / self.teacher_temperature, student / self.temperature, valid)
        with torch.no_grad():
            floor = student.masked_fill(~valid, -torch.inf), teacher.masked_fill(~valid, -torch.inf)
            agree = (floor[0].argmax(dim=1) == floor[1].argmax(dim=1)).to(student.dtype)
        self.count(
            empty_rows=(~counted).sum(),
            empty_share=(~counted).float().mean(),
            first_agrees=weighted_mean(agree, None, counted),
            positive_similarity=student[:, 0].mean(),
        )
        return weighted_mean(per_row, batch.weights, counted)
