"""Where the time goes: every second in one part, whatever is within what."""

import pytest

from embedtune.workflows.train.sessions.time_spent import TimeSpent


@pytest.fixture
def clock():
    """Seconds that go on only when told to."""

    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    return Clock()


def test_a_part_within_another_is_counted_once(clock) -> None:
    spent = TimeSpent(clock)
    with spent.on("training"):
        clock.now += 3
        for _ in range(2):
            with spent.on("dev evaluations"):
                clock.now += 2
            clock.now += 1
    clock.now += 50  # between parts
    with spent.on("training"):
        clock.now += 4
    assert spent.seconds == {"training": 9, "dev evaluations": 4}


def test_time_is_counted_when_the_work_fails(clock) -> None:
    spent = TimeSpent(clock)

    def fails() -> None:
        clock.now += 5
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        spent.timed("guide", fails)()
    assert spent.seconds == {"guide": 5}
