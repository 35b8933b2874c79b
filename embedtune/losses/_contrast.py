"""Rows contrasted with candidates, block by block: the part that GIST and InfoNCE share.

A block is one kind of query (anchors or positives) against one kind of candidate (positives, anchors, negatives, queue). It
gives one log-sum-exp a row, and blocks are joined by a log-sum-exp of those, so no matrix over all candidates exists and a
block could be cut into tiles. Per block one float matrix (B, C) and one bool matrix live until the backward pass.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from embedtune.losses._identity import KnownPositives
from embedtune.losses._vectors import has_negatives, padded_negatives, unit, valid_negatives
from embedtune.losses.base import EmbeddingBatch

# Instead of -inf, whose log-sum-exp has no gradient when a whole row is dropped; its exponential is exactly 0 beside any
# real logit.
FLOOR = -1e30


@dataclass(frozen=True)
class Candidates:
    """The texts of one role."""

    vectors: Tensor  # (C, D) of length 1
    rows: Tensor | None  # (C,) the row each belongs to; None: to no row
    ids: Tensor | None  # (C,)


def candidates(batch: EmbeddingBatch, role: str) -> Candidates | None:
    """The candidates that a batch has in a role: "anchors", "positives", "negatives" (padding left out) or "queue"."""
    every = torch.arange(len(batch.anchors), device=batch.anchors.device)
    if role == "anchors":
        return Candidates(unit(batch.anchors), every, batch.anchor_ids)
    if role == "positives":
        return Candidates(unit(batch.positives), every, batch.positive_ids)
    if role == "queue":
        return None if batch.queue is None else Candidates(unit(batch.queue), None, batch.queue_ids)
    if not has_negatives(batch):
        return None
    valid = valid_negatives(batch)  # (B, N)
    ids = None if batch.negative_ids is None else batch.negative_ids[valid]
    return Candidates(unit(batch.negatives[valid]), every[:, None].expand_as(valid)[valid], ids)  # type: ignore[index]


@dataclass
class Block:
    """Logits of rows against candidates, and which of them are out."""

    logits: Tensor  # (B, C)
    dropped: Tensor  # (B, C) bool
    known: Tensor  # () how many were dropped as known positives
    rows: Tensor | None  # the row each candidate belongs to, broadcastable to (B, C); None: to no row

    def own(self) -> Tensor:
        """bool (B, C): True where a candidate belongs to the row itself."""
        if self.rows is None:
            return torch.zeros_like(self.dropped)
        own = self.rows == torch.arange(len(self.logits), device=self.logits.device)[:, None]
        return own.expand_as(self.dropped)

    def log_sum(self) -> Tensor:
        """Log-sum-exp of the candidates still in: (B,)."""
        return self.logits.masked_fill_(self.dropped, FLOOR).logsumexp(dim=1)


class Contrast:
    """Makes the blocks of one batch.

    Args:
        batch: the student's vectors and ids.
    """

    def __init__(self, batch: EmbeddingBatch) -> None:
        self._batch = batch
        self._known = KnownPositives.of(batch)
        found = {role: candidates(batch, role) for role in ("anchors", "positives", "negatives", "queue")}
        self.candidates = {role: one for role, one in found.items() if one is not None and len(one.vectors)}

    def positive(self) -> Tensor:
        """Cosine of each anchor and its positive: (B,)."""
        return (self.candidates["anchors"].vectors * self.candidates["positives"].vectors).sum(dim=1)

    def block(self, query: str, role: str, scale: Tensor | float) -> Block | None:
        """The rows' queries against the candidates of a role; None when the batch has none.

        Candidates of the row itself are out, but for an anchor's own negatives.

        Args:
            query: "anchors" or "positives".
            role: whose vectors the candidates are.
            scale: multiplies the cosine; 1 / temperature.
        """
        against = self.candidates.get(role)
        if against is None:
            return None
        logits = (self.candidates[query].vectors * scale) @ against.vectors.T  # (B, C)
        dropped = self._known.mask(against.ids, len(against.vectors))  # (B, C)
        if (query, role) == ("positives", "anchors") and self._batch.positive_ids is not None:
            # Here the candidate is an anchor, so "known positive" also has to be read from the candidate's side.
            dropped |= self._known.mask(self._batch.positive_ids, len(logits)).T
        own = None if (query, role) == ("anchors", "negatives") else against.rows
        if own is None:
            return Block(logits, dropped, dropped.sum(), against.rows)
        columns = torch.arange(len(own), device=own.device)
        dropped[own, columns] = False
        known = dropped.sum()
        dropped[own, columns] = True
        return Block(logits, dropped, known, against.rows)

    def own_negatives(self, scale: Tensor | float) -> Block:
        """Each anchor against its own negatives only: logits (B, N)."""
        batch = self._batch
        negatives = unit(padded_negatives(batch))  # (B, N, D)
        queries = self.candidates["anchors"].vectors * scale  # (B, D)
        logits = (negatives @ queries[:, :, None])[:, :, 0]  # (B, N)
        dropped = ~valid_negatives(batch)  # (B, N)
        ids = batch.negative_ids
        known = torch.zeros_like(dropped) if ids is None else self._known.own_mask(ids)
        every = torch.arange(len(dropped), device=dropped.device)
        return Block(logits, dropped | known, (known & ~dropped).sum(), every[:, None])


@dataclass
class Tally:
    """Counts over the blocks of one call, for the gauges; nothing here has a gradient."""

    kept: Tensor  # (B,) candidates still in
    known: Tensor  # () pairs dropped as known positives
    similarity: Tensor  # () sum of the kept candidates' cosines
    masked: Tensor = field(default_factory=lambda: torch.zeros(()))  # () pairs that the guide judged false negatives

    @classmethod
    def start(cls, positive: Tensor) -> "Tally":
        """An empty tally for rows with these positive cosines (B,)."""
        zero = positive.new_zeros(())
        return cls(torch.zeros_like(positive), zero, zero, zero)

    @torch.no_grad()
    def add(self, block: Block, scale: Tensor | float) -> None:
        """Count a block whose dropping is done."""
        self.kept = self.kept + (~block.dropped).sum(dim=1)
        self.known = self.known + block.known
        self.similarity = self.similarity + (block.logits.masked_fill(block.dropped, 0.0).sum() / scale)

    def gauges(self) -> dict[str, Tensor]:
        """Gauges that every contrastive loss shows."""
        empty = self.kept == 0
        return {
            "identity_masked": self.known,
            "empty_rows": empty.sum(),
            "empty_share": empty.float().mean(),
            "negatives_per_row": self.kept.mean(),
            "negative_similarity": self.similarity / self.kept.sum().clamp_min(1),
        }


def cross_entropy(positive: Tensor, log_sums: list[Tensor]) -> Tensor:
    """-ln of the positive's share among itself and the blocks' candidates: (B,).

    Exactly 0, with a gradient of exactly 0, where every block is empty.
    """
    return torch.stack([positive, *log_sums], dim=1).logsumexp(dim=1) - positive
