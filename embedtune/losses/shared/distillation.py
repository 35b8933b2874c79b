"""Lists of candidates, and the divergence of two distributions over them: shared by the losses with a teacher."""

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from embedtune.errors import ConfigError
from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.vectors import at_least_float32, padded_negatives, real_negatives, unit, valid_negatives

# Scores of the rows whose divergence over a full batch is computed at a time: 32 MiB of float32.
PART_VALUES = 2**23


def own_list(batch: EmbeddingBatch) -> tuple[Tensor, Tensor]:
    """Cosines of each anchor with its own [positive, negatives...], and which are real: (B, 1+N), bool (B, 1+N)."""
    anchors = unit(batch.anchors)  # (B, D)
    first = (anchors * unit(batch.positives)).sum(dim=1, keepdim=True)  # (B, 1)
    others = (unit(padded_negatives(batch)) @ anchors[:, :, None])[:, :, 0]  # (B, N)
    valid = valid_negatives(batch)  # (B, N)
    return torch.cat([first, others], dim=1), torch.cat([torch.ones_like(first, dtype=torch.bool), valid], dim=1)


def batch_divergence(student: EmbeddingBatch, teacher: EmbeddingBatch, scale: float, teacher_scale: float) -> Tensor:
    """Divergence over each anchor's cosines with all positives and all real negatives of the batch: (B,).

    A few rows at a time; if there are several such parts, they are computed again in the backward pass.

    Both batches are of the same texts; each scale multiplies the cosines of its batch.
    """
    queries, texts = unit(student.anchors) * scale, _texts(student)  # (B, D), (C, D)
    with torch.no_grad():
        teacher_queries, teacher_texts = unit(teacher.anchors) * teacher_scale, _texts(teacher)  # (B, G), (C, G)

    def part(queries: Tensor, texts: Tensor, teacher_queries: Tensor) -> Tensor:
        scores = queries @ texts.T  # (R, C)
        return divergence(teacher_queries @ teacher_texts.T, scores, torch.ones_like(scores, dtype=torch.bool))

    rows = max(1, PART_VALUES // len(texts))
    if len(queries) <= rows:
        return part(queries, texts, teacher_queries)
    parts = zip(queries.split(rows), teacher_queries.split(rows), strict=True)
    return torch.cat([checkpoint(part, one, texts, other, use_reentrant=False) for one, other in parts])


def _texts(batch: EmbeddingBatch) -> Tensor:
    """All positives and all real negatives, of length 1: (C, D)."""
    if batch.negatives is None:
        return unit(batch.positives)
    return torch.cat([unit(batch.positives), unit(real_negatives(batch, batch.negatives))])


def teacher_list(batch: EmbeddingBatch, valid: Tensor) -> tuple[Tensor, Tensor]:
    """The teacher's scores of each anchor's own list, and which exist: (B, 1+N), bool (B, 1+N).

    Scores from the data, or else the guide's cosines.

    `valid` (B, 1+N) says which entries of the list are real.

    Raises:
        ConfigError: there are neither, or the number of candidates differs.
    """
    scores = batch.teacher_scores
    if scores is None and batch.guide is not None:
        scores, _ = own_list(replace(batch.guide, negatives_mask=batch.negatives_mask))
    if scores is None:
        raise ConfigError(
            "this loss needs teacher scores, and the data has none",
            where="loss",
            next="give data with pos_scores and neg_scores, or a guide",
        )
    if scores.shape != valid.shape:
        raise ConfigError(
            f"teacher scores need one value per candidate: {tuple(valid.shape)}, not {tuple(scores.shape)}",
            where="loss",
        )
    valid = valid & ~scores.isnan()
    return at_least_float32(scores).detach().masked_fill(~valid, 0.0), valid


def divergence(teacher: Tensor, student: Tensor, valid: Tensor) -> Tensor:
    """KL(softmax(teacher) || softmax(student)) of each row over its valid candidates, in nats: (B,).

    No gradient reaches the teacher. Rows with fewer than two valid candidates give 0.

    Args:
        teacher: (B, C) scores, already divided by their temperature.
        student: (B, C) likewise.
        valid: bool (B, C).
    """
    # Both sides of a dropped column get the same finite floor, so that neither 0 * inf nor a row of -inf can occur.
    floor = torch.finfo(student.dtype).min / 4
    log_teacher = teacher.detach().to(student.dtype).masked_fill(~valid, floor).log_softmax(dim=1)  # (B, C)
    log_student = student.masked_fill(~valid, floor).log_softmax(dim=1)  # (B, C)
    terms = log_teacher.exp() * (log_teacher - log_student)  # (B, C)
    return terms.masked_fill(~valid, 0.0).sum(dim=1)
