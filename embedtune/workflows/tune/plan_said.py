"""A plan in words: who races and what is put aside; or why a budget is refused, and which one would do."""

from collections.abc import Sequence

from embedtune.errors import ConfigError
from embedtune.findings import counted
from embedtune.racing.arm import Arm
from embedtune.racing.plan import RacePlan, smallest_budget
from embedtune.workflows.shared.talk import Talk


def too_small(budget: str, rest: int, paid: Sequence[str], enough: str, course: int) -> ConfigError:
    """The refusal of a budget.

    Args:
        budget: as it was asked for.
        rest: steps that it leaves for the race.
        paid: what it has to pay besides.
        enough: a budget that would do.
        course: steps of the default's full run.
    """
    listed = " and ".join(filter(None, (", ".join(paid[:-1]), *paid[-1:])))
    after = f" after {listed}" if listed else ""
    return ConfigError(
        f"{budget} leaves {counted(max(0, rest), 'step')} for the race{after}; it needs {smallest_budget()}",
        where="--budget",
        next=f"give {enough} or more; a full run of the default takes {counted(course, 'step')}",
    )


def say_plan(talk: Talk, arms: Sequence[Arm], plan: RacePlan, dear: Sequence[str]) -> None:
    """Who races how far, and who does not: the first arms race; `dear` are those whose full runs cost too much."""
    racing = ", ".join(arm.name for arm in arms[: plan.arms])
    if plan.in_full:
        talk.say(f"put aside: a full run of the default ({counted(plan.course, 'step')}), and one of a winner")
    final = (
        f"about {plan.final:,} steps with several seeds"
        if plan.in_full
        else (f"{plan.final:,} steps with up to {counted(plan.seeds, 'seed')}")
    )
    talk.say(
        f"{counted(plan.arms, 'arm')} race for {plan.budget:,} steps: {racing}. Rounds of "
        f"{' and '.join(map(str, plan.rounds))} steps sort them out; then the default and up to "
        f"{counted(plan.challengers, 'challenger')} train {final} each"
    )
    waiting = [arm.name for arm in arms[plan.arms :] if arm.name not in dear]
    if waiting:
        talk.say(f"the budget has no room for: {', '.join(waiting)}")
    if dear:
        talk.say(f"left out, because full runs of them would leave too little for a race: {', '.join(dear)}")
