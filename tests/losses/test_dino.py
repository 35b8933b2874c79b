"""dino against the reference values, and its centre."""

from dataclasses import replace

import pytest
import torch

from embedtune.losses import build_loss


@pytest.mark.reference("losses_views", "dino")
def test_reference_values_and_gradients(case):
    loss = build_loss("dino", prototypes=6, temperature=case.parameters["student_temp"])
    loss.centre = case.tensor(case.inputs["center"], False)
    student = case.tensor(case.inputs["student_out"])
    views = case.parameters["student_views"]
    value = loss.of_outputs(student[:views], case.tensor(case.inputs["teacher_out"], False))
    value.backward()
    case.check(value, case.expected["loss"])
    case.check(student.grad[:views], case.expected["grad"]["student_out"][:views])
    loss.step()
    case.check(loss.centre, case.expected["center_after"])


def test_scoring_moves_no_centre_and_a_step_moves_it_once(make_batch):
    batch, loss = make_batch(), build_loss("dino", prototypes=5)
    assert loss(batch) == loss(batch)
    assert not loss.centre.any()
    loss.step()
    moved = loss.centre.clone()
    assert moved.any()
    loss.step()
    assert torch.equal(moved, loss.centre)
    assert loss(batch).isfinite()


def test_both_have_prototypes_and_the_teachers_do_not_learn(make_batch):
    batch, loss = make_batch(), build_loss("dino", prototypes=5, projector=6)
    loss(batch).backward()
    assert [student for student, _ in loss.averaged()] == [loss.heads["projector"], loss.heads["prototypes"]]
    for student, teacher in loss.averaged():
        assert all(one.grad is not None for one in student.parameters())
        assert all(one.grad is None for one in teacher.parameters())


def test_it_is_the_cross_entropy_of_each_view_with_the_other_whole_one(make_batch):
    batch, loss = make_batch(), build_loss("dino", prototypes=5)
    views = torch.randn(2, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value = loss(replace(batch, views=views, weights=None))
    directions = loss.heads["prototypes"].directions.double()

    def cosines(vectors):
        return torch.cosine_similarity(vectors[:, None], directions[None], dim=2)

    codes = [(cosines(one) / 0.04).softmax(dim=1) for one in (batch.teacher.anchors, batch.teacher.positives)]
    logits = [(cosines(one) / 0.1).log_softmax(dim=1) for one in (batch.anchors, batch.positives, *views)]
    terms = [-(codes[i] * logits[j]).sum(dim=1).mean() for i in range(2) for j in range(4) if i != j]
    torch.testing.assert_close(value, torch.stack(terms).mean())


@pytest.mark.parametrize(("name", "value"), [("prototypes", 1), ("temperature", 0), ("centre_momentum", 1.1)])
def test_values_out_of_range_are_refused(name, value):
    from embedtune.errors import ConfigError

    with pytest.raises(ConfigError, match=name):
        build_loss("dino", **{name: value})
