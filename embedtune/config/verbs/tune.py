"""Every option of `embedtune tune`: those of the recipe that the race starts from, and those of the race."""

import math
import re
from contextlib import suppress
from typing import Literal

from pydantic import Field, field_validator

from embedtune.config.option_text import parse_bytes, parse_duration
from embedtune.config.options import option
from embedtune.config.section import RecipeSection
from embedtune.config.verbs.train import TrainConfig

_STEPS, MOST_STEPS = re.compile(r"([0-9]{1,12}) ?steps?"), 100_000_000


class RaceSection(RecipeSection):
    """The race: how long it may take, and who takes part."""

    heading = "Run"

    budget: str = option(
        "30m",
        "what the race may take: a time such as 30m, 2h or 1h30m, or steps of the default recipe, such as 500steps, "
        "which give the same result on every run",
        "TIME|STEPSsteps",
    )
    arms: dict[str, list[str]] = Field(
        default_factory=dict,
        description="recipes that race against the default: name -> values that it changes, as section.key=value; "
        "empty: those that suit encoder and data",
    )
    memory: str | None = option(
        None,
        "most memory that training an arm may take (of the GPU, where that trains): an arm that would take more trains "
        "in micro-batches, or is left out",
        "SIZE",
        shown="no limit",
    )
    seeds: int = Field(8, ge=2, description="most seeds of each finalist")
    curve: bool = option(
        False, "also train the winner on 25% and 50% of the pairs, and say what more pairs would bring", flag="curve"
    )

    @field_validator("budget")
    @classmethod
    def _is_a_budget(cls, text: str) -> str:
        text = text.strip()
        steps = _STEPS.fullmatch(text)
        with suppress(ValueError):
            amount, most = (parse_duration(text), math.inf) if steps is None else (int(steps[1]), MOST_STEPS)
            if 0 < amount <= most:
                return text
        raise ValueError(
            f"{text!r} is neither a time in h, m and s of at most a year, such as 30m, 2h or 1h30m, nor a number of "
            f"steps, such as 500steps, of at most {MOST_STEPS:,}"
        )

    @field_validator("memory")
    @classmethod
    def _is_a_size(cls, text: str | None) -> str | None:
        if text is not None:
            parse_bytes(text)
        return text

    @property
    def memory_bytes(self) -> int | None:
        """The limit in bytes; None for none.

        >>> RaceSection(memory="2GiB").memory_bytes
        2147483648
        """
        return None if self.memory is None else parse_bytes(self.memory)

    @property
    def unit(self) -> Literal["steps", "seconds"]:
        """What the budget counts."""
        return "steps" if _STEPS.fullmatch(self.budget) else "seconds"

    @property
    def amount(self) -> float:
        """How much it is, in steps or in seconds.

        >>> RaceSection(budget="2h").amount, RaceSection(budget="500steps").amount
        (7200.0, 500.0)
        """
        steps = _STEPS.fullmatch(self.budget)
        return parse_duration(self.budget) if steps is None else float(steps[1])


class TuneConfig(TrainConfig):
    """Everything about a race: the default recipe, as `embedtune train` takes it, and the race itself."""

    of_no_use = frozenset(
        {"task", "query_model.name", "teacher.name", "side", "guard.sets", "guard.policy", "guard.merge"}
        | {"domains.by", "domains.replay", "domains.joint"}
    )

    tune: RaceSection = Field(default_factory=RaceSection)

    @property
    def recipe(self) -> TrainConfig:
        """The default recipe alone."""
        return TrainConfig(**{name: getattr(self, name) for name in TrainConfig.model_fields})
