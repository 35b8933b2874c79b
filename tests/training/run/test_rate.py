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
