"""The time left: known from the second step on however long a step takes, by the recent pace, and never negative."""

import pytest

from embedtune.progress import FEWEST, WINDOW_S, TimeLeft


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("step_s", [0.001, 0.5, 29.0, 31.0, 400.0])
def test_it_is_known_for_steps_of_any_length(step_s):
    clock = Clock()
    left = TimeLeft(clock)
    assert left.seconds(1000) is None
    for done in range(1, 500):
        clock.now += step_s
        left.mark(done)
        assert (left.seconds(1000) is None) == (done < 2)
    expected = step_s * (1000 - 499)
    assert left.seconds(1000) == pytest.approx(expected, abs=0.2 + 2 * step_s)


def test_it_counts_down_between_reports_and_stops_at_nothing():
    clock = Clock()
    left = TimeLeft(clock)
    for done in (1, 2):
        clock.now += 40.0
        left.mark(done)
    assert left.seconds(4) == 80.0
    clock.now += 30.0
    assert left.seconds(4) == 50.0
    clock.now += 600.0
    assert left.seconds(4) == 0.0


def test_what_a_resumed_run_had_done_before_says_nothing_of_its_pace():
    clock = Clock()
    left = TimeLeft(clock)
    for done in (900, 901, 902):
        left.mark(done)
        clock.now += 10.0
    assert left.seconds(1000) == 10.0 * 98 - 10.0


def test_a_pace_that_changes_is_forgotten():
    clock = Clock()
    left = TimeLeft(clock)
    done = 0
    for seconds, steps in ((10.0, 50), (1.0, int(WINDOW_S) + FEWEST)):
        for _ in range(steps):
            clock.now, done = clock.now + seconds, done + 1
            left.mark(done)
    assert left.seconds(done + 100) == pytest.approx(100.0, rel=0.02)


def test_the_same_report_twice_is_no_pace():
    clock = Clock()
    left = TimeLeft(clock)
    for _ in range(3):
        left.mark(4)
        clock.now += 5.0
    assert left.seconds(10) is None and left.seconds(None) is None
