"""The averaged teacher (EMA): an exponential moving average of the student, whose vectors some losses learn from.

It averages the student's weights of the past steps, recent ones most, and gets no gradient itself. Heads that a loss
shares with it are averaged at the same pace and belong to the loss.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from embedtune.losses import EmbeddingBatch
from embedtune.training.companions import Companion
from embedtune.training.step.columns import encode_columns, gathered, row_numbers
from embedtune.training.step.objective import Objective


class AveragedTeacher(Companion):
    """An exponential moving average of the encoder's weights, and its vectors of each batch.

    It encodes in evaluation mode, so that its targets are free of dropout. Costs the memory of a second encoder and a
    forward pass per step.

    Source: Tarvainen and Valpola 2017, arXiv:1703.01780; cosine schedule of the momentum: Grill et al. 2020,
    arXiv:2006.07733, section 3.2.

    Args:
        model: the student.
        objective: its losses may have heads to average.
        momentum: share of the old weights kept at the first step.
        steps: of the run; the momentum rises to 1 at its end.
    """

    def __init__(self, model: nn.Module, objective: Objective, *, momentum: float, steps: int) -> None:
        self._teacher = copy.deepcopy(model).eval().requires_grad_(False)
        heads = [pair for term in objective.terms for pair in term.loss.averaged()]
        self._pairs = [(model, self._teacher), *heads]
        self._learned = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        self._first, self._steps = momentum, steps
        self._momentum = momentum
        self._vectors: list[Tensor] = []

    def momentum(self, step: int) -> float:
        """The share of the old weights that is kept at a step, counted from 0.

        >>> teacher = AveragedTeacher(nn.Linear(1, 1), Objective([]), momentum=0.9, steps=10)
        >>> [round(teacher.momentum(step), 4) for step in (0, 5, 10)]
        [0.9, 0.95, 1.0]
        """
        return 1 - (1 - self._first) * (math.cos(math.pi * min(1.0, step / self._steps)) + 1) / 2

    @torch.no_grad()
    def read(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> None:
        """Encode the texts of a batch."""
        _, self._vectors = gathered(row_numbers(labels), encode_columns(self._teacher, features, labels))

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the teacher's vectors of its anchors and positives."""
        anchors, positives = self._vectors[:2]  # (B, D), (B, D)
        return replace(batch, teacher=EmbeddingBatch(anchors=anchors.detach(), positives=positives.detach()))

    @torch.no_grad()
    def step(self, batch: EmbeddingBatch, rows: Tensor) -> None:
        """Average with the student's weights at this batch."""
        self._momentum = self.momentum(batch.step)
        for student, teacher in self._pairs:
            for new, old in zip(student.parameters(), teacher.parameters(), strict=True):
                if new.requires_grad:
                    old.lerp_(new.to(old), 1 - self._momentum)

    def gauges(self) -> dict[str, float]:
        """The momentum of the last step."""
        return {"averaged_teacher.momentum": self._momentum}

    def state(self) -> dict[str, Tensor]:
        """The weights that can differ from the student's first ones; the losses keep their heads."""
        weights = dict(self._teacher.named_parameters())
        return {f"averaged_teacher.{name}": weights[name].cpu().contiguous() for name in self._learned}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue with the saved weights."""
        weights = dict(self._teacher.named_parameters())
        for name in self._learned:
            weights[name].copy_(state[f"averaged_teacher.{name}"])
