"""How many tokens an encoder makes of texts, and how much of them it truncates."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embedtune.models.encode.batching import signal_input_of
from embedtune.models.encode.token_ids import AT_ONCE, untruncated
from embedtune.models.encoder import Encoder, Role, has_towers, readable
from embedtune.models.reading import max_length, reader_of
from embedtune.signals import is_signal, only_texts

SAMPLED = 2000
"""Most texts counted: enough to tell a share of 1% from none, and quick."""


@dataclass(frozen=True)
class Truncation:
    """What an encoder cuts off texts.

    Args:
        max_length: most tokens of a text that it encodes, prompt and special tokens included.
        texts: number of texts.
        counted: number of them that were tokenized, a random sample where there are more.
        cut: number of those that are longer.
        tokens: tokens of all those counted.
        lost: number of these tokens that are cut off.
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
        """Share of the tokens that are cut off, 0 to 1."""
        return self.lost / self.tokens if self.tokens else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Everything, the shares included, ready for JSON."""
        return {**asdict(self), "share": self.share, "share_lost": self.share_lost}


def token_counts(encoder: Encoder, texts: Sequence[str], role: Role) -> np.ndarray:
    """Number of tokens in each text before truncation, prompt and special tokens included: int64 (n,).

    A signal, which is never cut, counts as the tokens that take as much memory.
    """
    signals = np.array([is_signal(text) for text in texts], dtype=bool)  # (n,)
    counts: list[int] = []
    for start in range(0, len(texts), AT_ONCE):
        part = [readable(text) for text in only_texts(texts[start : start + AT_ONCE])]
        if part:
            counts += map(len, untruncated(encoder, part, special_tokens=True, role=role, prompt=encoder.prompts[role]))
    found = np.full(len(texts), signal_input_of(encoder).tokens if signals.any() else 0, dtype=np.int64)  # (n,)
    found[~signals] = counts
    return found


def limit_of(encoder: Encoder, role: Role) -> int | None:
    """The most tokens that an encoder reads of a text in a role; None where it reads all."""
    if has_towers(encoder.model):
        return max_length(reader_of(encoder.model, role))
    own: int | None = getattr(encoder.model[0], f"{role}_length", None)
    return encoder.max_length if own is None else min(own, encoder.max_length or own)


def truncation(encoder: Encoder, texts: Sequence[str], role: Role) -> Truncation | None:
    """What is cut off texts; None for an encoder that takes texts of any length.

    Of more than `SAMPLED` texts a random sample is counted, the same one each time.
    """
    limit = limit_of(encoder, role)
    if limit is None:
        return None
    some = texts
    if len(texts) > SAMPLED:
        chosen = np.random.default_rng(0).choice(len(texts), SAMPLED, replace=False)
        some = [texts[i] for i in chosen.tolist()]
    counts = token_counts(encoder, some, role)  # (n or SAMPLED,)
    over = np.maximum(counts - limit, 0)
    return Truncation(
        max_length=limit,
        texts=len(texts),
        counted=len(counts),
        cut=int((over > 0).sum()),
        tokens=int(counts.sum()),
        lost=int(over.sum()),
    )
