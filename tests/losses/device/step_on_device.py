"""A whole step of training on a simulated device: what the CPU computes, and how often the CPU would wait."""

import numpy as np
import simulated_device
import torch
from torch import nn

from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.training.batch.row_table import build_table
from embedtune.training.companions.queue import Queue
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.objective import build_objective

ROWS = Rows(
    anchors=[f"question {number}" for number in range(8)],
    positives=[f"{number}번 답" for number in range(8)],
    negatives=[["wrong a", "wrong b"]] * 8,
)
WAITS_PER_STEP = 4
"""The numbers of the rows, before the encoder; which entries leave the queue; whether each loss is finite; and the
gauges, for the log."""


class Linear(nn.Module):
    """Texts are vectors already; the encoder is one matrix."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, features):
        return {"sentence_embedding": features["texts"] @ self.weight}


def adapter_of(weight: torch.Tensor) -> ObjectiveAdapter:
    """A step with a guide, a queue and two losses."""
    table = build_table(ROWS, np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1))
    guide = GuideTable(table.texts)
    draw = np.random.default_rng(1)
    guide.fill(lambda texts, role: draw.standard_normal((len(texts), 3), dtype=np.float32))
    objective = build_objective(
        [LossSection(name="gist", args={"margin": 0.1}), LossSection(name="triplet", weight=0.5)]
    )
    return ObjectiveAdapter(Linear(weight), objective, table, guide, [Queue(6, table, guide)])


def stepped(adapter: ObjectiveAdapter, move) -> list[torch.Tensor]:
    """Losses and gradients of two steps."""
    draw, found = torch.Generator().manual_seed(2), []
    for step, rows in enumerate(([0, 1, 2, 3], [4, 5, 6, 7])):
        adapter.step = step
        texts = [{"texts": move(torch.randn(4, 6, generator=draw))} for _ in range(4)]
        terms = adapter(texts, move(torch.tensor(rows)))
        sum(terms.values()).backward()
        gauges = adapter.gauges()
        adapter.gauges()  # the log and the guard against masking both ask
        found += [simulated_device.here(adapter.loss), torch.tensor(list(gauges.values()))]
        found.append(simulated_device.here(adapter.model.weight.grad).clone())
    return found


def test_a_step_on_a_device_is_that_of_the_cpu_and_hardly_waits():
    weight = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    expected = stepped(adapter_of(weight.clone()), lambda tensor: tensor)
    on_device = adapter_of(simulated_device.there(weight))
    with simulated_device.counted() as waits:
        found = stepped(on_device, simulated_device.there)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert sum(waits.values()) == 2 * WAITS_PER_STEP, waits
