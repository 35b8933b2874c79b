"""Where each text of a packed batch is in its one row of tokens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor


@dataclass(frozen=True)
class Laid:
    """Positions of packed texts, made once per batch and used in every layer.

    Args:
        ends: (n+1,) int32, where each text starts, and where the last one ends, on the model's device.
        groups: (texts, tokens of each) of neighbours of equal length; few if texts are sorted by length.
        longest: tokens of the longest text.
        start_of_longest: where it starts.
    """

    ends: Tensor
    groups: tuple[tuple[int, int], ...]
    longest: int
    start_of_longest: int

    @staticmethod
    def of(ends: Tensor, lengths: Sequence[int]) -> "Laid":
        """The texts of these lengths, that start at `ends` (n+1,), which may be on a device.

        >>> Laid.of(torch.tensor([0, 2, 4, 5]), (2, 2, 1)).groups
        ((2, 2), (1, 1))
        """
        longest = max(range(len(lengths)), key=lengths.__getitem__)
        return Laid(
            ends=ends.to(torch.int32),
            groups=tuple((len(list(group)), length) for length, group in groupby(lengths)),
            longest=lengths[longest],
            start_of_longest=sum(lengths[:longest]),
        )


_now: ContextVar[Laid | None] = ContextVar("laid", default=None)


@contextmanager
def laid_now(laid: Laid) -> Iterator[None]:
    """Tell attention where texts are, without passing it through the model's layers."""
    token = _now.set(laid)
    try:
        yield
    finally:
        _now.reset(token)


def current() -> Laid:
    """Where the texts of the current packed batch are.

    Raises:
        RuntimeError: no packed batch is being encoded.
    """
    laid = _now.get()
    if laid is None:
        raise RuntimeError("attention over packed texts was called outside of a packed batch")
    return laid
