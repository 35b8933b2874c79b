"""The range of numbers along a side of a plot, and the round numbers that label it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 300
"""Size of a plot in its own units; a page stretches it."""
MOST_TICKS = 7
KINDS = 6
"""How many lines have a colour and a dash pattern of their own."""
_MARGIN = 0.05
_SLACK = 1e-9
"""Share of a step: an end that is a round number gets its tick, even if the two differ in their last bits."""


@dataclass(frozen=True)
class Tick:
    """A number along an axis: its text and its position, from 0 to 1."""

    text: str
    place: float


@dataclass(frozen=True)
class Axis:
    """Numbers from low to high, low < high; with `log` both are positive and equal ratios are equally long.

    >>> Axis(0.0, 10.0).place(2.5), Axis(1.0, 100.0, log=True).place(10.0)
    (0.25, 0.5)
    """

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """The position of a number: 0 at low, 1 at high."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def x(self, value: float) -> float:
        """Units from the left of a plot."""
        return round(WIDTH * self.place(value), 1)

    def y(self, value: float) -> float:
        """Units from the top of a plot."""
        return round(HEIGHT * (1 - self.place(value)), 1)

    def ticks(self, most: int = MOST_TICKS) -> list[Tick]:
        """Round numbers along the axis."""
        numbers = _steps_of_ten(self.low, self.high) if self.log else round_ticks(self.low, self.high, most)
        return [Tick(f"{number:,g}", self.place(number)) for number in numbers]


def round_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """Round numbers within a span, at most `most`.

    >>> round_ticks(-0.13, 0.91)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    steps = (base * 10.0**power for power in range(-9, 16) for base in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= most - 1)
    first, last = math.ceil(low / step - _SLACK), math.floor(high / step + _SLACK)
    return [round(multiple * step, 9) for multiple in range(first, last + 1)]


def around(values: Iterable[float], bounds: tuple[float, float] | None = None) -> Axis:
    """An axis that holds all values with a little room, or the given bounds; it crosses 0 and 1 only if a value does.

    >>> around([3.0, 3.0]).place(3.0), around([0.0, 0.0]).place(0.0)
    (0.5, 0.0)
    """
    if bounds is not None:
        return Axis(*bounds)
    known = list(values)
    low, high = min(known), max(known)
    room = _MARGIN * (high - low) or abs(high) / 10 or 1.0
    floor, ceiling = (0.0 if low >= 0 else -math.inf), (1.0 if high <= 1 else math.inf)
    return Axis(max(low - room, floor), min(high + room, ceiling))


def _steps_of_ten(low: float, high: float) -> Sequence[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = (base * 10.0**power for power in powers for base in (1, 2, 5))
    return [number for number in numbers if low <= number <= high]
