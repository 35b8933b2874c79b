"""The averaged teacher against the reference's moving average, and through the adapter."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.row_table import build_table
from embedtune.training.companions.averaged import AveragedTeacher
from embedtune.training.companions.queue import Queue
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.objective import build_objective

ROWS = Rows(anchors=["질문 0", "질문 1", "질문 2"], positives=["답 0", "답 1", "답 2"])
NOTHING = EmbeddingBatch(anchors=torch.zeros(0, 2), positives=torch.zeros(0, 2))


class Encoder(torch.nn.Module):
    """One matrix; dropout that an average in evaluation mode must not have."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
        self.fixed = torch.nn.Parameter(torch.ones(1), requires_grad=False)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, features):
        return {"sentence_embedding": self.dropout(features["vectors"] @ self.weight)}


@pytest.fixture
def objective():
    found = build_objective([LossSection(name="byol", args={"projector": 3})])
    found.prepare(4)
    return found


@pytest.fixture
def table():
    return build_table(ROWS, np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1))


def features(seed):
    draw = torch.Generator().manual_seed(seed)
    return [{"vectors": torch.randn(3, 4, generator=draw)} for _ in range(2)]


def test_it_averages_as_lightly_does():
    path = Path(__file__).parents[2] / "vectors" / "losses_views.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    (case,) = [one for one in content["cases"] if one["id"].startswith("byol_moco_ema")]
    online, target = (
        torch.tensor(content["inputs"]["ema"][name], dtype=torch.float64) for name in ("online", "target")
    )
    model = torch.nn.Linear(1, 6, bias=False, dtype=torch.float64)
    model.weight.data = target[:, None].clone()
    # Halfway through an endless run the momentum is still the first one.
    teacher = AveragedTeacher(model, build_objective([LossSection(name="infonce")]), momentum=0.99, steps=10**12)
    model.weight.data = online[:, None].clone()
    teacher.step(NOTHING, torch.zeros(0))
    found = teacher.state()["averaged_teacher.weight"][:, 0]
    torch.testing.assert_close(found, torch.tensor(case["target_after"], dtype=torch.float64), rtol=1e-9, atol=1e-10)


def test_the_adapter_hands_its_vectors_to_losses_and_to_the_queue(objective, table):
    model = Encoder()
    start = model.weight.detach().clone()
    teacher, queue = AveragedTeacher(model, objective, momentum=0.9, steps=100), Queue(8, table, None)
    adapter = ObjectiveAdapter(model, objective, table, None, [teacher, queue])
    model.weight.data += 1
    given = features(1)
    value = adapter(given, torch.tensor([0, 1, 2]))["byol"]
    value.backward()
    state = queue.state()
    torch.testing.assert_close(state["queue.vectors"], given[1]["vectors"] @ start)
    torch.testing.assert_close(teacher.state()["averaged_teacher.weight"], start + 0.1)
    assert adapter.gauges()["averaged_teacher.momentum"] == 0.9
    assert model.weight.grad.any()


def test_it_is_no_part_of_what_is_optimised_or_saved_with_the_model(objective, table):
    model = Encoder()
    adapter = ObjectiveAdapter(
        model, objective, table, None, [AveragedTeacher(model, objective, momentum=0.9, steps=9)]
    )
    names = {name for name, parameter in adapter.named_parameters() if parameter.requires_grad}
    assert names == {"model.weight", *(name for name in names if name.startswith("objective.losses.byol.heads."))}
    assert len(names) == 1 + 4 + 4


def test_heads_of_the_loss_are_averaged_too(objective):
    model = Encoder()
    teacher = AveragedTeacher(model, objective, momentum=0.75, steps=10**9)
    ((student, average),) = objective.terms[0].loss.averaged()
    before = average.weights[0].detach().clone()
    with torch.no_grad():
        student.weights[0].add_(4)
    teacher.step(NOTHING, torch.zeros(0))
    torch.testing.assert_close(average.weights[0].detach(), before + 1)


def test_the_momentum_rises_to_one_along_a_cosine(objective):
    teacher = AveragedTeacher(Encoder(), objective, momentum=0.6, steps=8)
    found = [teacher.momentum(step) for step in range(9)]
    assert found == pytest.approx([1 - 0.4 * (1 + np.cos(np.pi * step / 8)) / 2 for step in range(9)])
    assert found == sorted(found) and found[-1] == 1


def test_what_is_saved_is_what_goes_on(objective):
    model = Encoder()
    one = AveragedTeacher(model, objective, momentum=0.5, steps=10)
    model.weight.data += 1
    one.step(NOTHING, torch.zeros(0))
    other = AveragedTeacher(Encoder(), objective, momentum=0.5, steps=10)
    other.restore({"queue.rows": torch.zeros(1), **one.state()})
    for teacher in (one, other):
        teacher.read(features(3), torch.arange(3))
    ours, theirs = (teacher.complete(NOTHING, torch.arange(3)).teacher for teacher in (one, other))
    assert torch.equal(ours.anchors, theirs.anchors) and torch.equal(ours.positives, theirs.positives)
    assert set(one.state()) == {"averaged_teacher.weight"}
