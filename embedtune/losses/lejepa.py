"""lejepa: agreement of views, and Gaussian embeddings so that agreement cannot collapse."""

import torch
from torch import Tensor

from embedtune.distributed import sum_over_ranks
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.sketch import Sketch
from embedtune.losses.shared.vectors import at_least_float32
from embedtune.losses.shared.views import student_views


class LeJEPA(Loss):
    """Pulls the views of a text together while keeping the embeddings of each view close to an isotropic Gaussian.

    When to use: symmetric pairs (paraphrases, two views of one text) without negatives, temperature or teacher; for
    retrieval, as an added term, because contrastive losses are stronger there: alone, no weight that was tried improved
    a starter on crops. Given negatives are not used.
    Needs: anchors, positives; further `views` if the batch has them. Cost: S projections of every embedding; no (B, B)
    block.

    (1 - weight) * invariance + weight * sigreg. Invariance is the mean squared distance, per dimension, of every view
    to the mean of anchor and positive (the two full texts; further views are parts of them). sigreg is the mean over
    views of each view's statistic. Both are computed after the scaling described at sigreg, so that their balance does
    not depend on whether the model normalises, and under torch.distributed over the rows of all ranks.

    Source: Balestriero and LeCun 2025, arXiv:2511.08544.
    Bounds: >= 0; 0.409 B weight when every embedding is 0; about 1.059 weight when all views agree on N(0, I) samples.

    Args:
        weight: lambda, the share of sigreg; 0 to 1.
        slices: S, random directions per step; drawn from (seed, step).
        knots: T, points of the integral on [0, t_max]; 2 or more.
        t_max: end of the integral; > 0.
        scale: "auto" (sqrt(D) when the model normalises), "sqrt_dim" or "none".
        seed: of the directions; 0 or more.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> batch = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.ones(2, 4))
        >>> build_loss("lejepa", weight=0.0)(batch).item()  # each view is 0.5 from their mean in every dimension
        0.25
    """

    made_for_views = True
    static_lr_share = 0.25

    def __init__(
        self,
        *,
        weight: float = 0.05,
        slices: int = 256,
        knots: int = 17,
        t_max: float = 5.0,
        scale: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check = Arguments("lejepa")
        self.weight = check.number("weight", weight, at_least=0, at_most=1)
        self.sketch = Sketch(check, slices=slices, knots=knots, t_max=t_max, scale=scale, seed=seed)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows and views, of shape ()."""
        return self.with_directions(batch, self.sketch.directions(batch.anchors.shape[1], batch.step))

    def with_directions(self, batch: EmbeddingBatch, directions: Tensor) -> Tensor:
        """The loss with these directions (D, S) instead of the step's own: ()."""
        views = at_least_float32(student_views(batch))  # (V, B, D)
        gathered = batch.gathered
        scale = self.sketch.scale_of(views.flatten(0, 1), gathered=gathered)
        views = views * scale
        distances = (views - views[:2].mean(dim=0)).square().mean(dim=(0, 2))  # (B,)
        shares = torch.ones_like(distances) if batch.weights is None else batch.weights.to(distances)  # (B,)
        total = sum_over_ranks(shares.sum(), gathered=gathered)
        summed = sum_over_ranks((shares * distances).sum(), gathered=gathered)
        invariance = summed / torch.where(total != 0, total, 1.0)
        sketches = [self.sketch.statistic(view, directions, gathered=gathered) for view in views]
        sigreg = torch.stack(sketches).mean()
        self.count(invariance=invariance, sigreg=sigreg, scale=scale)
        return (1 - self.weight) * invariance + self.weight * sigreg
