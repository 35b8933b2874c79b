"""Tokens and operations a second, by a clock of our own."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from embedtune.training.run.pace import RECENT, Pace, TrainingFlops


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("flops", [None, TrainingFlops(10.0, 2.0)])
def test_steps_are_timed_and_evaluations_are_not(flops):
    clock, adapter = Clock(), SimpleNamespace(lengths=np.array([3, 5]))
    pace = Pace(adapter, flops, clock=clock)
    assert pace.tokens_per_s == 0 and pace.gauges() == {} and pace.words() == ""
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
def test_the_pace_in_words_is_that_of_the_last_steps(flops, peak):
    """Reference: the last steps alone; no trace of those before, of an evaluation, or of a step that had more to do."""
    clock, adapter = Clock(), SimpleNamespace(lengths=np.array([0]))
    pace = Pace(adapter, flops, peak, clock)
    steps = [(500 * step, 0.01 * (1 + step % 3) + (90.0 if step == 20 else 0)) for step in range(1, RECENT + 8)]
    for tokens, seconds in steps:
        adapter.lengths = np.array([tokens // 2, tokens // 2])
        clock.now += seconds
        pace.on_step_end(None, None, None)
        clock.now += 1000.0
        pace.on_evaluate(None, None, None)
    low, high = sorted(tokens / seconds for tokens, seconds in steps[-RECENT:])[RECENT // 2 - 1 : RECENT // 2 + 1]
    expected = (low + high) / 2
    share = f", {10 * expected / 9e6:.0%} of this machine's peak" if flops and peak else ""
    assert pace.words() == f"{expected:,.0f} tokens/s{share}"
    assert pace.share_of_peak == (pace.flops_per_s / peak if flops and peak else None)
