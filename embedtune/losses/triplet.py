"""triplet: a positive must be closer than a negative by a margin."""

import torch
from torch import Tensor
from torch.nn import functional

from embedtune.errors import ConfigError
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.identity import KnownPositives
from embedtune.losses.shared.pool import Pool, summed
from embedtune.losses.shared.vectors import (
    at_least_float32,
    has_negatives,
    padded_negatives,
    unit,
    weighted_mean,
)

MINING = ("given", "hard", "semi_hard", "all", "ranking")
DEFAULT_MARGIN = {"cosine": 0.3, "euclidean": 1.0}
# For each triplet: its row, and either the similarities or the columns of its positive and its negative: (X,) each.
Triplets = tuple[Tensor, Tensor, Tensor]


class Triplet(Loss):
    """Asks that each anchor be more similar to its positive than to a negative, by a margin.

    When to use: curated triplets (`given`), or labelled texts where all texts of a class are positives of each other
    (`hard`, `semi_hard`, `all`, `ranking`); for pairs, infonce or gist learn more from the same batch.
    Needs: anchors, positives; labels for `ranking`. Cost: (B, N) cosines for `given`, time for one block (B, B +
    B N) for the others, one such row per positive pair of a class for `semi_hard` and `all`; memory for a part of it.

    Similarity s is the cosine, or minus the Euclidean distance of the unnormalised vectors. The terms max(0, margin +
    s(a,n) - s(a,p)) are averaged over the triplets of:
    `given`: each anchor's own negatives;
    `hard`: the least similar positive and the most similar negative of each anchor;
    `semi_hard`: each positive with the most similar negative that is LESS similar than it, or, if there is none, with
    the least similar negative;
    `all`: every triplet, averaged over those above 0;
    `ranking`: the most similar text of the anchor's class and the most similar one of another class.
    Positives and negatives come from the batch. Without labels, the anchor's own positive is its only positive, and
    other rows' positives and all given negatives are its negatives. With labels, the positives of its class are its
    positives; the positives of other classes, and the negatives given to rows of its class, are its negatives. The
    anchor itself (the same text, or exactly the same vector) is neither; a known positive is never a negative. Anchors
    without a triplet are counted and left out of the mean, which is 0 if there is no triplet at all.

    Source: Schroff et al. 2015, arXiv:1503.03832 (semi-hard); Hermans et al. 2017, arXiv:1703.07737 (hard, all, soft
    margin).
    Bounds: >= 0; 0 when every triplet holds by the margin; the margin when all similarities are equal (ln 2 with
    soft_margin).

    Args:
        margin: in units of the similarity, 0 or more; None: 0.3 for cosine, 1.0 for euclidean, 0 with soft_margin.
        mining: one of the above; None: given if the batch has negatives, else all (on pairs with false negatives, hard
            ended far below it; see the benchmarks).
        soft_margin: ln(1 + exp(.)) instead of max(0, .).
        distance: "cosine" or "euclidean".

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> same = EmbeddingBatch(anchors=torch.ones(2, 2), positives=torch.ones(2, 2))
        >>> round(build_loss("triplet", margin=0.3)(same).item(), 4)  # the margin, since all similarities are equal
        0.3
    """

    def __init__(
        self,
        *,
        margin: float | None = None,
        mining: str | None = None,
        soft_margin: bool = False,
        distance: str = "cosine",
    ) -> None:
        super().__init__()
        check = Arguments("triplet")
        self.distance = check.choice("distance", distance, tuple(DEFAULT_MARGIN))
        self.mining = None if mining is None else check.choice("mining", mining, MINING)
        self.needs_negatives, self.needs_labels = self.mining == "given", self.mining == "ranking"
        self.soft_margin = check.switch("soft_margin", soft_margin)
        default = 0.0 if self.soft_margin else DEFAULT_MARGIN[self.distance]
        self.margin = check.number("margin", default if margin is None else margin, at_least=0)

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over triplets, of shape ()."""
        mining = self.mining or ("given" if has_negatives(batch) else "all")
        self._check(batch, mining)
        if mining == "all":
            return self._all(batch)
        rows, positive, negative = self._given(batch) if mining == "given" else self._mined(batch, mining)
        gap = negative - positive + self.margin  # (X,)
        empty = torch.ones(len(batch.anchors), dtype=torch.bool, device=gap.device)
        empty[rows] = False
        self._count(empty, len(gap), torch.stack([(gap > 0).sum().to(gap), positive.sum(), negative.sum()]))
        return weighted_mean(self._terms(gap), None if batch.weights is None else batch.weights[rows])

    def _check(self, batch: EmbeddingBatch, mining: str) -> None:
        where = "loss.triplet.args.mining"
        if mining == "given" and not has_negatives(batch):
            raise ConfigError(
                "mining: given needs negatives and the data has none", where=where, next="use mining: all"
            )
        if mining == "ranking" and batch.labels is None:
            raise ConfigError("mining: ranking needs labels and the data has none", where=where, next="use mining: all")

    def _terms(self, gap: Tensor) -> Tensor:
        return functional.softplus(gap) if self.soft_margin else functional.relu(gap)

    def _count(self, empty: Tensor, triplets: Tensor | int, totals: Tensor) -> None:
        """Gauges, from rows without a triplet (B,), the number of triplets, and totals (3,): above 0, similarities."""
        active, positive, negative = totals / torch.as_tensor(triplets).clamp_min(1)
        self.count(
            active_share=active,
            empty_rows=empty.sum(),
            empty_share=empty.float().mean(),
            positive_similarity=positive,
            negative_similarity=negative,
        )

    def _scaled(self, vectors: Tensor) -> Tensor:
        return unit(vectors) if self.distance == "cosine" else at_least_float32(vectors)

    def _against(self, anchors: Tensor, texts: Tensor) -> Tensor:
        """Similarities of each anchor (R, D) and each text (C, D), both from `_scaled`: (R, C)."""
        if self.distance == "cosine":
            return anchors @ texts.T
        # The exact mode: by a matrix product, distances of near duplicates would lose all their digits.
        return -torch.cdist(anchors, texts, compute_mode="donot_use_mm_for_euclid_dist")

    def _pairwise(self, anchors: Tensor, texts: Tensor) -> Tensor:
        """Similarities of anchors (X, D) and texts (X, D), pair by pair, both from `_scaled`: (X,)."""
        if self.distance == "cosine":
            return (anchors * texts).sum(dim=-1)
        return -torch.linalg.vector_norm(texts - anchors, dim=-1)

    def _given(self, batch: EmbeddingBatch) -> Triplets:
        places = self._places(batch)  # (X,) of negatives, row by row
        anchors = self._scaled(batch.anchors)
        positive = self._pairwise(anchors, self._scaled(batch.positives))  # (B,)
        negative = self._pairwise(anchors[:, None], self._scaled(padded_negatives(batch)))  # (B, N)
        rows = places // negative.shape[1]  # (X,)
        return rows, positive.index_select(0, rows), negative.flatten().index_select(0, places)

    def _places(self, batch: EmbeddingBatch) -> Tensor:
        """Where the negatives (B, N) are real and no known positives, as places in all of them: (X,)."""
        mask = batch.negatives_mask
        size = batch.negatives.shape[:2]  # type: ignore[union-attr]
        valid = torch.ones(size, dtype=torch.bool) if mask is None else mask.cpu()  # as with ids: see `KnownPositives`
        if batch.negative_ids is not None:
            valid = valid & ~KnownPositives(batch).own_mask(batch.negative_ids)
        return valid.flatten().nonzero()[:, 0].to(batch.anchors.device, non_blocking=True)

    def _mined(self, batch: EmbeddingBatch, mining: str) -> Triplets:
        """Triplets, found without a gradient, and their similarities, with one."""
        pool = Pool(batch)
        anchors, texts = self._scaled(batch.anchors), self._scaled(pool.texts)  # (B, D), (C, D)
        found = [torch.zeros(0, dtype=torch.long, device=anchors.device)] * 3  # 3 of (X,)
        with torch.no_grad():
            for block in pool.blocks(of_pairs=mining == "semi_hard"):
                more = self._found(pool, block, self._against(anchors[block], texts), mining)
                found = [torch.cat(both) for both in zip(found, more, strict=True)]
        rows, *columns = found
        of = functional.embedding(rows, anchors)  # (X, D)
        positive, negative = (self._pairwise(of, functional.embedding(one, texts)) for one in columns)
        return rows, positive, negative

    def _found(self, pool: Pool, block: slice, scores: Tensor, mining: str) -> Triplets:
        """Row, positive and negative of each triplet in a block with these scores (R, C)."""
        positive, negative = pool.sides(block)
        positive &= negative.any(dim=1, keepdim=True)
        if mining == "semi_hard":
            row, own = positive.nonzero(as_tuple=True)  # (X,)
            scores, negative = scores[row], negative[row]  # (X, C)
            below = negative & (scores < scores.gather(1, own[:, None]))
            other = torch.where(below.any(dim=1), _most(scores, below), _most(-scores, negative))
        else:
            row = positive.any(dim=1).nonzero()[:, 0]  # (X,)
            own = _most(scores if mining == "ranking" else -scores, positive)[row]
            other = _most(scores, negative)[row]
        return row + block.start, own, other

    def _all(self, batch: EmbeddingBatch) -> Tensor:
        pool = Pool(batch)
        anchors, texts = self._scaled(batch.anchors), self._scaled(pool.texts)  # (B, D), (C, D)
        empty = torch.ones(len(anchors), dtype=torch.bool, device=anchors.device)

        def part(rows: slice, anchors: Tensor, texts: Tensor) -> Tensor:
            positive, negative = pool.sides(rows)
            row, column = positive.nonzero(as_tuple=True)  # (X,)
            scores, valid = self._against(anchors[rows], texts)[row], negative[row]  # (X, C)
            positive = scores.gather(1, column[:, None])  # (X, 1)
            empty[rows.start + row[valid.any(dim=1)]] = False
            gap = scores - positive + self.margin  # (X, C)
            terms = self._terms(gap)
            share = (valid & (terms > 0)).to(terms)  # (X, C)
            if batch.weights is not None:
                share = share * batch.weights[rows][row, None].to(terms)
            found = [(terms * share).sum(), share.sum(), valid.sum(), (valid & (gap > 0)).sum()]
            return torch.stack([*found, (positive * valid).sum(), (scores * valid).sum()]).to(terms)

        sums = summed(part, pool.blocks(of_pairs=True), anchors, texts)  # (6,)
        self._count(empty, sums[2], sums[3:])
        return sums[0] / torch.where(sums[1] != 0, sums[1], 1.0)


def _most(scores: Tensor, among: Tensor) -> Tensor:
    """The column of each row's highest score among the marked ones; any column if none is marked: (R,)."""
    return scores.masked_fill(~among, -torch.inf).argmax(dim=1)
