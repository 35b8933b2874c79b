"""byol: each view predicts the vector that a moving average (EMA) of the student gives the other."""

from collections.abc import Mapping

from torch import Tensor, nn

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.heads import Averaging, Head
from embedtune.losses.shared.views import agreement, student_views


class BYOL(Averaging):
    """Makes a small predictor guess, from one view, the vector of the other view by an exponential moving average (EMA)
    of the student.

    When to use: views of one text without negatives; more stable than simsiam, for one more forward pass; watch the
    collapse gauges.
    Needs: anchors, positives, an averaged teacher's vectors of both; further `views` if the batch has them. Cost: the
    teacher's forward pass and a predictor of two layers; no (B, B) block.

    Twice the mean over pairs of different views of |unit(predictor(z_i)) - unit(z'_j)|^2, z' the teacher's, which is
    the sum over both directions when there are two views. The teacher's projector is an EMA as well.

    Source: Grill et al. 2020, arXiv:2006.07733, equation 2, summed over both directions.
    Bounds: 0 (every prediction is right) to 8; 4 when predictions are unrelated to the targets.

    Args:
        predictor: width of the predictor's hidden layer; 0: the number of dimensions of the vectors.
        projector: width of a projector of two layers before it; 0 for none.
        seed: of the heads' initial weights.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no averaged teacher's vectors.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> apart = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.zeros(2, 4))
        >>> batch = EmbeddingBatch(anchors=torch.ones(2, 4), positives=torch.ones(2, 4), teacher=apart)
        >>> build_loss("byol")(batch).item()  # a zero vector has a cosine of 0 with every prediction
        4.0
    """

    made_for_views = True

    def __init__(self, *, predictor: int = 0, projector: int = 0, seed: int = 0) -> None:
        check = Arguments("byol")
        super().__init__(check, projector=projector, seed=seed)
        self.predictor = check.count("predictor", predictor, at_least=0)

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The predictor."""
        return {"predictor": Head([dimensions, self.predictor or dimensions, dimensions], self.seed + 1)}

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        views = self.projected(student_views(batch))  # (V, B, D)
        targets = self.targets(batch)  # (2, B, D)
        self.count(
            view_similarity=agreement(views.detach(), views.detach()),
            teacher_similarity=agreement(views.detach(), targets.detach()),
        )
        return self.of_predictions(self.heads["predictor"](views), targets, batch.weights)

    @staticmethod
    def of_predictions(predicted: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of these predictions (V, B, D) of these targets (2, B, D): ()."""
        return 4 - 4 * agreement(predicted, targets.detach(), weights)
