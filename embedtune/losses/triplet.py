"""triplet: a positive must be closer than a negative by a margin."""

import torch
from torch import Tensor
from torch.nn import functional

from embedtune.errors import ConfigError
from embedtune.losses._arguments import Arguments
from embedtune.losses._identity import KnownPositives
from embedtune.losses._pool import Pool
from embedtune.losses._vectors import has_negatives, padded_negatives, unit, valid_negatives, weighted_mean, wide
from embedtune.losses.base import EmbeddingBatch, Loss

MINING = ("given", "hard", "semi_hard", "all", "ranking")
DEFAULT_MARGIN = {"cosine": 0.3, "euclidean": 1.0}


class Triplet(Loss):
    """Asks that each anchor be more similar to its positive than to a negative, by a margin.

    When to use: curated triplets (`given`), or labelled texts where whole classes are positives of each other (`hard`,
    `semi_hard`, `all`, `ranking`); for pairs, infonce or gist learn more from the same batch.
    Needs: anchors, positives; labels for `ranking`. Cost: (B, N) cosines for `given`, one block (B, B + B N) for the
    others, one such row per positive pair of a class for `semi_hard` and `all` with labels.

    Similarity s is the cosine, or minus the Euclidean distance of the vectors as they are. Terms max(0, margin + s(a,n)
    - s(a,p)), averaged over the triplets of:
    `given`: each anchor's own negatives;
    `hard`: the least similar positive and the most similar negative of each anchor;
    `semi_hard`: each positive with the most similar negative that is LESS similar than it, or, if there is none, with
    the least similar negative;
    `all`: every triplet, averaged over those above 0;
    `ranking`: the most similar text of the anchor's class and the most similar one of another class.
    Positives and negatives come from the batch: without labels an anchor's positive is its own, and other rows'
    positives and all given negatives are its negatives. With labels all positives of its class are its positives, those
    of other classes its negatives, beside the negatives given to rows of its class. The anchor itself (the same text,
    or exactly the same vector) is neither; a known positive is never a negative. Anchors left without a triplet are
    counted and do not enter the mean; 0 when there is no triplet at all.

    Source: Schroff et al. 2015, arXiv:1503.03832 (semi-hard); Hermans et al. 2017, arXiv:1703.07737 (hard, all, soft
    margin).
    Bounds: >= 0; 0 when every triplet holds by the margin; the margin when all similarities are equal (ln 2 with
    soft_margin).

    Args:
        margin: in units of the similarity, 0 or more; None: 0.3 for cosine, 1.0 for euclidean, 0 with soft_margin.
        mining: one of the above; None: given when the batch has negatives, else hard.
        soft_margin: ln(1 + exp(.)) instead of max(0, .).
        distance: "cosine" or "euclidean".

    Raises:
        ConfigError: a value out of its range.
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
        mining = self.mining or ("given" if has_negatives(batch) else "hard")
        self._check(batch, mining)
        known = KnownPositives(batch)
        if mining == "given":
            positive, negative, valid = self._given(batch, known)
            rows = torch.arange(len(positive), device=positive.device)
        else:
            pool = Pool.of(batch, known, self._similarity_to)
            rows, positive, negative, valid = getattr(self, f"_{mining}")(pool)
        gap = negative - positive + self.margin  # (X,) or (X, Y)
        valid = valid.expand_as(gap)
        terms = functional.softplus(gap) if self.soft_margin else functional.relu(gap)
        counted = valid & (terms > 0) if mining == "all" else valid
        weights = None if batch.weights is None else batch.weights[rows]
        self._count(rows, gap, positive, negative, valid, len(batch.anchors))
        return weighted_mean(terms, weights, counted)

    def _check(self, batch: EmbeddingBatch, mining: str) -> None:
        where = "loss.triplet.args.mining"
        if mining == "given" and not has_negatives(batch):
            raise ConfigError(
                "mining: given needs negatives and the data has none", where=where, next="use mining: hard"
            )
        if mining == "ranking" and batch.labels is None:
            raise ConfigError(
                "mining: ranking needs labels and the data has none", where=where, next="use mining: hard"
            )

    def _count(self, rows: Tensor, gap: Tensor, positive: Tensor, negative: Tensor, valid: Tensor, size: int) -> None:
        with torch.no_grad():
            held = torch.zeros(size, dtype=torch.bool, device=gap.device)
            held[rows[valid.reshape(len(rows), -1).any(dim=1)]] = True
            self.count(
                active_share=weighted_mean((gap > 0).to(gap.dtype), None, valid),
                empty_rows=(~held).sum(),
                empty_share=(~held).float().mean(),
                positive_similarity=weighted_mean(positive.expand_as(gap), None, valid),
                negative_similarity=weighted_mean(negative.expand_as(gap), None, valid),
            )

    def _similarity_to(self, anchors: Tensor, texts: Tensor) -> Tensor:
        """Anchors (B, D) against texts (C, D): (B, C)."""
        if self.distance == "cosine":
            return unit(anchors) @ unit(texts).T
        # The exact mode: through a matrix product, near duplicates lose all their digits.
        return -torch.cdist(wide(anchors), wide(texts), compute_mode="donot_use_mm_for_euclid_dist")

    def _given(self, batch: EmbeddingBatch, known: KnownPositives) -> tuple[Tensor, Tensor, Tensor]:
        valid = valid_negatives(batch)  # (B, N)
        if batch.negative_ids is not None:
            valid = valid & ~known.own_mask(batch.negative_ids)
        texts = torch.cat([batch.positives[:, None], padded_negatives(batch)], dim=1)  # (B, 1+N, D)
        if self.distance == "cosine":
            scores = (unit(texts) @ unit(batch.anchors)[:, :, None])[:, :, 0]  # (B, 1+N)
        else:
            scores = -torch.linalg.vector_norm(wide(texts) - wide(batch.anchors)[:, None], dim=2)  # (B, 1+N)
        return scores[:, :1], scores[:, 1:], valid

    def _hard(self, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return pool.rows, pool.least(pool.positive), pool.most(pool.negative), pool.complete()

    def _ranking(self, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return pool.rows, pool.most(pool.positive), pool.most(pool.negative), pool.complete()

    def _semi_hard(self, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows, columns = pool.positive.nonzero(as_tuple=True)  # (X,)
        positive = pool.scores[rows, columns]
        below = pool.negative[rows] & (pool.scores[rows] < positive[:, None])  # (X, C)
        hardest = pool.scores[rows].masked_fill(~below, -torch.inf).amax(dim=1)
        negative = torch.where(below.any(dim=1), hardest, pool.least(pool.negative)[rows])
        return rows, positive, negative, pool.negative.any(dim=1)[rows]

    def _all(self, pool: Pool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rows, columns = pool.positive.nonzero(as_tuple=True)  # (X,)
        return rows, pool.scores[rows, columns][:, None], pool.scores[rows], pool.negative[rows]
