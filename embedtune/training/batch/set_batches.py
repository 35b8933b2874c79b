"""Which rows form a batch where they come from several sets: how the sets share an epoch, mixed or one set per batch.

Why in this order. How many rows of each set an epoch takes comes first, by sizes, weights or turns. A set that gives
fewer than it has goes on in the next epoch where it stopped, so that every row is used before any is used again; one
that gives more begins again. Everything follows from seed and epoch, so a resumed run draws the same batches.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.training.batch.batches import EpochBatchSampler, TextIds, filled


@dataclass(frozen=True)
class SetMixing:
    """How several sets share batches.

    Args:
        weights: of each set; None: each takes part with as many rows as it has.
        mixed: whether a batch has rows of all sets.
        turns: whether batches of one set follow each other in turns.
    """

    weights: tuple[float, ...] | None = None
    mixed: bool = True
    turns: bool = False


class SetBatchSampler(EpochBatchSampler):
    """Batches of rows of several sets.

    Args:
        sources: (R,) the set of each row.
        text_ids: as of `EpochBatchSampler`, like the others.
        mixing: how the sets share an epoch.
    """

    def __init__(
        self,
        sources: Sequence[int],
        text_ids: TextIds,
        batch_size: int,
        seed: int,
        mixing: SetMixing,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(len(sources), text_ids, batch_size, seed, part)
        numbers = np.asarray(sources, dtype=np.int64)  # (R,)
        self._rows = [np.flatnonzero(numbers == number) for number in range(int(numbers.max(initial=-1)) + 1)]
        self._mixing = mixing
        sizes = np.array([len(rows) for rows in self._rows], dtype=np.float64)  # (S,)
        shares = sizes if mixing.weights is None or not len(sizes) else np.where(sizes > 0, mixing.weights, 0.0)  # (S,)
        self._of_set = apportioned(shares, self._batches)  # (S,) batches of one set each
        self._taken = apportioned(shares, len(numbers))  # (S,) rows of an epoch
        if not mixing.mixed:
            self._taken = np.minimum(self._taken, self._of_set * batch_size)  # (S,)

    def whole_batches(self, texts: Sequence[Sequence[int]], draw: np.random.Generator) -> Iterator[list[int]]:
        """Rows of all sets, or of one set at a time, in the order that `mixing` asks for."""
        parts = [self._given(number) for number in range(len(self._rows))]
        if self._mixing.mixed:
            waiting = deque(draw.permutation(np.concatenate(parts)).tolist() if parts else [])
            yield from filled(waiting, texts, self._batches)
            return
        batches = [filled(deque(own.tolist()), texts, int(n)) for own, n in zip(parts, self._of_set, strict=True)]
        for number in in_turns(self._of_set) if self._mixing.turns else draw.permutation(labels(self._of_set)):
            yield next(batches[number])

    def _given(self, number: int) -> np.ndarray:
        """The rows that a set gives to this epoch, from where it stopped in the last one."""
        rows, taken = self._rows[number], int(self._taken[number])
        if not taken:
            return rows[:0]
        start = self.epoch * taken
        rounds = range(start // len(rows), (start + taken - 1) // len(rows) + 1)
        orders = [rows[np.random.default_rng([self._seed, number, one]).permutation(len(rows))] for one in rounds]
        first = start - rounds[0] * len(rows)
        return np.concatenate(orders)[first : first + taken]


def apportioned(shares: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to shares (S,), which sum up to the total: (S,). At least 1 each, where that fits.

    Source: Hamilton's method, the largest remainders first.

    >>> apportioned(np.array([3.0, 1.0, 0.01]), 10).tolist()
    [7, 2, 1]
    """
    present = shares > 0
    least = present.astype(np.int64) if total >= present.sum() else np.zeros(len(shares), dtype=np.int64)
    wanted = shares / max(shares.sum(), 1e-300) * total  # (S,)
    found = np.maximum(np.floor(wanted).astype(np.int64), least)
    while found.sum() != total and present.any():
        short = np.where(present, wanted - found, -np.inf)
        over = np.where(found > least, found - wanted, -np.inf)
        place, step = (int(short.argmax()), 1) if found.sum() < total else (int(over.argmax()), -1)
        found[place] += step
    return found


def labels(counts: np.ndarray) -> np.ndarray:
    """The number of each set as often as it has batches."""
    return np.repeat(np.arange(len(counts)), counts)


def in_turns(counts: np.ndarray) -> list[int]:
    """The numbers of the sets, spread evenly over an epoch.

    >>> in_turns(np.array([2, 2, 1]))
    [0, 1, 2, 0, 1]
    """
    places = [((turn + 0.5) / count, number) for number, count in enumerate(counts.tolist()) for turn in range(count)]
    return [number for _, number in sorted(places)]
