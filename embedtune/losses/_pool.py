"""All texts of a batch against every anchor, sorted into positives, negatives and neither: where triplets come from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from embedtune.losses._identity import KnownPositives, match
from embedtune.losses._vectors import valid_negatives
from embedtune.losses.base import EmbeddingBatch


@dataclass(frozen=True)
class Pool:
    """Scores of anchors against the batch's positives and real negatives, and what each is to the anchor."""

    scores: Tensor  # (B, C), higher is more similar
    positive: Tensor  # (B, C) bool
    negative: Tensor  # (B, C) bool

    @classmethod
    def of(cls, batch: EmbeddingBatch, known: KnownPositives, similarity: Callable[[Tensor, Tensor], Tensor]) -> "Pool":
        """The pool of a batch.

        Args:
            batch: the student's vectors, ids and labels.
            known: the known positives of its rows.
            similarity: anchors (B, D), texts (C, D) -> (B, C).
        """
        texts, ids = batch.positives, batch.positive_ids
        rows = torch.arange(len(texts), device=texts.device)
        known_columns = [known.mask(ids, len(texts))]
        if batch.negatives is not None:
            valid = valid_negatives(batch)  # (B, N)
            texts = torch.cat([texts, batch.negatives[valid]])  # (C, D)
            rows = torch.cat([rows, rows[:, None].expand_as(valid)[valid]])  # (C,)
            negative_ids = None if batch.negative_ids is None else batch.negative_ids[valid]
            known_columns.append(known.mask(negative_ids, int(valid.sum())))
        positive, negative = _sides(batch, rows)
        return cls(similarity(batch.anchors, texts), positive, negative & ~torch.cat(known_columns, dim=1))

    @property
    def rows(self) -> Tensor:
        """0 .. B-1: (B,)."""
        return torch.arange(len(self.scores), device=self.scores.device)

    def complete(self) -> Tensor:
        """Whether an anchor has a positive and a negative: bool (B,)."""
        return self.positive.any(dim=1) & self.negative.any(dim=1)

    def most(self, among: Tensor) -> Tensor:
        """The highest score of each row among the marked columns, -inf where none is: (B,)."""
        return self.scores.masked_fill(~among, -torch.inf).amax(dim=1)

    def least(self, among: Tensor) -> Tensor:
        """The lowest score of each row among the marked columns, inf where none is: (B,)."""
        return self.scores.masked_fill(~among, torch.inf).amin(dim=1)


def _sides(batch: EmbeddingBatch, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Positives and negatives bool (B, C) by row and label, for candidates that belong to these rows (C,)."""
    size, count = len(batch.anchors), len(rows)
    given = torch.arange(count, device=rows.device) >= size  # (C,)
    own = rows == torch.arange(size, device=rows.device)[:, None]  # (B, C)
    if batch.labels is None:
        positive = own & ~given
        return positive, ~positive
    same = batch.labels[:, None] == batch.labels[rows]  # (B, C)
    positive = same & ~given
    # A given negative is of another class than its row; of what class, nobody said.
    negative = torch.where(given, same, ~same)
    itself = torch.zeros_like(same)
    itself[:, :size].diagonal().copy_((batch.anchors == batch.positives).all(dim=1))
    if batch.anchor_ids is not None and batch.positive_ids is not None:
        itself[match(torch.arange(size, device=rows.device), batch.anchor_ids, batch.positive_ids)] = True
    return positive & ~itself, negative & ~itself
