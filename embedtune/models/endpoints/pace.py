"""When an endpoint may be asked next: by the limits it states, by the user's own, and by what it asks after a fault."""

import random
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

BACKOFF_S, MOST_BACKOFF_S = 0.5, 60.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def now(self) -> float:
        """Seconds since any fixed moment, never going back."""

    def date(self) -> datetime:
        """The date and time, with its zone."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class WallClock:
    """The machine's own clock."""

    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def date(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


class RequestPace:
    """Keeps requests as far apart as they must be.

    Args:
        requests_per_minute: at most; None for what the endpoint's own headers say.
        clock: tells the time and waits.
    """

    def __init__(self, requests_per_minute: float | None, clock: Clock) -> None:
        self._clock = clock
        self._apart = 60 / requests_per_minute if requests_per_minute else 0.0
        self._next = 0.0

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        delay = self._next - self._clock.now()
        if delay > 0:
            self._clock.sleep(delay)
        self._next = self._clock.now() + self._apart

    def heed(self, headers: Mapping[str, str]) -> None:
        """Wait before the next request if the endpoint says that none, or no token, is left."""
        for what in ("requests", "tokens"):
            left, reset = headers.get(f"x-ratelimit-remaining-{what}"), headers.get(f"x-ratelimit-reset-{what}")
            delay = duration_of(reset) if left is not None and left.strip() == "0" else None
            if delay is not None:
                self.delay(min(delay, MOST_BACKOFF_S))

    def delay(self, seconds: float) -> None:
        """Send nothing for so long."""
        self._next = max(self._next, self._clock.now() + seconds)


def backoff(attempt: int, chance: random.Random) -> float:
    """Seconds before the next try, doubled each time and at random between half of that and all, so that many
    processes do not come back together.

    >>> 0.25 <= backoff(0, random.Random(0)) <= 0.5, backoff(20, random.Random(0)) <= 60
    (True, True)
    """
    return min(MOST_BACKOFF_S, BACKOFF_S * 2 ** min(attempt, 20)) * (0.5 + chance.random() / 2)


def retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds that a Retry-After header asks for, as a number or as a date; None if it says nothing usable."""
    if value is None:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - clock.date()).total_seconds())


def duration_of(text: str | None) -> float | None:
    """Seconds of a duration as OpenAI's headers write it.

    >>> duration_of("6m0s"), duration_of("20ms"), duration_of("1.5"), duration_of("soon")
    (360.0, 0.02, 1.5, None)
    """
    found = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|$)", (text or "").strip())
    if not found or "".join(number + unit for number, unit in found) != (text or "").strip():
        return None
    return sum(float(number) * _UNITS.get(unit, 1.0) for number, unit in found)
