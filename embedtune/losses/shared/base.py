"""What a loss may see and what it must say about itself: the contract between training and every file beside this one.

A loss is one file named like the loss, holding one `Loss` subclass. It sees an `EmbeddingBatch` and returns a scalar of
shape (); model, tokenizer, device and trainer stay outside, so any loss can be wrapped (gradient caching, nested
dimensions) and tested on plain tensors.

Shape letters: B pairs, N negatives per pair, D student dimensions, G guide dimensions, C candidates, V views, K queued.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class EmbeddingBatch:
    """The vectors of one batch, before normalisation, and what is known about their texts.

    Ids are the signed int64 of `embedtune.identity.text_id`. A missing id field means that all texts are distinct.

    Args:
        anchors: (B, D).
        positives: (B, D).
        negatives: (B, N, D), rows padded to the same N.
        negatives_mask: (B, N) bool, False where a negative is padding; None when all are real.
        anchor_ids: (B,) int64.
        positive_ids: (B,) int64.
        negative_ids: (B, N) int64.
        labels: (B,) int64 classes.
        teacher_scores: (B, 1+N) scores of [positive, negatives...] by a teacher.
        weights: (B,) weight of each row in the mean.
        views: (V, B, D) further views of the anchors.
        teacher: the same texts as an averaged teacher sees them.
        queue: (K, D) vectors of earlier batches; queue_ids (K,) their text ids.
        known_positive_ids: (P, 2) int64, pairs (row, text id): texts known to be relevant to that row's anchor
            beside its own positive.
        step: the global step, for draws that must agree over ranks and resumed runs.
        clusters: (B,) int64, the cluster that each row's texts were last found in.
        centroids: (K, D) of length 1, the middles of these clusters.
        guide: the same rows as the guide sees them, (B, G) and so on; no ids.
        reference: the same rows as the student saw them before training; no ids.
        tokens: (B, 2, L) int64, the tokens of each row's undamaged anchor and positive, -1 after the last one.
        token_vectors: (V, E), the student's own vectors of its tokens, before anything is made of them.
        gathered: these are the rows of all processes, so that a loss that sums over processes must not do so again.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor | None = None
    negatives_mask: Tensor | None = None
    anchor_ids: Tensor | None = None
    positive_ids: Tensor | None = None
    negative_ids: Tensor | None = None
    labels: Tensor | None = None
    teacher_scores: Tensor | None = None
    weights: Tensor | None = None
    views: Tensor | None = None
    teacher: "EmbeddingBatch | None" = None
    queue: Tensor | None = None
    queue_ids: Tensor | None = None
    known_positive_ids: Tensor | None = None
    step: int = 0
    clusters: Tensor | None = None
    centroids: Tensor | None = None
    guide: "EmbeddingBatch | None" = None
    reference: "EmbeddingBatch | None" = None
    tokens: Tensor | None = None
    token_vectors: Tensor | None = None
    gathered: bool = False


class Loss(nn.Module):
    """Base of every loss: what it needs and uses, readable before any model loads, and what it counted.

    These are class attributes; an instance may differ from its class, where its arguments ask for it.
    Subclasses take keyword-only arguments, raise `ConfigError` for a value that makes no sense, and fill `self.gauges`
    (name -> detached scalar) on each call.
    """

    needs_negatives: bool = False
    needs_guide: bool = False
    needs_labels: bool = False
    needs_teacher: bool = False
    needs_averaged_teacher: bool = False
    needs_reference: bool = False
    needs_clusters: bool = False
    needs_tokens: bool = False
    """Writes texts: the one loss that sees more of them than vectors."""
    uses_queue: bool = False
    made_for_views: bool = False
    """Meant for two views of the same text, so that a corpus is enough; it takes pairs too."""
    static_lr_share: float = 1.0
    """Of the rate that suits a static encoder, where `lr` is auto: less for a loss that goes on pulling when texts are
    told apart well enough. From a starter on the corpus of welfare-ko, nDCG@10 on dev after 3 epochs at the whole rate
    and at a quarter of it (start 0.529): barlow 0.505, 0.531; swav 0.507, 0.530; lejepa 0.442, 0.525; infonce 0.549,
    0.545."""
    suits_views: str = ""
    """Views to propose where it is the only loss, if others suit it than suit most."""

    def __init__(self) -> None:
        super().__init__()
        self.gauges: dict[str, Tensor] = {}

    def prepare(self, dimensions: int) -> None:
        """Make the parameters whose shape depends on the student's dimensions D, once; called before the optimizer is
        built, or else by the first batch."""

    def averaged(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """Pairs (module that learns, its moving average), to be averaged as the averaged teacher is."""
        return ()

    def step(self) -> None:
        """Take what it keeps of the batch whose loss was computed last, in training only."""

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """The loss of one batch, a scalar of shape ()."""
        raise TypeError(f"{type(self).__name__} does not say how to compute itself")

    def __call__(self, batch: EmbeddingBatch) -> Tensor:
        """The loss of one batch, in float32 or wider; NaN when any of the student's vectors is not finite.

        Autocast is off in here: half precision of a cosine, divided by a temperature of 0.01, is noise. A vector that
        is not finite may sit in a masked place, where its value would go unseen and its gradient would not.
        """
        self.prepare(batch.anchors.shape[-1])
        with torch.autocast(batch.anchors.device.type, enabled=False):
            value: Tensor = super().__call__(batch)
        return torch.where(_finite(batch), value, torch.nan)

    def count(self, **gauges: Tensor | float) -> None:
        """Record gauges of this call, detached."""
        self.gauges = {name: torch.as_tensor(value).detach() for name, value in gauges.items()}


def _finite(batch: EmbeddingBatch) -> Tensor:
    """Whether all anchors, positives and real negatives are finite: bool ()."""
    finite = _finite_rows(batch.anchors).all() & _finite_rows(batch.positives).all()
    if batch.negatives is None:
        return finite
    rows = _finite_rows(batch.negatives)  # (B, N)
    return finite & (rows if batch.negatives_mask is None else rows | ~batch.negatives_mask).all()


def _finite_rows(vectors: Tensor) -> Tensor:
    """Whether vectors (..., D) are finite: bool (...). The extremes take a twentieth of the time of isfinite()."""
    return vectors.detach().amax(dim=-1).isfinite() & vectors.detach().amin(dim=-1).isfinite()
