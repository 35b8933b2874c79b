"""How many tokens texts have for an encoder, and how much of them it never reads."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embedtune.models.encode.tokens import token_counts
from embedtune.models.encoder import Encoder, Role

SAMPLED = 2000
"""Texts counted at most: enough to tell a share of 1% from none, and quick."""


@dataclass(frozen=True)
class Truncation:
    """What an encoder does not read of texts.

    Args:
        max_length: tokens that it reads, the prompt's and special ones included.
        texts: how many there are.
        counted: how many of them were looked at, drawn at random where there are more.
        cut: how many of those are longer.
        tokens: of those counted, together.
        lost: how many of these tokens are never read.
    """

    max_length: int
    texts: int
    counted: int
    cut: int
    tokens: int
    lost: int

    @property
    def share(self) -> float:
        """Share of the texts that are cut, 0 to 1."""
        return self.cut / self.counted if self.counted else 0.0

    @property
    def share_lost(self) -> float:
        """Share of the tokens that are never read, 0 to 1."""
        return self.lost / self.tokens if self.tokens else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Everything, the shares included, ready for JSON."""
        return {**asdict(self), "share": self.share, "share_lost": self.share_lost}


def truncation(encoder: Encoder, texts: Sequence[str], role: Role, *, sampled: int = SAMPLED) -> Truncation | None:
    """What is cut of texts; None for an encoder that reads texts of any length.

    Args:
        encoder: whose tokenizer and maximum length count.
        texts: n texts.
        role: decides the prompt.
        sampled: how many to look at, at most; the same ones each time.
    """
    if encoder.max_length is None:
        return None
    if len(texts) > sampled:
        chosen = np.random.default_rng(0).choice(len(texts), sampled, replace=False)
        counts = token_counts(encoder, [texts[i] for i in chosen.tolist()], role)  # (sampled,)
    else:
        counts = token_counts(encoder, texts, role)  # (n,)
    over = np.maximum(counts - encoder.max_length, 0)
    return Truncation(
        max_length=encoder.max_length,
        texts=len(texts),
        counted=len(counts),
        cut=int((over > 0).sum()),
        tokens=int(counts.sum()),
        lost=int(over.sum()),
    )
