"""Which tokens of a text may see which, according to transformers' own mask functions, for any model."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MaskFunction = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Band:
    """Each token sees those from `left` before it to `right` after it.

    Causal attention has right = 0, a sliding window small numbers; a reach beyond the longest text of the batch means
    unlimited.
    """

    left: int
    right: int

    def sees_all(self, length: int) -> bool:
        """Whether every token of a text of this many tokens sees every other."""
        return min(self.left, self.right) >= length - 1

    def is_causal(self, length: int) -> bool:
        """Whether every token of such a text sees all before it and itself, and none after it."""
        return self.right == 0 and self.left >= length - 1

    def mask(self, length: int, device: torch.device) -> Tensor:
        """True where the row's token sees the column's: (length, length) bool."""
        # Not by comparing positions: their differences take eight times the memory, half a gigabyte for 8,192 tokens.
        return torch.ones(length, length, dtype=torch.bool, device=device).tril(self.right).triu(-self.left)


def band_of(sees: MaskFunction, start: int, length: int, device: torch.device) -> Band:
    """The band that a transformers mask function defines within one text.

    Args:
        sees: (batch, head, query, key) -> whether the key is seen, for broadcastable tensors of positions.
        start: where the text starts in its row.
        length: of the text, in tokens.
        device: where the mask function may keep tensors; most have none, and then nothing waits for the device.

    Raises:
        ValueError: it does not define a band.
    """
    try:
        seen = _seen(sees, start, length, torch.device("cpu"))  # (length, length)
    except RuntimeError:  # it mixes them with positions
        seen = _seen(sees, start, length, device).cpu()  # (length, length)
    # In a band the first token sees itself and those to its right, the last one those to its left.
    right, left = (seen[[0, -1]].sum(dim=1) - 1).tolist()
    band = Band(left, right)
    if not torch.equal(band.mask(length, seen.device), seen):
        raise ValueError("its attention reaches tokens other than nearby ones")
    return band


def _seen(sees: MaskFunction, start: int, length: int, device: torch.device) -> Tensor:
    """What each token of a text sees, by a mask function: (length, length) bool."""
    places = torch.arange(start, start + length, device=device)  # (length,)
    zero = torch.zeros(1, 1, 1, 1, dtype=torch.long, device=device)
    seen = torch.as_tensor(sees(zero, zero, places[:, None], places))
    return seen.expand(1, 1, length, length)[0, 0]
