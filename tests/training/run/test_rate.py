"""The learning rate by step, beside transformers' own schedules."""

import pytest
import torch
from transformers import get_scheduler

from embedtune.training.run.rate import rate_share, rates

SCHEDULES = ("linear", "cosine", "constant")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("warmup", "steps"), [(0, 1), (0, 10), (1, 10), (10, 100), (5, 5)])
def test_no_step_is_at_rate_zero_and_none_above_the_rate(schedule, warmup, steps) -> None:
    shares = [rate_share(step, schedule=schedule, warmup=warmup, steps=steps) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    assert shares[:warmup] == sorted(shares[:warmup])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_after_the_warmup_it_is_the_schedule_of_transformers(schedule) -> None:
    warmup, steps = 4, 20
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    name = "constant_with_warmup" if schedule == "constant" else schedule
    theirs = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    expected = []
    for _ in range(steps):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
    found = [rate_share(step, schedule=schedule, warmup=warmup, steps=steps) for step in range(steps)]
    assert found[warmup:] == pytest.approx(expected[warmup:])


def test_a_scheduler_goes_on_where_it_was_saved() -> None:
    def made():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
        return optimizer, rates(optimizer, schedule="linear", warmup=2, steps=10)

    optimizer, first = made()
    for _ in range(5):
        optimizer.step()
        first.step()
    _, second = made()
    second.load_state_dict(first.state_dict())
    assert (
        second.get_last_lr()
        == first.get_last_lr()
        == [pytest.approx(2.0 * rate_share(5, schedule="linear", warmup=2, steps=10))]
    )


def groups(first: float, second: float) -> torch.optim.AdamW:
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    return torch.optim.AdamW([{"params": [weights[0]], "lr": first}, {"params": [weights[1]], "lr": second}])


@pytest.mark.parametrize(("asked", "changed"), [((0.1, 0.002), (1, 1)), ((0.3, 0.002), (3, 1)), ((0.1, 0.01), (1, 5))])
def test_a_resumed_run_learns_at_the_rates_asked_for_in_each_group(asked, changed) -> None:
    course = {"schedule": "linear", "warmup": 2, "steps": 10}
    before = groups(0.1, 0.002)
    schedule = rates(before, **course)
    for _ in range(4):
        before.step()
        schedule.step()
    after = groups(*asked)
    resumed = rates(after, **course)
    after.load_state_dict(before.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    for _ in range(3):
        expected = [group["lr"] * by for group, by in zip(before.param_groups, changed, strict=True)]
        assert [group["lr"] for group in after.param_groups] == pytest.approx(expected, rel=1e-12)
        assert changed != (1, 1) or [group["lr"] for group in after.param_groups] == expected  # to the last bit
        for one in (before, schedule, after, resumed):
            one.step()
