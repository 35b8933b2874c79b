"""Which rows form a batch: shuffled by seed and epoch, equal texts kept apart.

Two rows that share a text give each other a false negative. Losses mask those by identity, but a masked candidate is
wasted, so the sampler avoids such batches where the data allows it.

Why in this order:
- An epoch chooses its negatives and views first (`text_ids(epoch)`), because they decide which texts a row has; and
  `set_epoch` does so before data workers are forked, so that all of them see the same choice.
- Rows are drawn greedily from one shuffled queue, not sorted by text: the order stays random, and one pass is enough.
- A row that shares a text goes to `put_off`, whose size is limited; where one text is everywhere, looking for rows
  without it would cost the square of the epoch.
- A short batch is filled with rows that were put off, so that batches keep their size and every row appears once.
- The remaining ones return to the front of the queue: at its end they would pile up in the last batches, together.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sentence_transformers.base.sampler import DefaultBatchSampler

TextIds = Callable[[int], Sequence[Sequence[int]]]

GROUPS = 4
"""Groups that a batch draws from, where it draws from few; a batch of one group would be full of false negatives."""
LOOK_BACK = 4
"""At most this many batches' worth of rows is passed over before a batch is filled with rows that share texts."""


class EpochBatchSampler(DefaultBatchSampler):
    """Batches that follow from seed and epoch only, never from what was drawn before, so a resumed run draws the same.

    Of several processes, each gets its part of every batch, in the order of ranks; all draw the same batches.

    Args:
        rows: the number of rows.
        text_ids: epoch -> the ids of each row's texts; called at the start of each epoch.
        batch_size: rows in the largest batch.
        seed: of all draws.
        part: which part of each batch this process gets, and of how many; sizes differ by at most one row.
    """

    def __init__(
        self, rows: int, text_ids: TextIds, batch_size: int, seed: int, part: tuple[int, int] = (0, 1)
    ) -> None:
        super().__init__(range(rows), batch_size=batch_size, drop_last=False, seed=seed)
        self._batches = -(-rows // batch_size)
        self._text_ids, self._seed, self._part = text_ids, seed, part
        self._texts: Sequence[Sequence[int]] | None = None
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called at the start of each epoch, before data workers are forked with what is chosen here."""
        if self._texts is None or epoch != self.epoch:
            self.epoch, self._texts = epoch, self._text_ids(epoch)

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[list[int]]:
        texts = self._text_ids(self.epoch) if self._texts is None else self._texts
        draw = np.random.default_rng([self._seed, self.epoch])
        for rows in self.whole_batches(texts, draw):
            yield part_of(rows, *self._part)

    @abstractmethod
    def whole_batches(self, texts: Sequence[Sequence[int]], draw: np.random.Generator) -> Iterator[list[int]]:
        """The batches of this epoch, of all processes together.

        Args:
            texts: the ids of each row's texts.
            draw: what is random in this epoch.
        """


class DistinctBatchSampler(EpochBatchSampler):
    """Batches of nearly equal size, in which no text appears twice as far as the data allows.

    Sizes differ by at most one, so no batch has a single row without any negative.

    Args:
        rows: as of `EpochBatchSampler`, like the others.
        groups: the group of each row, where a batch is to draw from few groups; None: from all rows.
    """

    def __init__(
        self,
        rows: int,
        text_ids: TextIds,
        batch_size: int,
        seed: int,
        groups: Sequence[str] | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        super().__init__(rows, text_ids, batch_size, seed, part)
        self._rows = rows
        self._groups = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        self._group_rows = max(1, batch_size // GROUPS)

    def whole_batches(self, texts: Sequence[Sequence[int]], draw: np.random.Generator) -> Iterator[list[int]]:
        """Rows from one shuffled queue, batch after batch."""
        order = draw.permutation(self._rows)
        if self._groups is not None:
            order = by_groups(order, self._groups, self._group_rows, draw)
        return filled(deque(order.tolist()), texts, self._batches)


def part_of(rows: list[int], place: int, parts: int) -> list[int]:
    """One of the parts of a batch, which together are the batch in its order.

    >>> [part_of([7, 3, 9, 1, 5], place, 2) for place in range(2)]
    [[7, 3], [9, 1, 5]]
    """
    return rows[len(rows) * place // parts : len(rows) * (place + 1) // parts]


def by_groups(order: np.ndarray, groups: np.ndarray, rows: int, draw: np.random.Generator) -> np.ndarray:
    """Rows in an order in which those of a group follow each other, a few at a time; the pieces are shuffled.

    Whole groups in a row would make one batch after another of the same topic.

    Source: Hofstätter et al. 2021, arXiv:2104.06967 (topic-aware sampling).

    Args:
        order: rows (n,), shuffled.
        groups: the group of each row, by row number (n,).
        rows: of a group that follow each other at most.
        draw: shuffles the pieces.
    """
    own = groups[order]
    by_group = order[np.argsort(own, kind="stable")]
    ends = np.cumsum(np.bincount(own))
    parts = [
        by_group[start : min(start + rows, int(end))]
        for first, end in zip([0, *ends[:-1]], ends, strict=True)
        for start in range(int(first), int(end), rows)
    ]
    return np.concatenate([parts[place] for place in draw.permutation(len(parts))]) if parts else order


def filled(waiting: deque[int], texts: Sequence[Sequence[int]], batches: int) -> Iterator[list[int]]:
    """Batches of nearly equal size, in which no text appears twice as far as the rows allow."""
    rows = len(waiting)
    for number in range(batches):
        yield draw_batch(waiting, texts, rows * (number + 1) // batches - rows * number // batches)


def draw_batch(waiting: deque[int], text_ids: Sequence[Sequence[int]], size: int) -> list[int]:
    """Take rows from the front of the queue, without those that share a text as far as possible."""
    chosen: list[int] = []
    present: set[int] = set()
    put_off: list[int] = []
    while waiting and len(chosen) < size and len(put_off) < LOOK_BACK * size:
        row = waiting.popleft()
        texts = text_ids[row]
        if present.isdisjoint(texts):
            chosen.append(row)
            present.update(texts)
        else:
            put_off.append(row)
    short = size - len(chosen)
    chosen += put_off[:short]
    # In the next batch, the text that they share may be new.
    waiting.extendleft(reversed(put_off[short:]))
    return chosen
