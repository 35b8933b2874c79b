"""swav: each view predicts which prototypes the other belongs to, with equal shares for all prototypes."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.heads import Headed, Prototypes
from embedtune.losses.shared.views import code_cross_entropy, student_views


def sinkhorn(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Codes (B, K), rows that sum to 1, in which prototypes get nearly equal shares of the batch.

    Computed in logarithms, so that a small epsilon does not overflow.

    >>> sinkhorn(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), 0.05, 3)
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])

    Args:
        scores: (B, K).
        epsilon: divides them; smaller makes codes sharper.
        iterations: how often columns and rows are normalised in turn.
    """
    codes = scores / epsilon  # (B, K)
    for _ in range(iterations):
        codes = codes - codes.logsumexp(dim=0, keepdim=True)
        codes = codes - codes.logsumexp(dim=1, keepdim=True)
    return codes.exp()


class SwAV(Headed):
    """Assigns texts to prototypes, evenly, and makes each view predict the assignment of the other.

    When to use: views of one text in a corpus with topics; no negatives, so texts of one topic are not pushed apart.
    Needs: anchors, positives; further `views` if the batch has them. Cost: (B, K) cosines with K prototypes per view;
    no (B, B) block.

    Codes come from Sinkhorn's iterations over the batch (of all processes: training gathers it) and, with a queue, over
    the queued texts too; they get no gradient. Further views predict the codes of the two full ones.

    Source: Caron et al. 2020, arXiv:2006.09882, equations 2 and 5.
    Bounds: >= 0; ln(K) when all cosines with the prototypes are equal.

    Args:
        prototypes: K; 2 or more. A few times the number of topics, at most the size of batch and queue together.
        temperature: divides cosines; > 0.
        epsilon: divides cosines before Sinkhorn's iterations; > 0.
        iterations: of Sinkhorn; 1 or more.
        projector: width of a projector of two layers before the prototypes; 0 for none.
        seed: of the initial prototypes and weights.

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> batch = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.zeros(2, 4))
        >>> round(build_loss("swav", prototypes=8)(batch).item(), 4)  # ln(8): a zero vector suits no prototype more
        2.0794
    """

    uses_queue = True
    made_for_views = True
    static_lr_share = 0.25

    def __init__(
        self,
        *,
        prototypes: int = 256,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
        projector: int = 0,
        seed: int = 0,
    ) -> None:
        check = Arguments("swav")
        super().__init__(check, projector=projector, seed=seed)
        self.prototypes = check.count("prototypes", prototypes, at_least=2)
        self.temperature = check.number("temperature", temperature, above=0)
        self.epsilon = check.number("epsilon", epsilon, above=0)
        self.iterations = check.count("iterations", iterations, at_least=1)

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The prototypes."""
        return {"prototypes": Prototypes(dimensions, self.prototypes, self.seed + 1)}

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows and pairs of views, of shape ()."""
        scores = self.heads["prototypes"](self.projected(student_views(batch)))  # (V, B, K)
        queued = None
        if batch.queue is not None:
            with torch.no_grad():
                queued = self.heads["prototypes"](self.projected(batch.queue.to(batch.anchors)))  # (Q, K)
                queued = queued.expand(2, -1, -1)  # (2, Q, K)
        return self.of_scores(scores, queued, batch.weights)

    def of_scores(self, scores: Tensor, queued: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
        """The loss of cosines with the prototypes.

        Args:
            scores: (V, B, K), the two full views first.
            queued: (2, Q, K), of the texts that are assigned together with each full view.
            weights: (B,) of the rows, or None.
        """
        with torch.no_grad():
            whole = scores[:2] if queued is None else torch.cat([scores[:2], queued.to(scores)], dim=1)
            codes = torch.stack([sinkhorn(one, self.epsilon, self.iterations) for one in whole])  # (2, B+Q, K)
            codes = codes[:, : scores.shape[1]]  # (2, B, K)
            share = codes.mean(dim=(0, 1))  # (K,)
            self.count(
                prototypes_used=(-torch.special.xlogy(share, share).sum()).exp(),
                same_prototype=(scores[0].argmax(dim=1) == scores[1].argmax(dim=1)).float().mean(),
            )
        return code_cross_entropy(codes, scores / self.temperature, weights)
