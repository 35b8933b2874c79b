"""Dropout drawn text by text, so that a text gets the same in whichever packed batch it is encoded.

Random numbers that are drawn for a batch as a whole depend on the texts that share it. Here each text has a generator
of its own, which a second encoding starts from the same seed. On a CPU and for packed texts (`drop` and packed
attention); what else draws is not reached, so that whoever needs repetition has to try it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from torch import Generator


@dataclass(frozen=True)
class TextDraws:
    """Generators of the texts of a packed row, in the order in which they lie in it, and their tokens."""

    generators: Sequence[Generator]
    lengths: Sequence[int]


_now: ContextVar[TextDraws | None] = ContextVar("text_draws", default=None)


@contextmanager
def drawn_by_text(seeds: Sequence[int], lengths: Sequence[int]) -> Iterator[None]:
    """Draw each text's dropout from its own seed; both arguments in the order in which the texts lie in the row."""
    with _set(TextDraws([Generator().manual_seed(seed) for seed in seeds], lengths)):
        yield


@contextmanager
def only_texts(texts: slice) -> Iterator[None]:
    """While some neighbouring texts of the row are computed by themselves."""
    now = _now.get()
    if now is None:
        yield
        return
    with _set(TextDraws(now.generators[texts], now.lengths[texts])):
        yield


def by_text() -> bool:
    """Whether dropout is drawn text by text at the moment."""
    return _now.get() is not None


def drawn_apart(values: np.ndarray) -> Iterator[tuple[np.ndarray, Generator | None]]:
    """The parts of an array (n,) that are drawn by themselves, and the generator of each: torch's own for the whole.

    Raises:
        RuntimeError: the texts' tokens do not have equally many values, so nothing says which belong to which text.
    """
    now = _now.get()
    if now is None:
        yield values, None
        return
    each, rest = divmod(len(values), max(1, sum(now.lengths)))
    if rest:
        raise RuntimeError(f"{len(values):,} values are not those of {sum(now.lengths):,} tokens")
    start = 0
    for length, generator in zip(now.lengths, now.generators, strict=True):
        yield values[start : start + length * each], generator
        start += length * each


@contextmanager
def _set(draws: TextDraws) -> Iterator[None]:
    token = _now.set(draws)
    try:
        yield
    finally:
        _now.reset(token)
