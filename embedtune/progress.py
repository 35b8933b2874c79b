"""How long work reports on itself: one protocol for encoding, searching, reading and training, and the time left."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

WINDOW_S, FEWEST = 60.0, 20
"""The pace is that of the last minute, or of the last 20 reports where these took longer: a step may take minutes."""
APART_S = 0.2
"""Reports that follow faster than this are counted together."""


class Progress(Protocol):
    """Receives how much of a long piece of work is done."""

    def __call__(self, done: int, total: int | None = None, note: str = "", /) -> None:
        """Report `done` units, out of `total` where that is known, with an optional short note."""


class TimeLeft:
    """Estimates how long counted work still takes, from its recent pace.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, done: int) -> None:
        """Note that so many units are done now. What was done before the first report says nothing of the pace."""
        now, marks = self._clock(), self._marks
        if marks and (done <= marks[-1][1] or (len(marks) > 1 and now - marks[-1][0] < APART_S)):
            return
        marks.append((now, done))
        while len(marks) > FEWEST and now - marks[0][0] > WINDOW_S:
            marks.popleft()

    def seconds(self, total: int | None) -> float | None:
        """The seconds left now, at least 0; None if the pace or the total is unknown.

        >>> now = [0.0]
        >>> left = TimeLeft(lambda: now[0])
        >>> for done in (1, 2, 3):
        ...     now[0] = 40.0 * done
        ...     left.mark(done)
        >>> left.seconds(10)
        280.0
        """
        if total is None or len(self._marks) < 2:
            return None
        (began, first), (last, done) = self._marks[0], self._marks[-1]
        pace = (last - began) / (done - first)
        return max(0.0, pace * (total - done) - (self._clock() - last))
