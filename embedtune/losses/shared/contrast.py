"""Contrasts rows with candidates, block by block and tile by tile: shared by gist, infonce and moco.

A block is one kind of query (anchors or positives) against one kind of candidate (positives, anchors, negatives,
queue). It gives one log-sum-exp per row, and blocks are joined by a log-sum-exp of those. Within a block, masks and
weights are decided tile by tile, from ids and from the vectors of student and guide, so that there is never a matrix of
all rows by all candidates. Masks are floats, 0 or 1: on a CPU, passes over bools take ten times as long.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from embedtune.losses.shared.base import EmbeddingBatch
from embedtune.losses.shared.identity import KnownPositives
from embedtune.losses.shared.tiles import log_sum
from embedtune.losses.shared.vectors import has_negatives, padded_negatives, real_negatives, unit, valid_negatives

# Instead of -inf, whose log-sum-exp has no gradient if a full row is dropped; its exponential is exactly 0 next to any
# real logit.
FLOOR = -1e30

Scale = Tensor | float


@dataclass(frozen=True)
class RoleTexts:
    """The texts of one role."""

    vectors: Tensor  # (C, D) of length 1
    rows: Tensor | None  # (C,) the row that each belongs to, on the CPU; None: to none
    ids: Tensor | None  # (C,)


def candidates(batch: EmbeddingBatch, role: str) -> RoleTexts | None:
    """The candidates in a role: "anchors", "positives", "negatives" (without padding) or "queue"."""
    every = torch.arange(len(batch.anchors))
    if role == "anchors":
        return RoleTexts(unit(batch.anchors), every, batch.anchor_ids)
    if role == "positives":
        return RoleTexts(unit(batch.positives), every, batch.positive_ids)
    if role == "queue":
        return None if batch.queue is None else RoleTexts(unit(batch.queue), None, batch.queue_ids)
    if not has_negatives(batch):
        return None
    rows, ids = every[:, None].expand(batch.negatives.shape[:2]), batch.negative_ids  # type: ignore[union-attr]
    return RoleTexts(
        unit(real_negatives(batch, batch.negatives)),  # type: ignore[arg-type]
        real_negatives(batch, rows),
        None if ids is None else real_negatives(batch, ids),
    )


@dataclass
class Tile:
    """Logits of some rows against some candidates, and which of them are dropped."""

    logits: Tensor  # (R, C) cosines times the scale
    out: Tensor  # (R, C), 1 where a candidate is not a negative of the row
    own: tuple[Tensor, Tensor]  # rows and columns (X,) of the row's own candidates, counted within the tile
    known: Tensor  # () how many are dropped as known positives
    scale: Scale  # the factor of the cosines
    rows: slice  # of the block
    columns: slice  # of the candidates of the block
    doubted: Tensor | None = None  # (R, C), 1 where a negative counts as a false negative
    weight: float = 1.0  # of the doubted ones
    added: Tensor | None = None  # (R, C)

    def cosines(self) -> Tensor:
        """The cosines behind the logits, without gradient: (R, C)."""
        return self.logits.detach() / self.scale

    def doubt(self, false: Tensor, weight: float) -> None:
        """Multiply the exponentials of false negatives (1 in (R, C)) by a weight from 0 to 1."""
        self.doubted, self.weight = exceeds(false, self.out), weight

    def add(self, values: Tensor) -> None:
        """Add values (R, C) to the logits when they are summed up."""
        self.added = values

    def final(self) -> Tensor:
        """The logits to sum up: (R, C)."""
        logits = self.logits.add(self.out, alpha=FLOOR)
        if self.doubted is not None:
            logits = logits.add_(self.doubted, alpha=math.log(self.weight) if self.weight else FLOOR)
        return logits if self.added is None else logits.add_(self.added)

    @torch.no_grad()
    def counts(self) -> tuple[Tensor, ...]:
        """Negatives kept (R,), judged (R,), found false (R,); sum of kept cosines (), known positives ()."""
        judged = self.out.shape[1] - self.out.sum(dim=1)  # (R,)
        doubted = torch.zeros_like(judged) if self.doubted is None else self.doubted.sum(dim=1)  # (R,)
        logits = self.logits.detach()
        total = logits.sum() - (logits.flatten() @ self.out.flatten())
        if self.doubted is None or self.weight:
            return judged, judged, doubted, total / self.scale, self.known
        total = total - logits.flatten() @ self.doubted.flatten()
        return judged - doubted, judged, doubted, total / self.scale, self.known


Judge = Callable[[Tile], None]


def exceeds(values: Tensor, limit: Tensor | float) -> Tensor:
    """1 where values are above the limit, else 0, in the values' shape and dtype and without gradient."""
    return torch.gt(values, limit, out=torch.empty_like(values))


