"""Watches for collapse during training, and stops a run in which all texts have nearly the same vector."""

import math

import torch
from torch import Tensor

from embedtune.errors import StoppedError
from embedtune.losses import EmbeddingBatch
from embedtune.training.companions import Companion
from embedtune.training.step.collapse_gauges import PAIRS, collapse_gauges

MEASUREMENTS = 100
"""The most measurements of a run, so that their cost is a second or two however long it is."""
PERSISTENCE = 10
"""Measurements in a row that must show collapse: a tenth of the run, since hard triplets often narrow and recover."""
FEWEST_ROWS = 8
"""With fewer rows, each gauge is mostly chance."""
NARROW, NARROWEST, FLAT = 1 / 2, 1 / 20, 1 / 3
"""Collapsed: distances between random texts fell to half and the effective rank to a third, or distances alone to a
twentieth, always relative to the start, since pretrained encoders begin with cosines of 0.9 between any texts. An
alignment-only loss on a starter fell below the first two within 200 steps; contrastive runs keep nine tenths or more of
both."""


class CollapseWatch(Companion):
    """Measures the student's vectors at most 100 times in a run.

    If rows have classes, one row of each is measured: texts of one class are meant to become similar.
    """

    def __init__(self, steps: int) -> None:
        self._every = math.ceil(steps / MEASUREMENTS)
        self._start = torch.zeros(2, dtype=torch.float64)  # (2,) spread and effective rank; 0 before they are measured
        self._since = torch.full((2,), -1)  # (2,) measurements of collapse in a row, and the step of the first
        self._gauges: dict[str, float] = {}

    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Measure, if this step is due.

        Raises:
            StoppedError: the run has collapsed.
        """
        self._gauges = {}
        if batch.step % self._every:
            return
        some = _one_per_class(batch.labels, len(batch.anchors))[:PAIRS].to(batch.anchors.device)  # (n,)
        self._gauges = collapse_gauges(batch.anchors[some], batch.positives[some], step=batch.step)
        if len(some) >= FEWEST_ROWS:
            self._judge(1 - self._gauges["mean_cosine"], self._gauges["effective_rank"], batch.step)

    def gauges(self) -> dict[str, float]:
        """What the last step measured, if it was due."""
        return {f"collapse.{name}": value for name, value in self._gauges.items()}

    def state(self) -> dict[str, Tensor]:
        """The values at the start, and since when the run looks collapsed."""
        return {"collapse.start": self._start.clone(), "collapse.since": self._since.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue with what was saved."""
        self._start = state.get("collapse.start", self._start)
        self._since = state.get("collapse.since", self._since)

    def _judge(self, spread: float, rank: float, step: int) -> None:
        if not self._start.any():
            self._start = torch.tensor([spread, rank], dtype=torch.float64)  # (2,)
        began, full = self._start.tolist()
        narrow = spread <= NARROW * began and rank <= FLAT * full
        if not (narrow or spread <= NARROWEST * began or rank == 0):
            self._since = torch.full((2,), -1)  # (2,)
            return
        count, first = self._since.tolist()
        first, count = (step, 1) if first < 0 else (first, count + 1)
        self._since = torch.tensor([count, first])  # (2,)
        if count >= PERSISTENCE:
            raise StoppedError(
                "the encoder has collapsed: it gives different texts nearly the same vector. The mean cosine of two "
                f"texts is {1 - spread:.3f} (at the start: {1 - began:.3f}) and the effective rank {rank:.0f} (at the "
                f"start: {full:.0f}); this has lasted since step {first}",
                where=f"step {step}",
                next="use a loss that keeps texts apart (--loss infonce or gist), add --loss sigreg:0.05, or lower the "
                "learning rate (--lr)",
            )


def _one_per_class(labels: Tensor | None, count: int) -> Tensor:
    """The first row of each class, or every row if there are no classes: (n,).

    >>> _one_per_class(torch.tensor([5, 5, 2, 5, 2]), 5)
    tensor([0, 2])
    """
    if labels is None:
        return torch.arange(count)
    seen: dict[int, int] = {}
    for row, label in enumerate(labels.tolist()):
        seen.setdefault(label, row)
    return torch.tensor(list(seen.values()))
