"""barlow: dimensions agree between views, and do not repeat each other."""

import torch
from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.heads import Headed, standardised


class Barlow(Headed):
    """Makes each dimension agree between two views of a text and no dimension repeat another.

    When to use: views of one text without negatives or teacher, with batches several times larger than the number of
    dimensions; as an added term, against embeddings that use few of their dimensions.
    Needs: anchors, positives. Cost: one (D, D) matrix; no (B, B) block.

    With C the correlation, over the batch, of the dimensions of anchors with those of positives: the sum of
    (1 - C_ii)^2 plus `redundancy` times the sum of C_ij^2, i != j. Row weights do not apply: a correlation is a
    property of the full batch (of all processes: training gathers it first).

    Source: Zbontar et al. 2021, arXiv:2103.03230, equations 1 and 2, with 1e-5 added to variances.
    Bounds: >= 0; 0 when views agree and dimensions are uncorrelated; D, the number of dimensions, when every embedding
    is the same.

    Args:
        redundancy: lambda, weight of the correlations between dimensions; >= 0.
        projector: width of a projector of two layers before it; 0 for none.
        seed: of the projector's initial weights.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> same = EmbeddingBatch(anchors=torch.ones(4, 3), positives=torch.ones(4, 3))
        >>> build_loss("barlow")(same).item()  # D
        3.0
    """

    made_for_views = True
    static_lr_share = 0.25

    def __init__(self, *, redundancy: float = 0.005, projector: int = 0, seed: int = 0) -> None:
        check = Arguments("barlow")
        super().__init__(check, projector=projector, seed=seed)
        self.redundancy = check.number("redundancy", redundancy, at_least=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """The loss of the batch, of shape ()."""
        views = self.projected(torch.stack([batch.anchors, batch.positives]))  # (2, B, D)
        anchors, positives = standardised(views)  # (B, D), (B, D)
        correlation = anchors.T @ positives / len(anchors)  # (D, D)
        own = correlation.diagonal()  # (D,)
        invariance = (1 - own).square().sum()
        redundancy = correlation.square().sum() - own.square().sum()
        self.count(invariance=invariance, redundancy=redundancy, correlation=own.mean())
        return invariance + self.redundancy * redundancy
