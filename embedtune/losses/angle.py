"""angle: orders scored pairs by the angle between complex numbers, which does not saturate as the cosine does."""

import torch
from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.graded import compared, graded_rows, order_loss, pair_cosines, row_weights
from embedtune.losses.shared.vectors import unit


class Angle(Loss):
    """Orders scored pairs as their scores do, by the angle between their vectors as complex numbers.

    When to use: as an added term with a small weight, next to cosent, where most cosines are close to 1 or -1.
    Needs: anchors, positives, a score for each pair. Cost: a few passes over B vectors and a sort.

    The first half of a vector holds real parts and the second half imaginary ones; an odd number of components gets one
    more, 0. A pair's similarity is the magnitude of the real plus the imaginary part of the vectors' quotient: the
    cosine plus a sine.

    Source: Li and Li 2023, arXiv:2309.12871, equations 5 to 7, as the authors' code and sentence-transformers'
    AnglELoss compute it.
    Bounds: >= 0; ln(1 + C) for C comparisons when all similarities are equal; 0 where no two scores differ.

    Args:
        scale: multiplies the similarities; unitless, > 0.

    Raises:
        ConfigError: scale is not positive.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> same = torch.ones(3, 2)
        >>> batch = EmbeddingBatch(anchors=same, positives=same, grades=torch.tensor([1.0, 0.5, 0.0]))
        >>> round(build_loss("angle")(batch).item(), 4)  # ln(1 + 3)
        1.3863
    """

    learns_grades = True

    def __init__(self, *, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = Arguments("angle").number("scale", scale, above=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Over all comparisons of the batch, of shape ()."""
        rows, grades = graded_rows(batch)  # (R,), (R,)
        similarities = angles(batch.anchors[rows], batch.positives[rows])  # (R,)
        cosines = pair_cosines(batch, rows)  # (R,)
        self.count(compared=compared(grades), positive_similarity=cosines.mean() if len(rows) else 0.0)
        return order_loss(self.scale * similarities, grades, row_weights(batch, rows, similarities))


def angles(first: Tensor, second: Tensor) -> Tensor:
    """Magnitude of the real plus the imaginary part of first / second as complex vectors of length 1 (R, D): (R,)."""
    one, other = _complex(first), _complex(second)  # (2, R, D/2) each
    real = (one * other).sum(dim=(0, 2))  # (R,)
    imaginary = (one[1] * other[0] - one[0] * other[1]).sum(dim=1)  # (R,)
    return (real + imaginary).abs()


def _complex(vectors: Tensor) -> Tensor:
    """Real and imaginary parts of vectors (R, D), scaled to length 1: (2, R, D/2)."""
    padded = torch.nn.functional.pad(unit(vectors), (0, vectors.shape[1] % 2))
    return torch.stack(padded.chunk(2, dim=1))
