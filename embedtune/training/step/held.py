"""How much of a batch is held in memory at once: everything that a step computes, or the activations of some tokens."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.speed.probe import activation_bytes, allowed_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedtune.models.encoder import Encoder

PACKS = 4
"""Micro-batches that fit in memory together; more would be too small, and with fewer, less could be kept."""
PROBED_TOKENS = 1024


@dataclass(frozen=True)
class Held:
    """What may be held of a batch.

    Args:
        tokens: how many have their activations kept; further texts are encoded twice. None: all.
        micro_batch: tokens encoded at once if not everything is kept.
    """

    tokens: int | None = None
    micro_batch: int | None = None

    @staticmethod
    def asked(tokens: int | Literal["auto"] | None) -> "Held":
        """What a recipe asks for; everything for `auto`, which the caller measures."""
        return Held() if tokens in (None, "auto") else Held(tokens, tokens)  # type: ignore[arg-type]

    def most(self, tokens: int) -> int:
        """Tokens of a micro-batch, for a batch with this many tokens."""
        if self.tokens is None or tokens <= self.tokens:
            return tokens
        return self.micro_batch or self.tokens


def measured(encoder: "Encoder", reader: Tokenizer, readings: "Sequence[TokenizedTexts]", precision: str) -> Held:
    """As many tokens as this machine has memory for.

    Measured on the longest texts, whose tokens take most memory. The encoder is not changed.
    """
    size = token_bytes(encoder, reader, readings, precision)
    tokens = max(1, int(allowed_bytes(encoder.model.device) / max(1.0, size)))
    return Held(tokens, max(1, tokens // PACKS))


def token_bytes(encoder: "Encoder", reader: Tokenizer, readings: "Sequence[TokenizedTexts]", precision: str) -> float:
    """Bytes of activations that a token of the longest texts takes in training. The encoder is not changed."""
    one = max(readings, key=lambda some: some.lengths.max(initial=0))
    longest = np.argsort(-one.lengths, kind="stable")  # (n,)
    some = longest[: max(1, PROBED_TOKENS // max(1, int(one.lengths[longest[:1]].sum())))]
    return activation_bytes(encoder, one.features(some.tolist()), precision) / max(1, reader.cost(one.lengths[some]))
