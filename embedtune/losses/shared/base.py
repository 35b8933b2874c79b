"""What a loss may see and what it must say about itself: the contract between training and the losses.

A loss is one file named like the loss, holding one `Loss` subclass. It sees an `EmbeddingBatch` and returns a scalar of
shape (); model, tokenizer, device and trainer stay outside, so any loss can be wrapped (gradient caching, nested
dimensions) and tested on plain tensors.

Shape letters: B pairs, N negatives per pair, D student dimensions, G guide dimensions, C candidates, V views, K queued.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedtune.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class EmbeddingBatch:
    """The vectors of one batch, before normalisation, and what is known about their texts.

    Only `anchors` and `positives` are always there. Ids are the signed int64 of `embedtune.identity.text_id`; without
    an id field, all its texts are taken to be distinct.

    Args:
        anchors: (B, D).
        positives: (B, D).
        negatives: (B, N, D), rows padded to the same N.
        negatives_mask: (B, N) bool, False where a negative is padding; None when all are real. It and ids are looked up
            on the CPU, where training leaves them; elsewhere, they are waited for.
        anchor_ids: (B,) int64.
        positive_ids: (B,) int64.
        negative_ids: (B, N) int64.
        labels: (B,) int64 classes.
        teacher_scores: (B, 1+N) scores of [positive, negatives...] by a teacher.
        weights: (B,) weight of each row in the mean.
        grades: (B,) how similar people found each pair, as a share of the highest score; NaN where nobody said.
        sources: (B,) int64, the data set that each row is from, where there are several.
        views: (V, B, D) further views of the anchors.
        teacher: the same texts as a teacher encodes them: the averaged teacher, a moving average (EMA) of the student,
            or the encoder named with --teacher, of G dimensions.
        queue: (K, D) vectors of earlier batches; queue_ids (K,) their text ids.
        known_positive_ids: (P, 2) int64, pairs (row, text id): texts known to be relevant to that row's anchor, in
            addition to its own positive.
        step: the global step, for random draws that must be the same on all ranks and in resumed runs.
        clusters: (B,) int64, the cluster that each row's texts were last assigned to.
        centroids: (K, D) of length 1, the centres of these clusters.
        guide: the same rows as the guide encodes them, (B, G) and so on; no ids.
        reference: the same rows as the student encoded them before training; no ids.
        tokens: (B, 2, L) int64, the tokens of each row's undamaged anchor and positive, -1 after the last one.
        token_vectors: (V, E), the student's input embeddings of all tokens.
        gathered: whether these are already the rows of all processes, so that a loss must not sum over processes again.
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
    grades: Tensor | None = None
    sources: Tensor | None = None
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
    """Base of every loss: what it needs and uses, readable before any model loads, and what it measured.

    These are class attributes; an instance may override them where its arguments require it.
    Subclasses take keyword-only arguments and raise `ConfigError` for a value that makes no sense. They may measure
    more than their value with `count`; one that does not gets the gauge `positive_similarity`.
    """

    needs_negatives: bool = False
    needs_guide: bool = False
    needs_labels: bool = False
    needs_teacher: bool = False
    """Teacher scores from the data."""
    learns_grades: bool = False
    """Scores of pairs from the data: it sees all scored pairs, where other losses see the most similar ones only."""
    companions: tuple[str, ...] = ()
    """What training makes for it and adds to each batch, by file of `training/companions`:
    `averaged`: an exponential moving average (EMA) of the student, whose vectors are in `batch.teacher`;
    `reference`: the vectors before training, in `batch.reference`;
    `teacher`: the vectors of the encoder named with --teacher, in `batch.teacher`;
    `clusters`: `batch.clusters` and `batch.centroids`, found in each epoch; the loss says how many in `clusters`;
    `originals`: `batch.tokens`, at most `length` of the loss per text, and `batch.token_vectors`; before training,
    `prepare_tokens(E, counts (V,))` of the loss is called."""
    uses_queue: bool = False
    made_for_views: bool = False
    """Meant for two views of the same text, so that a corpus is enough; it accepts pairs too."""
    reads_single_texts: bool = False
    """Whether it learns from each text by itself and not from the pair, so both texts of a pair may be the same."""
    pulls_pairs: bool = True
    """Whether it brings the two texts of a pair together; without such a loss, nothing is learned from pairs."""
    static_lr_share: float = 1.0
    """Share of the learning rate that suits a static encoder, where `lr` is auto: below 1 for a loss that keeps pulling
    after texts are separated well enough. From a starter on the corpus of welfare-ko, nDCG@10 on dev after 3 epochs at
    the full rate and at a quarter of it (start 0.529): barlow 0.505, 0.531; swav 0.507, 0.530; lejepa 0.442, 0.525;
    infonce 0.549, 0.545."""
    transformer_lr_times: float = 1.0
    """What multiplies the learning rate of a transformer, where `lr` is auto: above 1 for a loss that makes another
    encoder of it instead of tuning it."""
    suits_views: str = ""
    """Views to propose when it is the only loss, where these are not the usual ones."""
    trains_every_token: str = ""
    """The argument that gives every token vector a gradient at each step; empty: only tokens of the batch get one."""

    def __init__(self) -> None:
        super().__init__()
        self.gauges: dict[str, Tensor] = {}

    def prepare(self, dimensions: int) -> None:
        """Create the parameters whose shape depends on the student's dimensions D, once: before the optimizer is built,
        or at the first batch."""

    @property
    def has_heads(self) -> bool:
        """Whether it owns heads: networks that learn faster than the encoder and take vectors of full length only."""
        return False

    def averaged(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """Pairs (module that learns, its EMA), updated together with the averaged teacher."""
        return ()

    def step(self) -> None:
        """Update the state it carries from the last batch; called in training only."""

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """The loss of one batch, a scalar of shape ()."""
        raise TypeError(f"{type(self).__name__} does not implement forward")

    def __call__(self, batch: EmbeddingBatch) -> Tensor:
        """The loss of one batch, in float32 or wider; NaN when any of the student's vectors is not finite.

        Autocast is off here: a cosine in half precision, divided by a temperature of 0.01, is noise. A vector that is
        not finite may be in a masked place, where its value would go unnoticed and its gradient would not.
        """
        self.prepare(batch.anchors.shape[-1])
        self.gauges = {}
        with torch.autocast(batch.anchors.device.type, enabled=False):
            value: Tensor = super().__call__(batch)
        if not self.gauges:
            self.count(positive_similarity=_positive_similarity(batch))
        return torch.where(_finite(batch), value, torch.nan)

    def count(self, **gauges: Tensor | float) -> None:
        """Record gauges of this call, detached."""
        self.gauges = {name: torch.as_tensor(value).detach() for name, value in gauges.items()}


def missing(what: str, fields: str) -> ConfigError:
    """The error to raise where a batch lacks what a loss needs and training adds: `fields` of `EmbeddingBatch`."""
    return ConfigError(
        f"this loss needs {what}, and the batch has none",
        where="loss",
        next=f"give EmbeddingBatch({fields}); training does",
    )


@torch.no_grad()
def _positive_similarity(batch: EmbeddingBatch) -> Tensor:
    """Mean cosine of anchors and positives: ()."""
    return functional.cosine_similarity(batch.anchors.float(), batch.positives.float()).mean()


def _finite(batch: EmbeddingBatch) -> Tensor:
    """Whether all anchors, positives and real negatives are finite: bool ()."""
    finite = _finite_rows(batch.anchors).all() & _finite_rows(batch.positives).all()
    if batch.negatives is None:
        return finite
    rows = _finite_rows(batch.negatives)  # (B, N)
    if batch.negatives_mask is None:
        return finite & rows.all()
    return finite & (rows | ~batch.negatives_mask.to(rows.device, non_blocking=True)).all()


def _finite_rows(vectors: Tensor) -> Tensor:
    """Whether vectors (..., D) are finite: bool (...). Their extremes take a twentieth of the time of isfinite()."""
    return vectors.detach().amax(dim=-1).isfinite() & vectors.detach().amin(dim=-1).isfinite()
