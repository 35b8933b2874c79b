"""From a finished race to its result: who ran how far, what was decided on dev, and what test says about it."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.prepare import TrainingData
from embedtune.evaluation.verdicts.significance import Comparison, adjusted
from embedtune.findings import Finding
from embedtune.racing.arm import Arm, full_heat
from embedtune.racing.decision import Decision
from embedtune.racing.more_data import LearningCurve, queries_to_see
from embedtune.racing.plan import RacePlan
from embedtune.racing.race import MERGED, Outcome
from embedtune.reports.results.tune import ArmTest, GainOnBoth, RacedArm, RacedRound, SpentBudget, TuneResult
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.scoring import METRICS, PRIMARY, SELECTION, judge
from embedtune.workflows.tune.heats import Heats
from embedtune.workflows.tune.opened_test import TestScores
from embedtune.workflows.tune.pricing import RaceClock
from embedtune.workflows.tune.space import DEFAULT

EFFECT = 0.01
"""The difference in nDCG@10 that people ask about."""
FEWER = 0.5
"""A test gain below this share of the dev gain is remarked on."""


def finished(
    config: TuneConfig,
    data: TrainingData,
    folder: Path,
    arms: Sequence[Arm],
    plan: RacePlan,
    outcome: Outcome,
    heats: Heats,
    test: TestScores | None,
    curve: LearningCurve | None,
    chosen: str,
    clock: RaceClock,
) -> TuneResult:
    """The result of a race."""
    decision, start = outcome.decision, heats.trainer.start
    verdict, comparisons = _on_test(test, decision.winner, data, heats.seed)
    gains = tuple(_gains(outcome, arms, heats, test, plan))
    return TuneResult(
        output=str(folder),
        model=str(folder / "model"),
        winner=decision.winner,
        default=DEFAULT,
        arms=tuple(_arms(arms, plan, outcome, heats)),
        race=tuple(_rounds(plan, outcome)),
        decision=decision.sentence,
        dev=tuple(_test(DEFAULT, name, found) for name, found in decision.tests.items()),
        full=_in_full(decision),
        smallest_difference=round(decision.smallest, 6),
        verdict=verdict,
        comparisons=comparisons,
        gains=gains,
        curve=curve,
        queries_needed=_needed(test, decision.winner),
        budget=SpentBudget(
            asked=config.tune.budget,
            steps=plan.budget + _put_aside(arms, plan),
            used_steps=round(outcome.spent, 1),
            final_steps=plan.final,
            full_steps=plan.course,
            seeds=decision.seeds,
            spent_s=round(clock.spent_s, 2),
        ),
        shared=tuple(_shared(heats, chosen)),
        elapsed_s=round(clock.spent_s, 2),
        start={metric: round(float(own.mean()), 6) for metric, own in start.scores.items()},
        metric=SELECTION,
        recipe=str(folder / "recipe.yaml"),
        again=f"embedtune tune {shlex.quote(str(folder / 'tune.yaml'))} --output ANOTHER",
        findings=(*data.findings, *_findings(verdict, comparisons, gains, plan)),
        described=data.described,
        facts={**machine_facts([config.model]), "data_sha256": dict(data.hashes), "plan": asdict(plan)},
        report=str(folder / "report.html"),
    )


def _put_aside(arms: Sequence[Arm], plan: RacePlan) -> int:
    """Steps for full runs besides the race: of the default, and of its dearest challenger."""
    dearest = max((arm.cost for arm in arms[1 : plan.arms]), default=0.0)
    return plan.course + round(plan.course * dearest) if plan.in_full else 0


def _in_full(decision: Decision) -> ArmTest | None:
    """The test of full runs; None where finalists ran in full, or none was named."""
    if decision.full is None:
        return None
    return _test(f"{decision.default} in full", f"{decision.named} in full", decision.full)


def _arms(arms: Sequence[Arm], plan: RacePlan, outcome: Outcome, heats: Heats) -> Iterator[RacedArm]:
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
        found, steps, scores = decision.tests.get(arm.name), plan.final, outcome.finals[arm.name]
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


def _rounds(plan: RacePlan, outcome: Outcome) -> Iterator[RacedRound]:
    for one in outcome.rounds:
        yield RacedRound(steps=one.steps, seeds=1, scores=dict(one.means), left=dict(one.left))
    means = {name: float(own.mean()) for name, own in outcome.finals.items()}
    if len(means) > 1 or not plan.in_full:
        yield RacedRound(steps=plan.final, seeds=outcome.decision.seeds, scores=means, left={})
    if plan.in_full:
        full = {name: float(own.mean()) for name, own in outcome.full.items()}
        yield RacedRound(steps=plan.course, seeds=1, scores=full, left={})


def _test(a: str, b: str, found: Comparison) -> ArmTest:
    return ArmTest(
        a=a,
        b=b,
        metric=found.metric,
        before=found.before,
        after=found.after,
        difference=found.difference,
        interval=found.interval,
        p_value=found.p_value,
        minimum_detectable_effect=found.minimum_detectable_effect,
        verdict=found.verdict,
        queries=found.queries,
    )


def _on_test(
    test: TestScores | None, winner: str, data: TrainingData, seed: int
) -> tuple[Comparison | None, tuple[ArmTest, ...]]:
    """The winner against the default, and both against the start; the latter p-values are Holm-adjusted together."""
    if test is None:
        return None, ()
    unseen = frozenset[str]() if data.unpaired else data.unseen
    verdict = judge(test[DEFAULT], test[winner], unseen, seed=seed).verdict
    names = list(dict.fromkeys([DEFAULT, winner]))
    found = adjusted([judge(test["start"], test[name], unseen, seed=seed).verdict for name in names])
    return verdict, tuple(_test("start", name, one) for name, one in zip(names, found, strict=True))


def _gains(
    outcome: Outcome, arms: Sequence[Arm], heats: Heats, test: TestScores | None, plan: RacePlan
) -> Iterator[GainOnBoth]:
    """Gains over the start on dev and on test, of the models that were tested."""
    if test is None:
        return
    start = heats.trainer.start.scores
    full = [full_heat(arm, plan, heats.seed) for arm in arms if arm.name in outcome.full]
    of_models = {heat.arm.name: heats.scores(heat) for heat in full}
    if MERGED in outcome.full:
        of_models[MERGED] = heats.merged_scores(
            [full_heat(arm, plan, heats.seed) for arm in arms if arm.name in outcome.finals]
        )
    for name, scores in of_models.items():
        if name in test:
            for metric in METRICS:
                if metric in test[name].per_query:
                    yield GainOnBoth(
                        system=name,
                        metric=metric,
                        dev=round(float((scores.scores[metric] - start[metric]).mean()), 6),
                        test=round(test[name].means[metric] - test["start"].means[metric], 6),
                    )


def _needed(test: TestScores | None, winner: str) -> int | None:
    """Test queries with which a difference of `EFFECT` between models like these would usually be seen."""
    if test is None:
        return None
    other = winner if winner != DEFAULT else "start"
    differences: np.ndarray = test[other].per_query[PRIMARY] - test[DEFAULT].per_query[PRIMARY]
    return queries_to_see(differences, EFFECT)


def _shared(heats: Heats, chosen: str) -> Iterator[str]:
    yield "Texts were tokenized once, the start was scored once, and vectors of guides that do not learn were kept."
    if chosen:
        yield chosen


def _findings(
    verdict: Comparison | None, comparisons: Sequence[ArmTest], gains: Sequence[GainOnBoth], plan: RacePlan
) -> Iterator[Finding]:
    if verdict is None:
        yield Finding("no-evidence", "warning", 0, "there is no test split, so nothing confirms what dev chose.", "")
    elif verdict.verdict == "worse":
        message = "the winner of dev is worse than the default on test."
        yield Finding("winner-worse", "warning", 1, message, "Use default.yaml, and a larger dev split.")
    for one in comparisons:
        if one["verdict"] == "worse":
            message = f"{one['b']} is worse than the encoder before training on test."
            yield Finding("below-start", "warning", 1, message, "Keep the encoder as it is, or find better pairs.")
    for gain in gains:
        if gain["metric"] == PRIMARY and gain["dev"] > EFFECT and gain["test"] < FEWER * gain["dev"]:
            message = f"{gain['system']} gained {gain['dev']:+.3f} on dev and {gain['test']:+.3f} on test."
            yield Finding("curse", "note", 1, message, "What dev chooses looks better on dev than it is.")
