"""Full runs after a race of shorter ones: what is left at the end was trained to its end, and is not worse for it.

What is best for short runs, such as a high rate, may not be best for full ones. So the winner of a race whose finalists
ran shorter is trained in full, as the default was, and stays the winner only if a paired test over dev queries says
that its model is better than the default's. A finalist that ran its full course is not trained again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.racing.arm import Arm, Heat, Play, full_heat
from embedtune.racing.decision import Decision
from embedtune.racing.outcome import Outcome
from embedtune.racing.plan import RacePlan


def with_full_runs(
    outcome: Outcome,
    arms: Sequence[Arm],
    plan: RacePlan,
    play: Play,
    metric: str,
    *,
    seed: int = 0,
    draws: int = 10_000,
    affords: Callable[[float, float], bool] | None = None,
    is_done: Callable[[Heat], bool] = lambda heat: False,
) -> Outcome:
    """The outcome once default and winner are trained in full; the same one, if its finalists were.

    Args:
        outcome: of the race.
        arms: the default first.
        plan: of the race.
        play: trains an arm.
        metric: what the scores are.
        seed: of the recipe.
        draws: of the permutation test.
        affords: whether there is time for so many steps and scorings of heats; None where the budget is in steps.
        is_done: whether a full run was trained before the race was interrupted.
    """
    decision = outcome.decision
    if not plan.in_full:
        first = {name: own[0] for name, own in outcome.finals.items() if name in (decision.default, decision.winner)}
        return replace(outcome, full=first)
    heats = {arm.name: full_heat(arm, plan, seed) for arm in arms}
    full = {decision.default: play(heats[decision.default])}
    spent = outcome.spent + plan.course
    if decision.replaced:
        heat = heats[decision.winner]
        cost = heat.budget * heat.arm.price
        if affords is None or is_done(heat) or affords(cost, 1 + plan.watching):
            full[decision.winner] = play(heat)
            spent += cost
        decision = _confirmed(decision, full, metric, seed=seed, draws=draws)
    return replace(outcome, decision=decision, full=full, spent=spent)


def _confirmed(decision: Decision, full: Mapping[str, np.ndarray], metric: str, *, seed: int, draws: int) -> Decision:
    """The decision on full runs, (Q,) each: the winner of shorter ones stays it if its model is shown to be better."""
    named, default = decision.winner, decision.default
    if named not in full:
        return replace(decision, winner=default, named=named)
    found = compare_paired(full[default], full[named], metric=metric, draws=draws, seed=seed)
    return replace(decision, winner=named if found.verdict == "better" else default, named=named, full=found)
