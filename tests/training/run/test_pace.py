"""Tokens and operations a second, by a clock of our own."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from embedtune.training.run.pace import Pace, TrainingFlops


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("flops", [None, TrainingFlops(10.0, 2.0)])
def test_steps_are_timed_and_evaluations_are_not(flops):
    clock, adapter = Clock(), SimpleNamespace(lengths=np.array([3, 5]))
    pace = Pace(adapter, flops, clock=clock)
    assert pace.tokens_per_s == 0 and pace.gauges() == {}
    clock.now = 100.0
    pace.on_epoch_begin(None, None, None)
    for lengths, seconds in (([3, 5], 2.0), ([4], 1.0)):
        adapter.lengths = np.array(lengths)
        clock.now += seconds
        pace.on_step_end(None, None, None)
        assert pace.gauges()["pace.tokens_per_s"] == sum(lengths) / seconds
        assert ("pace.flops_per_s" in pace.gauges()) == (flops is not None)
        clock.now += 50.0
        pace.on_evaluate(None, None, None)
        clock.now += 50.0
        pace.on_save(None, None, None)
    assert pace.tokens_per_s == 12 / 3.0
    operations = 10.0 * 12 + 2.0 * (9 + 25 + 16)
    assert pace.flops_per_s == (None if flops is None else operations / 3.0)
    json.dumps(pace.gauges())


def test_the_step_itself_counts_when_nothing_lies_between():
    clock, adapter = Clock(), SimpleNamespace(lengths=np.array([6]))
    pace = Pace(adapter, None, clock=clock)
    for _ in range(3):
        clock.now += 2.0
        pace.on_step_end(None, None, None)
    assert pace.tokens_per_s == 3.0


@pytest.mark.parametrize("flops", [None, TrainingFlops(10.0, 0.0)])
@pytest.mark.parametrize("peak", [None, 9e6])
def test_the_share_of_the_peak_needs_a_peak_and_products(flops, peak):
    clock, adapter = Clock(), SimpleNamespace(lengths=np.array([300, 600]))
    pace = Pace(adapter, flops, peak, clock)
    clock.now += 0.5
    pace.on_step_end(None, None, None)
    assert pace.share_of_peak == (10.0 * 900 / 0.5 / 9e6 if flops and peak else None)
