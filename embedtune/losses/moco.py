"""moco: InfoNCE against the vectors of a moving average (EMA) of the student, and a long queue of them."""

from dataclasses import replace

from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.contrast import Contrast, cross_entropy
from embedtune.losses.shared.vectors import weighted_mean
from embedtune.losses.shared.views import teacher_views


class MoCo(Loss):
    """Tells the averaged teacher's vector of a text's other view from those of other texts, in this batch and in a long
    queue.

    When to use: views of one text when the batch is too small for contrast; `--queue` adds the last batches, about a
    tenth of the texts: a queue as long as the corpus lost the gain that one of 1,024 (of 9,545 texts) kept.
    Needs: anchors, positives, an averaged teacher's vectors of both. Cost: the teacher's forward pass; time for one
    block (B, B + K) of cosines.

    The teacher is an exponential moving average (EMA) of the student. The queue holds its positives of past steps,
    which are consistent with each other because it changes slowly. Known positives and equal texts are never negatives.
    Given negatives are not used.

    Source: He et al. 2019, arXiv:1911.05722, equation 1; keys of the batch as candidates: Chen et al. 2021,
    arXiv:2104.02057.
    Bounds: >= 0; ln(C) when all C similarities are equal; 0 for a row without candidates, which is counted.

    Args:
        temperature: divides cosines; unitless, > 0.
        in_batch: false: contrast with the queue only, as the first MoCo does.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no averaged teacher's vectors.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> teacher = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2))
        >>> batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2), teacher=teacher)
        >>> round(build_loss("moco", temperature=1.0)(batch).item(), 4)  # ln(1 + 1 / e)
        0.3133
    """

    companions = ("averaged",)
    uses_queue = True
    made_for_views = True

    def __init__(self, *, temperature: float = 0.05, in_batch: bool = True) -> None:
        super().__init__()
        check = Arguments("moco")
        self.temperature = check.number("temperature", temperature, above=0)
        self.in_batch = check.switch("in_batch", in_batch)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        keys = teacher_views(batch)[1].to(batch.anchors)  # (B, D)
        contrast = Contrast(replace(batch, positives=keys, negatives=None, negatives_mask=None, negative_ids=None))
        roles = [role for role in ("positives", "queue") if role in contrast.candidates]
        roles = roles if self.in_batch else [role for role in roles if role == "queue"]
        log_sums = [contrast.log_sum("anchors", role, 1 / self.temperature, lambda tile: None) for role in roles]
        rows = cross_entropy(contrast.positive() / self.temperature, log_sums)  # (B,)
        self.count(**contrast.tally.gauges())
        return weighted_mean(rows, batch.weights)
