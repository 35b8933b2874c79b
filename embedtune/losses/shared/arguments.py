"""Checks the arguments that a user gives to a loss: one sentence names the argument, the range and the given value."""

import math
from collections.abc import Sequence
from typing import Any

from embedtune.errors import ConfigError


class Arguments:
    """Checks the arguments of one loss, whose name the messages give, and returns their values.

    Raises:
        ConfigError: from every method, if the value has the wrong type or is out of range.
    """

    def __init__(self, loss: str) -> None:
        self.loss = loss

    def error(self, argument: str, message: str, next: str | None = None) -> ConfigError:
        """The error to raise about one argument."""
        return ConfigError(f"{argument} {message}", where=f"loss.{self.loss}.args.{argument}", next=next)

    def number(
        self,
        argument: str,
        value: Any,
        *,
        above: float = -math.inf,
        at_least: float = -math.inf,
        at_most: float = math.inf,
    ) -> float:
        """A finite number within the bounds."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and above < value and at_least <= value <= at_most:
            return float(value)
        bounds = {"above": above, "at least": at_least, "at most": at_most}
        within = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound))
        raise self.error(argument, f"must be a number {within}".rstrip() + f", not {value!r}")

    def count(self, argument: str, value: Any, *, at_least: int) -> int:
        """An integer, not below the bound."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= at_least:
            return value
        raise self.error(argument, f"must be a whole number, {at_least} or more, not {value!r}")

    def switch(self, argument: str, value: Any) -> bool:
        """true or false."""
        if isinstance(value, bool):
            return value
        raise self.error(argument, f"must be true or false, not {value!r}")

    def choice(self, argument: str, value: Any, choices: Sequence[str]) -> str:
        """One of the given words."""
        if isinstance(value, str) and value in choices:
            return value
        raise self.error(argument, f"must be one of {', '.join(choices)}, not {value!r}")
