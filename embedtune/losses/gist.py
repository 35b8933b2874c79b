"""gist: InfoNCE without the false negatives that a guide model finds."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from embedtune.errors import ConfigError
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.contrast import Contrast, Tile, candidates, cross_entropy, exceeds
from embedtune.losses.shared.distillation import batch_divergence, divergence, own_list
from embedtune.losses.shared.vectors import weighted_mean

# A candidate must exceed its threshold by this much, so that the last bit of a guide's cosine never decides.
TO_SPARE = 1e-6
ROLES = (("anchors", "positives"), ("anchors", "negatives"), ("anchors", "queue"))


class Gist(Loss):
    """Pulls each anchor to its positive and away from all candidates except those that a guide finds to be false
    negatives.

    When to use: pairs or pairs with mined negatives, where other rows' texts may answer the anchor too (FAQs, intents,
    paraphrases) and a good guide is available; a weak frozen guide hurts, `guide: self` does not.
    Needs: anchors, positives; a guide. Cost: time like infonce with 3 blocks (B, B) and one (B, B N), once more for
    the guide; memory for a tile of them.

    A candidate for row i is dropped if its guide cosine exceeds g(a_i, p_i) - margin (or minus margin times its
    magnitude, strategy "relative") by more than 1e-6. Known positives and equal texts are always dropped, whatever the
    guide finds. Without a guide in the batch this is exactly infonce with its defaults (anchors against positives,
    negatives and queue, without the second and third block): `guide: self` warms up like that, and margin and
    distillation then have no effect. A row left without negatives contributes 0 and is counted.

    Source: Solatorio 2024, arXiv:2402.16829. Deviations: N negatives per row, equal texts and known positives always
    dropped, a slack of 1e-6 at the threshold, weights instead of dropping, distillation. The self mask: Zhang et al.
    2025, arXiv:2506.05176, equation 2 (Qwen3-Embedding, margin 0.1), over all blocks.
    Bounds: >= 0 (without distillation); 0 when all negatives are dropped; ln(1 + candidates kept) when all cosines are
    equal.

    Args:
        temperature: divides cosines; unitless, > 0.
        margin: a candidate this far below the positive's guide cosine still counts as a false negative; -2 to 2.
        margin_strategy: "absolute", or "relative" to the positive's guide cosine.
        contrast_anchors: also push anchors from each other.
        contrast_positives: also push positives from each other.
        self_margin: a candidate whose cosine with the anchor is this far above the positive's, by the student in this
            very step, is a false negative too, own negatives included; 0 to 2, None for none. It works without a
            guide, and beside one: the guide is a snapshot, and this is not.
        keep_own_negatives: the guide never drops a row's own negatives (curated data).
        false_negative_weight: multiplies the exponential of a candidate that the guide would drop; 0 drops it, 1
            ignores the guide.
        distill_weight: weight of KL(guide || student) over a row's candidates; 0 for none.
        distill_temperature: divides the guide's cosines there; > 0.
        distill_over: "own" ([positive, own negatives]) or "batch" (all positives and negatives of the batch).

    Raises:
        ConfigError: a value out of its range.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> same = EmbeddingBatch(anchors=torch.ones(2, 2), positives=torch.ones(2, 2))
        >>> batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2), guide=same)
        >>> build_loss("gist", margin=0.1)(batch).item()  # to this guide every candidate is a false negative
        0.0
    """

    needs_guide = True
    uses_queue = True

    def __init__(
        self,
        *,
        temperature: float = 0.05,
        margin: float = 0.0,
        margin_strategy: str = "absolute",
        self_margin: float | None = None,
        contrast_anchors: bool = True,
        contrast_positives: bool = True,
        keep_own_negatives: bool = False,
        false_negative_weight: float = 0.0,
        distill_weight: float = 0.0,
        distill_temperature: float = 0.05,
        distill_over: str = "own",
    ) -> None:
        super().__init__()
        check = Arguments("gist")
        if margin == "auto":
            raise check.error(
                "margin",
                "must be a number here; only recipes and --margin accept 'auto', where short runs choose the number",
                next="give a number such as 0.05",
            )
        self.temperature = check.number("temperature", temperature, above=0)
        self.margin = check.number("margin", margin, at_least=-2, at_most=2)
        self.margin_strategy = check.choice("margin_strategy", margin_strategy, ("absolute", "relative"))
        if self_margin is not None:
            self_margin = check.number("self_margin", self_margin, at_least=0, at_most=2)
        self.self_margin = self_margin
        self.contrast_anchors = check.switch("contrast_anchors", contrast_anchors)
        self.contrast_positives = check.switch("contrast_positives", contrast_positives)
        self.keep_own_negatives = check.switch("keep_own_negatives", keep_own_negatives)
        self.false_negative_weight = check.number("false_negative_weight", false_negative_weight, at_least=0, at_most=1)
        self.distill_weight = check.number("distill_weight", distill_weight, at_least=0)
        self.distill_temperature = check.number("distill_temperature", distill_temperature, above=0)
        self.distill_over = check.choice("distill_over", distill_over, ("own", "batch"))

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        contrast = Contrast(batch)
        similarity = contrast.positive()  # (B,)
        guide = None if batch.guide is None else self._guide(contrast, batch, batch.guide)
        judge = partial(self._judge, guide, similarity.detach())
        log_sums = [
            contrast.log_sum(query, role, 1 / self.temperature, partial(judge, query, role))
            for query, role in self._roles(guide)
            if role in contrast.candidates
        ]
        loss = weighted_mean(cross_entropy(similarity / self.temperature, log_sums), batch.weights)
        gauges = contrast.tally.gauges()
        if guide is not None:
            gauges["guide_positive_similarity"] = guide.positive.mean()
            loss = loss + guide.poison
            if self.distill_weight:
                gauges["distill"] = self._distill(batch, guide.batch)
                loss = loss + self.distill_weight * gauges["distill"]
        self.count(**gauges)
        return loss

    def _guide(self, contrast: Contrast, batch: EmbeddingBatch, guide: EmbeddingBatch) -> "Guide":
        guide = replace(guide, negatives_mask=batch.negatives_mask)
        return Guide(guide, tuple(contrast.candidates), self.margin, self.margin_strategy)

    def _roles(self, guide: "Guide | None") -> tuple[tuple[str, str], ...]:
        if guide is None:
            return ROLES
        among_anchors = (("anchors", "anchors"),) if self.contrast_anchors else ()
        among_positives = (("positives", "positives"),) if self.contrast_positives else ()
        return ROLES + among_anchors + among_positives

    def _judge(self, guide: "Guide | None", positive: Tensor, query: str, role: str, tile: Tile) -> None:
        false = torch.zeros_like(tile.logits)  # (R, C)
        if guide is not None:
            false = guide.above_threshold(query, role, tile.rows, tile.columns).to(false)  # (R, C)
            if self.keep_own_negatives and role == "negatives":
                false[tile.own] = 0
        if self.self_margin is not None:
            limit = (positive[tile.rows] + self.self_margin + TO_SPARE)[:, None]  # (R, 1)
            false = torch.maximum(false, exceeds(tile.cosines(), limit))
        if guide is not None or self.self_margin is not None:
            tile.doubt(false, self.false_negative_weight)

    def _distill(self, batch: EmbeddingBatch, guide: EmbeddingBatch) -> Tensor:
        scale, guide_scale = 1 / self.temperature, 1 / self.distill_temperature
        if self.distill_over == "batch":
            return weighted_mean(batch_divergence(batch, guide, scale, guide_scale), batch.weights)
        student, valid = own_list(batch)  # (B, 1+N)
        teacher, _ = own_list(guide)  # (B, 1+N)
        return weighted_mean(divergence(teacher * guide_scale, student * scale, valid), batch.weights)


class Guide:
    """The guide's view of one batch; nothing here has a gradient.

    Args:
        batch: the guide's vectors of the student's texts, with the student's mask of negatives.
        roles: the kinds of candidates that the student's batch has.
        margin: see `Gist`.
        strategy: see `Gist`.

    Raises:
        ConfigError: the guide has no vectors for candidates that the student has.
    """

    @torch.no_grad()
    def __init__(self, batch: EmbeddingBatch, roles: tuple[str, ...], margin: float, strategy: str) -> None:
        self.batch = batch
        vectors: dict[str, Tensor] = {}
        for role in roles:
            found = candidates(batch, role)
            if found is None:
                raise ConfigError(f"the guide has no vectors of the batch's {role}", where="guide")
            vectors[role] = found.vectors
        self._vectors = vectors
        self.positive = (vectors["anchors"] * vectors["positives"]).sum(dim=1)  # (B,)
        below = margin * self.positive.abs() if strategy == "relative" else margin
        self._threshold = (self.positive - below + TO_SPARE)[:, None]  # (B, 1)
        # 0, or NaN when the guide itself is broken: comparisons with NaN are false, so it would go unnoticed.
        self.poison = 0 * torch.stack([one.sum() for one in vectors.values()]).sum()

    @torch.no_grad()
    def above_threshold(self, query: str, role: str, rows: slice, columns: slice) -> Tensor:
        """1 where the guide finds a candidate as good as the positive, else 0: (R, C)."""
        cosines = self._vectors[query][rows] @ self._vectors[role][columns].T  # (R, C)
        return exceeds(cosines, self._threshold[rows])
