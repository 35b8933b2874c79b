"""simsiam: each view predicts the other, which gets no gradient."""

from collections.abc import Mapping

from torch import Tensor, nn

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.heads import Head, Headed
from embedtune.losses.shared.views import agreement, student_views


class SimSiam(Headed):
    """Makes a small predictor guess each view of a text from the other, without negatives and without a teacher.

    When to use: views of one text where in-batch negatives would be false negatives; watch the collapse gauges, since
    only the predictor and the stopped gradient keep embeddings from collapsing.
    Needs: anchors, positives; further `views` if the batch has them. Cost: a predictor of two layers; no (B, B) block.

    Minus the mean cosine of predictor(z_i) and z_j, without gradient, over all pairs of different views i, j.

    Source: Chen and He 2020, arXiv:2011.10566, algorithm 1.
    Bounds: -1 (every prediction is right) to 1.

    Args:
        predictor: width of the predictor's hidden layer; 0: a quarter of the dimensions, as in the paper.
        projector: width of a projector of two layers before it; 0 for none.
        stop_gradient: false lets gradients reach the targets, which is known to collapse; for experiments.
        seed: of the heads' initial weights.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2))
        >>> -1 <= build_loss("simsiam")(batch).item() <= 1
        True
    """

    made_for_views = True

    def __init__(self, *, predictor: int = 0, projector: int = 0, stop_gradient: bool = True, seed: int = 0) -> None:
        check = Arguments("simsiam")
        super().__init__(check, projector=projector, seed=seed)
        self.predictor = check.count("predictor", predictor, at_least=0)
        self.stop_gradient = check.switch("stop_gradient", stop_gradient)

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The predictor."""
        hidden = self.predictor or max(1, dimensions // 4)
        return {"predictor": Head([dimensions, hidden, dimensions], self.seed + 1)}

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows and pairs of views, of shape ()."""
        views = self.projected(student_views(batch))  # (V, B, D)
        return self.of_predictions(self.heads["predictor"](views), views, batch.weights)

    def of_predictions(self, predicted: Tensor, views: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of these predictions (V, B, D) of these views (V, B, D): ()."""
        targets = views.detach() if self.stop_gradient else views
        self.count(view_similarity=agreement(views.detach(), views.detach()))
        return -agreement(predicted, targets, weights)
