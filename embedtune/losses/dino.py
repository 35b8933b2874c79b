"""dino: each view predicts the centred, sharpened output of a moving average (EMA) of the student for another."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.heads import Averaging, Prototypes
from embedtune.losses.shared.views import code_cross_entropy, student_views


class DINO(Averaging):
    """Makes the student describe any view by the prototypes that an exponential moving average (EMA) of itself finds in
    a full view.

    When to use: views of one text, best with several small crops besides the two large ones (`data.further_views`).
    Needs: anchors, positives, an averaged teacher's vectors of both; further `views` if the batch has them. Cost: the
    teacher's forward pass and (B, K) cosines with K prototypes per view; no (B, B) block.

    The centre, a moving average of the teacher's outputs, is subtracted from them, so that no prototype takes every
    text, and a low temperature sharpens them, so that they do not become uniform. The teacher's heads are an EMA too.

    Source: Caron et al. 2021, arXiv:2104.14294, algorithm 1. Deviation: temperatures and momentum of the centre are
    constant.
    Bounds: >= 0; ln(K) when all outputs of the student are equal.

    Args:
        prototypes: K; 2 or more.
        temperature: divides the student's outputs; > 0.
        teacher_temperature: divides the teacher's outputs; smaller sharpens more; > 0.
        centre_momentum: share of the old centre in the new one; 0 to 1.
        projector: width of a projector of two layers before the prototypes; 0 for none.
        seed: of the initial prototypes and weights.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no averaged teacher's vectors.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> apart = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.zeros(2, 4))
        >>> batch = EmbeddingBatch(anchors=torch.zeros(2, 4), positives=torch.zeros(2, 4), teacher=apart)
        >>> round(build_loss("dino", prototypes=8)(batch).item(), 4)  # ln(8)
        2.0794
    """

    made_for_views = True
    centre: Tensor

    def __init__(
        self,
        *,
        prototypes: int = 1024,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        centre_momentum: float = 0.9,
        projector: int = 0,
        seed: int = 0,
    ) -> None:
        check = Arguments("dino")
        super().__init__(check, projector=projector, seed=seed)
        self.prototypes = check.count("prototypes", prototypes, at_least=2)
        self.temperature = check.number("temperature", temperature, above=0)
        self.teacher_temperature = check.number("teacher_temperature", teacher_temperature, above=0)
        self.centre_momentum = check.number("centre_momentum", centre_momentum, at_least=0, at_most=1)
        self.register_buffer("centre", torch.zeros(self.prototypes))
        self._last: Tensor | None = None  # (K,) mean output of the teacher for the last batch

    def make_heads(self, dimensions: int) -> Mapping[str, nn.Module]:
        """The prototypes."""
        return {"prototypes": Prototypes(dimensions, self.prototypes, self.seed + 1)}

    def shared_heads(self) -> tuple[str, ...]:
        """The projector, if any, and the prototypes."""
        return (*super().shared_heads(), "prototypes")

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows and pairs of views, of shape ()."""
        outputs = self.heads["prototypes"](self.projected(student_views(batch)))  # (V, B, K)
        return self.of_outputs(outputs, self.targets(batch).to(outputs), batch.weights)

    def of_outputs(self, outputs: Tensor, teacher: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss of outputs of the student (V, B, K) and of the teacher for the first views (W, B, K): ()."""
        with torch.no_grad():
            codes = ((teacher - self.centre.to(teacher)) / self.teacher_temperature).softmax(dim=-1)  # (W, B, K)
            self._last = teacher.mean(dim=(0, 1))  # (K,)
            entropy = -torch.special.xlogy(codes, codes).sum(dim=-1).mean()
            share = codes.mean(dim=(0, 1))  # (K,)
            used = (-torch.special.xlogy(share, share).sum()).exp()
            self.count(teacher_entropy=entropy, prototypes_used=used, centre=self.centre.norm())
        return code_cross_entropy(codes, outputs / self.temperature, weights)

    def step(self) -> None:
        """Move the centre towards the teacher's mean output for the last batch."""
        if self._last is not None:
            new = self.centre_momentum * self.centre + (1 - self.centre_momentum) * self._last.to(self.centre)
            self.centre.copy_(new)
            self._last = None
