"""Rows contrasted with candidates, block by block: the part that GIST and InfoNCE share.

A block is one kind of query (anchors or positives) against one kind of candidate (positives, anchors, negatives,
queue). It gives one log-sum-exp a row, and blocks are joined by a log-sum-exp of those, so no matrix over all
candidates exists and a block could be cut into tiles. Per block one float matrix (B, C) and one bool matrix live until
the backward pass.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from embedtune.losses._identity import KnownPositives
from embedtune.losses._vectors import has_negatives, padded_negatives, unit, valid_negatives
from embedtune.losses.base import EmbeddingBatch

# Instead of -inf, whose log-sum-exp has no gradient when a whole row is dropped; its exponential is exactly 0 beside
# any real logit.
FLOOR = -1e30

Scale = Tensor | float


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


class Block:
    """Logits of rows against candidates, and which of them are out.

    Args:
        logits: (B, C) cosines times the scale.
        dropped: (B, C) bool, True where a candidate is no negative of the row.
        known: () how many were dropped as known positives.
        rows: the row each candidate belongs to, broadcastable to (B, C); None: to no row.
        scale: what the cosines were multiplied with; no gradient runs through it here.
    """

    def __init__(self, logits: Tensor, dropped: Tensor, known: Tensor, rows: Tensor | None, scale: Scale) -> None:
        self.logits = logits
        self.dropped = dropped
        self.known = known
        self.doubted = known.new_zeros(())  # () how many negatives were taken for false ones
        self.judged = (~dropped).sum()  # () how many negatives could have been
        self._rows = rows
        self._scale = scale.detach() if isinstance(scale, Tensor) else scale
        self._added: list[Tensor] = []

    def cosines(self) -> Tensor:
        """The cosines behind the logits, without gradient: (B, C)."""
        return self.logits.detach() / self._scale

    def own(self) -> Tensor:
        """bool (B, C): True where a candidate belongs to the row itself."""
        if self._rows is None:
            return torch.zeros_like(self.dropped)
        own = self._rows == torch.arange(len(self.logits), device=self.logits.device)[:, None]
        return own.expand_as(self.dropped)

    def doubt(self, false: Tensor, weight: float) -> None:
        """Multiply the exponentials of negatives taken for false ones, bool (B, C), by a weight from 0 to 1."""
        false &= ~self.dropped
        self.doubted = false.sum()
        if weight == 0:
            self.dropped |= false
        elif weight < 1:
            self.add(math.log(weight) * false.to(self.logits.dtype))

    def add(self, values: Tensor) -> None:
        """Add values (B, C) to the logits when they are summed up."""
        self._added.append(values)

    def log_sum(self) -> Tensor:
        """Log-sum-exp of the candidates still in: (B,). Ends the use of the block: its logits are overwritten."""
        logits = self.logits
        for values in self._added:
            logits = logits + values
        return logits.masked_fill_(self.dropped, FLOOR).logsumexp(dim=1)


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

    def block(self, query: str, role: str, scale: Scale) -> Block | None:
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
            return Block(logits, dropped, dropped.sum(), against.rows, scale)
        columns = torch.arange(len(own), device=own.device)
        dropped[own, columns] = False
        known = dropped.sum()
        dropped[own, columns] = True
        return Block(logits, dropped, known, against.rows, scale)

    def own_negatives(self, scale: Scale) -> Block:
        """Each anchor against its own negatives only: logits (B, N)."""
        batch = self._batch
        negatives = unit(padded_negatives(batch))  # (B, N, D)
        queries = self.candidates["anchors"].vectors * scale  # (B, D)
        logits = (negatives @ queries[:, :, None])[:, :, 0]  # (B, N)
        dropped = ~valid_negatives(batch)  # (B, N)
        ids = batch.negative_ids
        known = torch.zeros_like(dropped) if ids is None else self._known.own_mask(ids)
        every = torch.arange(len(dropped), device=dropped.device)
        return Block(logits, dropped | known, (known & ~dropped).sum(), every[:, None], scale)


class Tally:
    """Counts over the blocks of one call, for the gauges; nothing here has a gradient.

    Args:
        positive: (B,) cosines of anchors and positives.
    """

    def __init__(self, positive: Tensor) -> None:
        self._positive = positive.detach()
        self._kept = torch.zeros_like(self._positive)  # (B,)
        self._known = self._doubted = self._judged = self._similarity = positive.new_zeros(())

    @torch.no_grad()
    def add(self, block: Block) -> None:
        """Count a block whose dropping is done."""
        self._kept = self._kept + (~block.dropped).sum(dim=1)
        self._known = self._known + block.known
        self._doubted = self._doubted + block.doubted
        self._judged = self._judged + block.judged
        self._similarity = self._similarity + block.cosines().masked_fill_(block.dropped, 0.0).sum()

    def gauges(self) -> dict[str, Tensor]:
        """`masked_share` is the share of negatives taken for false ones, whether dropped or given less weight."""
        empty = self._kept == 0
        return {
            "masked_share": self._doubted / self._judged.clamp_min(1),
            "identity_masked": self._known,
            "empty_rows": empty.sum(),
            "empty_share": empty.float().mean(),
            "negatives_per_row": self._kept.mean(),
            "positive_similarity": self._positive.mean(),
            "negative_similarity": self._similarity / self._kept.sum().clamp_min(1),
        }


def cross_entropy(positive: Tensor, log_sums: list[Tensor]) -> Tensor:
    """-ln of the positive's share among itself and the blocks' candidates: (B,).

    Exactly 0, with a gradient of exactly 0, where every block is empty.
    """
    return torch.stack([positive, *log_sums], dim=1).logsumexp(dim=1) - positive
