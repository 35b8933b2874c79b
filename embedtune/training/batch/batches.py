"""Which rows meet in a batch: shuffled by seed and epoch, equal texts kept apart.

Two rows that share a text give each other a negative that is none. Losses mask those by identity, but a masked
candidate is a wasted one, so the sampler avoids the meeting where the data allow it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sentence_transformers.base.sampler import DefaultBatchSampler

TextIds = Callable[[int], Sequence[Sequence[int]]]

LOOK_BACK = 4
"""A row that was put off is tried again for this many batches' worth of rows before it takes any place left."""


class DistinctBatchSampler(DefaultBatchSampler):
    """Batches of nearly equal size, in which no text stands twice as far as the data allow.

    Sizes differ by at most one, so no batch is left with a single row that has nothing to be compared with. The
    order depends on seed and epoch only, never on what was drawn before, so a resumed run draws the same batches.

    Args:
        rows: how many there are.
        text_ids: epoch -> the ids of each row's texts; asked at the start of each epoch.
        batch_size: the largest batch.
        seed: of the shuffle.
    """

    def __init__(self, rows: int, text_ids: TextIds, batch_size: int, seed: int) -> None:
        super().__init__(range(rows), batch_size=batch_size, drop_last=False, seed=seed)
        self._rows = rows
        self._text_ids = text_ids
        self._batches = -(-rows // batch_size)
        self._seed = seed
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
        order = np.random.default_rng([self._seed, self.epoch]).permutation(self._rows)
        waiting = deque(order.tolist())
        for number in range(self._batches):
            size = len(order) * (number + 1) // self._batches - len(order) * number // self._batches
            yield _draw(waiting, texts, size)


def _draw(waiting: deque[int], text_ids: Sequence[Sequence[int]], size: int) -> list[int]:
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
    # Rows that were put off come first in the next batch, where their text may be new.
    waiting.extendleft(reversed(put_off[short:]))
    return chosen
