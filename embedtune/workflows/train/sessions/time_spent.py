"""Where the time of a long run goes: seconds by part, those of a part within another one counted once."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class TimeSpent:
    """Seconds by part of a run.

    Args:
        clock: in seconds.

    >>> ticks = iter([0.0, 1.0, 3.0, 10.0])
    >>> spent = TimeSpent(lambda: next(ticks))
    >>> with spent.on("training"):
    ...     with spent.on("dev evaluations"):
    ...         pass
    >>> spent.seconds == {"training": 8.0, "dev evaluations": 2.0}
    True
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._parts: list[str] = []
        self._since = 0.0
        self._seconds: dict[str, float] = {}

    @property
    def seconds(self) -> Mapping[str, float]:
        """So far, in the order in which the parts began."""
        return {name: round(value, 2) for name, value in self._seconds.items()}

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Time spent on a part, until it ends or another one begins within it."""
        self._turn()
        self._parts.append(part)
        self._seconds.setdefault(part, 0.0)
        try:
            yield
        finally:
            self._turn()
            self._parts.pop()

    def timed(self, part: str, work: Callable[..., Answer]) -> Callable[..., Answer]:
        """The same work, its time counted as that part."""

        @wraps(work)
        def counted(*args: Any, **options: Any) -> Answer:
            with self.on(part):
                return work(*args, **options)

        return counted

    def _turn(self) -> None:
        """Count the time since the last turn to the part that was going on."""
        now = self._clock()
        if self._parts:
            self._seconds[self._parts[-1]] += now - self._since
        self._since = now