class Contrast:
    """Sums up the blocks of one batch."""

    def __init__(self, batch: EmbeddingBatch) -> None:
        self._batch = batch
        self._known = KnownPositives(batch)
        found = {role: candidates(batch, role) for role in ("anchors", "positives", "negatives", "queue")}
        self.candidates = {role: one for role, one in found.items() if one is not None and len(one.vectors)}
        self.tally = Tally(self.positive())

    def positive(self) -> Tensor:
        """Cosine of each anchor and its positive: (B,)."""
        return (self.candidates["anchors"].vectors * self.candidates["positives"].vectors).sum(dim=1)

    def log_sum(self, query: str, role: str, scale: Scale, judge: Judge) -> Tensor:
        """Log-sum-exp of the rows' queries against the candidates of a role: (B,).

        Candidates of the row itself are dropped, except an anchor's own negatives.

        Args:
            query: "anchors" or "positives".
            role: of the candidates; the batch must have some.
            scale: multiplies the cosine; 1 / temperature.
            judge: marks the false negatives of a tile, or adds to its logits.
        """
        fixed = scale.detach() if isinstance(scale, Tensor) else scale

        def edit(logits: Tensor, rows: slice, columns: slice, count: bool) -> Tensor:
            tile = self._tile(logits, query, role, fixed, rows, columns)
            judge(tile)
            if count:
                self.tally.add(tile)
            return tile.final()

        return log_sum(self.candidates[query].vectors * scale, self.candidates[role].vectors, edit)

    def _tile(self, logits: Tensor, query: str, role: str, scale: Scale, rows: slice, columns: slice) -> Tile:
        against = self.candidates[role]
        out = torch.zeros_like(logits)  # (R, C)
        if against.ids is not None:
            out[self._known.find(rows, against.ids[columns])] = 1
        if (query, role) == ("positives", "anchors") and self._batch.positive_ids is not None:
            # Here the candidate is an anchor, so known positives must also be looked up from the candidate's side.
            column, row = self._known.find(columns, self._batch.positive_ids[rows])
            out[row, column] = 1
        own = _own(against.rows, rows, columns, out)
        known = out.sum()
        if (query, role) != ("anchors", "negatives"):
            known = known - out[own].sum()
            out[own] = 1
        return Tile(logits, out, own, known, scale, rows, columns)

    def own_log_sum(self, scale: Scale, judge: Judge) -> Tensor:
        """Log-sum-exp of each anchor against only its own negatives: (B,)."""
        batch = self._batch
        negatives = unit(padded_negatives(batch))  # (B, N, D)
        queries = self.candidates["anchors"].vectors * scale  # (B, D)
        logits = (negatives @ queries[:, :, None])[:, :, 0]  # (B, N)
        valid = valid_negatives(batch)  # (B, N)
        known = torch.zeros_like(valid)
        if batch.negative_ids is not None:
            known = self._known.own_mask(batch.negative_ids).to(known.device, non_blocking=True)
        row, column = (
            one.to(valid.device, non_blocking=True) for one in torch.ones(valid.shape).nonzero(as_tuple=True)
        )
        fixed = scale.detach() if isinstance(scale, Tensor) else scale
        out = (~valid | known).to(logits)
        tile = Tile(
            logits, out, (row, column), (known & valid).sum(), fixed, slice(0, len(out)), slice(0, out.shape[1])
        )
        judge(tile)
        self.tally.add(tile)
        return tile.final().logsumexp(dim=1)


def _own(owners: Tensor | None, rows: slice, columns: slice, out: Tensor) -> tuple[Tensor, Tensor]:
    """Where candidates with these owners (C,) are in their own row of a tile: (X,), (X,), counted within it."""
    if owners is None:
        none = torch.zeros(0, dtype=torch.long, device=out.device)
        return none, none
    row = owners[columns] - rows.start
    column = ((row >= 0) & (row < len(out))).nonzero()[:, 0]
    return row[column].to(out.device, non_blocking=True), column.to(out.device, non_blocking=True)


class Tally:
    """Counts over the tiles of one call, for the gauges; nothing here has a gradient."""

    def __init__(self, positive: Tensor) -> None:
        self._positive = positive.detach()  # (B,) cosines of anchors and positives
        # Counts per row, not over all rows: these are exact in float32 for any batch.
        self._kept, self._judged, self._doubted = self._positive.new_zeros(3, len(positive))  # (B,) each
        self._similarity = self._known = self._positive.new_zeros(())

    @torch.no_grad()
    def add(self, tile: Tile) -> None:
        """Count a tile after it was judged."""
        kept, judged, doubted, similarity, known = tile.counts()
        self._kept[tile.rows] += kept
        self._judged[tile.rows] += judged
        self._doubted[tile.rows] += doubted
        self._similarity = self._similarity + similarity
        self._known = self._known + known

    def gauges(self) -> dict[str, Tensor]:
        """`masked_share` is the share of negatives found to be false, whether dropped or given less weight."""
        empty = self._kept == 0
        return {
            "masked_share": self._doubted.sum() / self._judged.sum().clamp_min(1),
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
