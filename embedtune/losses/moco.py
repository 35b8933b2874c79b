"""moco: InfoNCE against an averaged teacher's vectors and a long queue of them."""

from dataclasses import replace

from torch import Tensor

from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.contrast import Contrast, Tile, cross_entropy
from embedtune.losses.shared.heads import teacher_views
from embedtune.losses.shared.vectors import weighted_mean


class MoCo(Loss):
    """Tells the teacher's vector of a text's other view from those of other texts, of this batch and of a long queue.

    When to use: views of one text when the batch is small for contrast; `--queue` adds the last batches, a tenth of the
    texts or so: one as long as the corpus lost what 1,024 of 9,545 kept.
    Needs: anchors, positives, an averaged teacher's vectors of both. Cost: the teacher's forward pass; time for one
    block (B, B + K) of cosines.

    The queue holds the teacher's positives of past steps, consistent with each other because the teacher moves slowly.
    Known positives and equal texts are never negatives. Given negatives are not used.

    Source: He et al. 2019, arXiv:1911.05722, equation 1; keys of the batch as candidates: Chen et al. 2021,
    arXiv:2104.02057.
    Bounds: >= 0; ln(C) when all C similarities are equal; 0 for a row without candidates, which is counted.

    Args:
        temperature: divides cosines; unitless, > 0.
        in_batch: false: contrast with the queue only, as the first MoCo does.

    Raises:
        ConfigError: a value out of its range; by a call, the batch has no averaged teacher's vectors.
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
        log_sums = [contrast.log_sum("anchors", role, 1 / self.temperature, _keep) for role in roles]
        rows = cross_entropy(contrast.positive() / self.temperature, log_sums)  # (B,)
        self.count(**contrast.tally.gauges())
        return weighted_mean(rows, batch.weights)


def _keep(tile: Tile) -> None:
    """Nothing is taken for a false negative."""
