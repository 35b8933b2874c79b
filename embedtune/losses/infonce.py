"""infonce: softmax cross-entropy of each positive against the batch."""

import math
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from embedtune.errors import ConfigError
from embedtune.losses.shared.arguments import Arguments
from embedtune.losses.shared.base import EmbeddingBatch, Loss
from embedtune.losses.shared.contrast import Contrast, Scale, Tile, cross_entropy, exceeds
from embedtune.losses.shared.vectors import has_negatives, weighted_mean

# direction -> the blocks (query role, candidate role) it consists of
DIRECTIONS = {
    "query_to_doc": (("anchors", "positives"), ("anchors", "negatives"), ("anchors", "queue")),
    "doc_to_query": (("positives", "anchors"),),
    "query_to_query": (("anchors", "anchors"),),
    "doc_to_doc": (("positives", "positives"), ("positives", "negatives")),
}
HARDNESS = ("in_batch_negatives", "hard_negatives", "all_negatives")
# CLIP's clamp of the learned scale, so that no batch divides by almost zero.
LEARNED_RANGE = (0.01, 1.0)


class InfoNCE(Loss):
    """Pulls each anchor to its positive and away from every other positive and negative of the batch.

    When to use: the baseline for pairs and mined negatives, best where false negatives are rare; large batches help.
    Needs: anchors, positives. Cost: time for one block (B, B) and one (B, B N) of cosines, each further direction
    one (B, B) more; memory for a tile of them.

    Known positives and equal texts are never negatives. A queue adds candidates to query_to_doc. Each softmax has the
    positive once in its denominator; `per_direction` averages one softmax per direction, `joint` uses one for all.

    Source: van den Oord et al. 2018, arXiv:1807.03748; hardness: Lan et al. 2025, arXiv:2503.04812, equation 5; learned
    temperature: Radford et al. 2021, arXiv:2103.00020.
    Bounds: >= 0 (without hardness); ln(C) when all C similarities are equal; 0 for a row without negatives, which is
    counted.

    Args:
        temperature: divides cosines; unitless, > 0 (0.01 to 1 when learned).
        temperature_reverse: that of doc_to_query, if different; giving it selects the mean of both main directions.
        directions: any of query_to_doc, doc_to_query, query_to_query, doc_to_doc; None: query_to_doc.
        partition: "joint" or "per_direction"; None: joint, or per_direction when there are two temperatures.
        learnable_temperature: learn ln(1 / temperature) with the model, kept within 0.01 to 1.
        hardness: which negatives of query_to_doc get more weight the more similar they are: "in_batch_negatives" (of
            other rows), "hard_negatives" (own) or "all_negatives"; None for none.
        hardness_strength: multiplies the cosine that is added to their logits; >= 0.
        in_batch: false: contrast with own negatives only.
        false_negative_threshold: a negative with a cosine above it counts as a false negative; -1 to 1, None for none.
        false_negative_weight: multiplies the exponential of such a negative; 0 drops it, 1 keeps it unchanged.

    Raises:
        ConfigError: a value out of its range, or options that exclude each other.

    Examples:
        >>> import torch
        >>> from embedtune import EmbeddingBatch, build_loss
        >>> batch = EmbeddingBatch(anchors=torch.eye(2), positives=torch.eye(2))
        >>> round(build_loss("infonce", temperature=1.0)(batch).item(), 4)  # ln(1 + 1 / e)
        0.3133
    """

    uses_queue = True

    def __init__(
        self,
        *,
        temperature: float = 0.05,
        temperature_reverse: float | None = None,
        directions: Sequence[str] | None = None,
        partition: str | None = None,
        learnable_temperature: bool = False,
        hardness: str | None = None,
        hardness_strength: float = 0.0,
        in_batch: bool = True,
        false_negative_threshold: float | None = None,
        false_negative_weight: float = 0.0,
    ) -> None:
        super().__init__()
        check = Arguments("infonce")
        self._set_temperatures(check, temperature, temperature_reverse, learnable_temperature)
        self._set_directions(check, directions, partition, temperature_reverse is not None)
        self.hardness = None if hardness is None else check.choice("hardness", hardness, HARDNESS)
        self.hardness_strength = check.number("hardness_strength", hardness_strength, at_least=0)
        if (self.hardness is None) != (self.hardness_strength == 0):
            raise check.error("hardness_strength", "and hardness only work together; give both or neither")
        self.in_batch = check.switch("in_batch", in_batch)
        if not self.in_batch and self.directions != ("query_to_doc",):
            raise check.error("in_batch", "can be false only when query_to_doc is the only direction")
        self.uses_queue = self.in_batch and "query_to_doc" in self.directions
        threshold = false_negative_threshold
        if threshold is not None:
            threshold = check.number("false_negative_threshold", threshold, at_least=-1, at_most=1)
        self.false_negative_threshold = threshold
        self.false_negative_weight = check.number("false_negative_weight", false_negative_weight, at_least=0, at_most=1)
        if threshold is None and self.false_negative_weight:
            raise check.error("false_negative_weight", "has no effect without false_negative_threshold")

    def _set_temperatures(self, check: Arguments, temperature: float, reverse: float | None, learn: bool) -> None:
        self.learnable_temperature = check.switch("learnable_temperature", learn)
        low, high = LEARNED_RANGE if learn else (-math.inf, math.inf)
        checked = {
            name: check.number(name, value, above=0, at_least=low, at_most=high)
            for name, value in (("temperature", temperature), ("temperature_reverse", reverse))
            if name == "temperature" or value is not None
        }
        self._fixed_scales = {name: 1 / value for name, value in checked.items() if not learn}
        self.log_scales = nn.ParameterDict(
            {name: nn.Parameter(torch.tensor(-math.log(value))) for name, value in checked.items() if learn}
        )

    def _set_directions(
        self, check: Arguments, directions: Sequence[str] | None, partition: str | None, both: bool
    ) -> None:
        if directions is None:
            directions = ("query_to_doc", "doc_to_query") if both else ("query_to_doc",)
        if not isinstance(directions, list | tuple) or not directions:
            raise check.error("directions", f"must be a list of directions, not {directions!r}")
        self.directions = tuple(check.choice("directions", one, tuple(DIRECTIONS)) for one in directions)
        if len(set(self.directions)) < len(self.directions):
            raise check.error("directions", f"must name each direction once, not {directions!r}")
        default = "per_direction" if both else "joint"
        self.partition = check.choice("partition", partition or default, ("joint", "per_direction"))
        if both and (self.partition == "joint" or "doc_to_query" not in self.directions):
            raise check.error("temperature_reverse", "needs the direction doc_to_query and partition per_direction")

    def forward(self, batch: EmbeddingBatch) -> Tensor:
        """Mean over rows, of shape ()."""
        if not self.in_batch and not has_negatives(batch):
            raise ConfigError(
                "in_batch: false contrasts only with given negatives, and the data has none",
                where="loss.infonce.args.in_batch",
                next="mine negatives first, or leave in_batch out",
            )
        contrast, scales = Contrast(batch), self._scales()
        similarity = contrast.positive()  # (B,)
        log_sums: dict[str, list[Tensor]] = {}
        for direction in self.directions:
            part = direction if self.partition == "per_direction" else "joint"
            scale = scales["temperature_reverse" if direction == "doc_to_query" else "temperature"]
            log_sums.setdefault(part, []).extend(self._log_sums(contrast, direction, scale))
        rows = [
            cross_entropy(
                similarity * scales["temperature_reverse" if part == "doc_to_query" else "temperature"], parts
            )
            for part, parts in log_sums.items()
        ]
        learned = {name: 1 / scale for name, scale in scales.items() if self.learnable_temperature}
        self.count(**contrast.tally.gauges(), **learned)
        return weighted_mean(torch.stack(rows).mean(dim=0), batch.weights)

    def _log_sums(self, contrast: Contrast, direction: str, scale: Scale) -> list[Tensor]:
        judge = partial(self._judge, direction)
        if not self.in_batch:
            return [contrast.own_log_sum(scale, judge)]
        blocks = [block for block in DIRECTIONS[direction] if block[1] in contrast.candidates]
        return [contrast.log_sum(query, role, scale, judge) for query, role in blocks]

    def _judge(self, direction: str, tile: Tile) -> None:
        if self.false_negative_threshold is not None:
            tile.doubt(exceeds(tile.cosines(), self.false_negative_threshold), self.false_negative_weight)
        if self.hardness is not None and direction == "query_to_doc":
            penalty = self.hardness_strength * tile.cosines()  # (R, C)
            if self.hardness == "in_batch_negatives":
                penalty[tile.own] = 0
            if self.hardness == "hard_negatives":
                penalty = torch.zeros_like(penalty).index_put_(tile.own, penalty[tile.own])
            tile.add(penalty)

    def _scales(self) -> dict[str, Scale]:
        """1 / temperature for both temperatures, which are equal if only one was given."""
        scales: dict[str, Scale] = dict(self._fixed_scales)
        for name, parameter in self.log_scales.items():
            with torch.no_grad():
                # In place, as in CLIP: a clamp in the graph would give no gradient, so the value could never return.
                parameter.clamp_(*(-math.log(bound) for bound in reversed(LEARNED_RANGE)))
            scales[name] = parameter.exp()
        return {"temperature_reverse": scales["temperature"]} | scales
