"""sigreg: keeps the distribution of embeddings close to an isotropic Gaussian."""

import torch
from torch import Tensor

from embedtune.distributed import sum_over_ranks
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.sketch import Sketch
from embedtune.losses.shared.vectors import at_least_float32, real_negatives


class SigReg(Loss):
    """Keeps embeddings from collapsing: pulls their distribution towards an isotropic Gaussian along random directions.

    When to use: as an added term (`--loss gist --loss sigreg:0.05`; the weight is meant for about 256 pairs per batch,
    because the statistic grows with the number of embeddings), or to watch for collapse. It takes anchors, positives
    and real negatives together, as the model returns them. Needs: anchors, positives. Cost: S projections of every
    embedding.

    `scale: auto` multiplies embeddings by sqrt(D) when the model normalises them (all lengths within 1e-3 of 1); the
    gauge `scale` reports the factor. Row weights do not apply: the statistic is of all embeddings together. Under
    torch.distributed it is the statistic of all ranks' embeddings, with the gradient that averaging over ranks expects.

    Source: Balestriero and LeCun 2025, arXiv:2511.08544 (SIGReg, Epps-Pulley statistic); knots are counted on [0,
    t_max].
    Bounds: >= 0; expectation sqrt(2 pi) (1 - 1/sqrt 3) = 1.059 for N(0, I) samples of any number M; M sqrt(2 pi) (1 -
    sqrt 2 + 1/sqrt 3) = 0.409 M, with a gradient of 0, when every embedding is 0.

    Args:
        slices: S, random directions per step; drawn from (seed, step).
        knots: T, points of the integral on [0, t_max]; 2 or more.
        t_max: end of the integral; > 0.
        scale: "auto", "sqrt_dim" or "none".
        seed: of the directions; 0 or more.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> collapsed = EmbeddingBatch(anchors=torch.zeros(3, 8), positives=torch.zeros(3, 8))
        >>> round(build_loss("sigreg")(collapsed).item(), 2)  # 0.409 M, and M is 6
        2.45
    """

    pulls_pairs = False

    def __init__(
        self, *, slices: int = 256, knots: int = 17, t_max: float = 5.0, scale: str = "auto", seed: int = 0
    ) -> None:
        super().__init__()
        self.sketch = Sketch(Arguments("sigreg"), slices=slices, knots=knots, t_max=t_max, scale=scale, seed=seed)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """The statistic, of shape ()."""
        parts = [batch.anchors, batch.positives]
        if batch.negatives is not None:
            parts.append(real_negatives(batch, batch.negatives))
        embeddings = at_least_float32(torch.cat(parts))  # (M, D)
        gathered = batch.gathered
        scale = self.sketch.scale_of(embeddings, gathered=gathered)
        along = self.sketch.directions(embeddings.shape[1], batch.step)  # (D, S)
        value = self.sketch.statistic(embeddings * scale, along, gathered=gathered)
        samples = sum_over_ranks(scale.new_full((), float(len(embeddings))), gathered=gathered)
        self.count(statistic=value, statistic_per_sample=value / samples, scale=scale)
        return value

    def statistic(self, embeddings: Tensor, directions: Tensor) -> Tensor:
        """Mean over directions of the statistic of embeddings (M, D), taken as they are, without scaling: ().

        Args:
            embeddings: (M, D).
            directions: (D, S), normalized here to length 1.
        """
        return self.sketch.statistic(embeddings, directions, gathered=False)
