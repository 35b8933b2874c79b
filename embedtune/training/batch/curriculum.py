"""Which of its negatives each row uses in each epoch: always the first ones, random ones, or ever harder ones.

The choice depends on seed, epoch and row only, so that a resumed run makes the same one.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows

Schedule = Literal["fixed", "random", "easy_to_hard"]


class Curriculum:
    """Positions of the chosen negatives among all that a row has; `fixed` always chooses the first ones.

    `easy_to_hard` moves a window over a row's negatives in the order of their scores, from the lowest in the first
    epoch to the highest in the last; a row without scores is assumed to have its hardest first, as mining writes them.

    Args:
        rows: R training rows.
        per_row: N, the most negatives of a row in an epoch; None: all.
        schedule: how they are chosen.
        seed: of `random`.
        epochs: of the run; if it is only one, the window is at the hardest.
    """

    def __init__(
        self, rows: Rows, per_row: int | None = None, *, schedule: Schedule = "fixed", seed: int = 0, epochs: int = 1
    ) -> None:
        counts = np.array([len(negatives) for negatives in rows.negatives] or [0] * len(rows), dtype=np.int64)  # (R,)
        most = int(counts.max(initial=0))
        self.chosen = most if per_row is None else min(most, per_row)
        self.changes = schedule != "fixed" and self.chosen < most
        self.stored = most if self.changes else self.chosen
        self._schedule, self._seed, self._epochs = schedule, seed, epochs
        self._counts = np.minimum(counts, self.stored)  # (R,)
        self._order = _by_score(rows, self._counts, self.stored) if schedule == "easy_to_hard" else None  # (R, M)
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Choose for this epoch; afterwards `places` (R, N) is the choice, -1 where a row has fewer than N."""
        within = np.arange(self.chosen)[None, :]  # (1, N)
        if not self.changes:
            places = np.broadcast_to(within, (len(self._counts), self.chosen))  # (R, N)
        elif self._order is None:
            keys = np.random.default_rng([self._seed, epoch]).random((len(self._counts), self.stored))  # (R, M)
            keys[np.arange(self.stored) >= self._counts[:, None]] = np.inf
            places = keys.argsort(axis=1)[:, : self.chosen]  # (R, N)
        else:
            share = min(1.0, epoch / (self._epochs - 1)) if self._epochs > 1 else 1.0
            easiest = np.round(np.maximum(0, self._counts - self.chosen) * share).astype(np.int64)[:, None]  # (R, 1)
            places = np.take_along_axis(self._order, easiest + within, axis=1)  # (R, N)
        real = within < self._counts[:, None]  # (R, N)
        self.places: Tensor = torch.from_numpy(np.where(real, places, -1))  # (R, N)


def _by_score(rows: Rows, counts: np.ndarray, width: int) -> np.ndarray:
    """Positions of each row's negatives, the easiest first and padding last: (R, M)."""
    scores = np.tile(-np.arange(width, dtype=np.float64), (len(counts), 1))  # (R, M)
    for row, own in enumerate(rows.teacher_scores or ()):
        if len(own) > 1:
            found = np.array(own[1 : width + 1], dtype=np.float64)
            # Negatives without a score count as easy; NaN would sort behind the padding.
            scores[row, : len(found)] = np.where(np.isnan(found), -np.inf, found)
    scores[np.arange(width) >= counts[:, None]] = np.inf
    return scores.argsort(axis=1, kind="stable")  # (R, M)
