"""Who ran how far in a race, and how it ended for them."""

from collections.abc import Iterator, Sequence

from embedtune.racing.arm import Arm
from embedtune.racing.outcome import Outcome
from embedtune.racing.plan import RacePlan
from embedtune.racing.race import MERGED
from embedtune.reports.results.tune import RacedArm, RacedRound
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.tune.heats import Heats


def raced_arms(arms: Sequence[Arm], plan: RacePlan, outcome: Outcome, heats: Heats) -> Iterator[RacedArm]:
    """Every arm where it ran furthest; merged survivors last."""
    base = float(heats.trainer.start.scores[SELECTION].mean())
    for place, arm in enumerate(arms):
        steps, mean, left, p_value = _furthest(arm, plan, outcome)
        if place >= plan.arms:
            left = "not started"
        yield RacedArm(
            name=arm.name,
            changes=arm.changes,
            price=arm.price,
            steps=arm.steps(steps) if steps else 0,
            dev={} if mean is None else {SELECTION: round(mean, 6)},
            gain=None if mean is None else round(mean - base, 6),
            left=left,
            p_value=p_value,
            reason=heats.stopped.get(arm.name, ""),
        )
    if MERGED in outcome.finals:
        mean = float(outcome.finals[MERGED].mean())
        yield RacedArm(
            name=MERGED,
            changes=("the mean of the weights of the finalists",),
            price=0.0,
            steps=0,
            dev={SELECTION: round(mean, 6)},
            gain=round(mean - base, 6),
            left="winner" if outcome.decision.winner == MERGED else "final",
            p_value=outcome.decision.tests[MERGED].p_value,
            reason="",
        )


def _furthest(arm: Arm, plan: RacePlan, outcome: Outcome) -> tuple[int, float | None, str, float | None]:
    """Steps, mean score, how it left and by which p-value."""
    decision = outcome.decision
    if arm.name in outcome.finals:
        left = "winner" if arm.name == decision.winner else "default" if arm.name == decision.default else "final"
        found, steps, scores = decision.tests.get(arm.name), outcome.final, outcome.finals[arm.name]
        if plan.in_full and arm.name in outcome.full:
            left = "not in full" if left == "final" else left
            found, steps, scores = decision.full if found else None, plan.course, outcome.full[arm.name]
        p_value = None if found is None else found.p_value
        return max(1, round(steps * arm.course)), float(scores.mean()), left, p_value
    for one in reversed(outcome.rounds):
        if arm.name in one.means:
            p_value = next((test.p_value for test in one.tests if test.name == arm.name), None)
            return one.steps, one.means[arm.name], one.left.get(arm.name, "no room"), p_value
    return 0, None, "not started", None


def raced_rounds(plan: RacePlan, outcome: Outcome) -> Iterator[RacedRound]:
    """Rounds in order, then the final and, where finalists ran shorter, full runs."""
    for one in outcome.rounds:
        yield RacedRound(steps=one.steps, seeds=1, scores=dict(one.means), left=dict(one.left))
    means = {name: float(own.mean()) for name, own in outcome.finals.items()}
    if len(means) > 1 or not plan.in_full:
        yield RacedRound(steps=outcome.final, seeds=outcome.decision.seeds, scores=means, left={})
    if plan.in_full:
        full = {name: float(own.mean()) for name, own in outcome.full.items()}
        yield RacedRound(steps=plan.course, seeds=1, scores=full, left={})
