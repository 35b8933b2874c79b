"""From a finished race to its result: who ran how far, what was decided on dev, and what test says about it."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from embedtune.config.systems import BM25
from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.prepare import TrainingData
from embedtune.evaluation.verdicts.significance import Comparison, adjusted
from embedtune.findings import Finding
from embedtune.racing.arm import Arm, full_heat
from embedtune.racing.decision import Decision
from embedtune.racing.more_data import LearningCurve, queries_to_see
from embedtune.racing.outcome import Outcome
from embedtune.racing.plan import RacePlan, shortest_for_full_finals
from embedtune.racing.race import MERGED
from embedtune.reports.results.tune import ArmTest, GainOnBoth, SpentBudget, TuneResult
from embedtune.reports.sections.beside import SEARCH_WITH_WORDS
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.scoring import METRICS, PRIMARY, SELECTION, judge
from embedtune.workflows.tune.checks import DEFAULT
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.heats import Heats
from embedtune.workflows.tune.opened_test import TestScores
from embedtune.workflows.tune.pricing import RaceClock
from embedtune.workflows.tune.raced import raced_arms, raced_rounds

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
    words = _beside_words(test, decision.winner, data, heats.seed)
    gains = tuple(_gains(outcome, arms, heats, test, plan))
    return TuneResult(
        output=str(folder),
        model=str(folder / "model"),
        winner=decision.winner,
        default=DEFAULT,
        arms=tuple(raced_arms(arms, plan, outcome, heats)),
        race=tuple(raced_rounds(plan, outcome)),
        decision=decision.sentence,
        dev=tuple(_test(DEFAULT, name, found) for name, found in decision.tests.items()),
        full=_in_full(decision),
        smallest_difference=round(decision.smallest, 6),
        verdict=verdict,
        comparisons=comparisons,
        beside_bm25=words,
        gains=gains,
        curve=curve,
        queries_needed=_needed(test, decision.winner),
        budget=SpentBudget(
            asked=config.tune.budget,
            steps=plan.budget + _put_aside(arms, plan),
            used_steps=round(outcome.spent, 1),
            final_steps=outcome.final,
            full_steps=plan.course,
            choosing_steps=int(RaceFolder(folder).facts()["chosen_steps"]),
            seeds=decision.seeds,
            spent_s=round(clock.spent_s, 2),
        ),
        shared=tuple(_shared(heats, chosen)),
        elapsed_s=round(clock.spent_s, 2),
        start={metric: round(float(own.mean()), 6) for metric, own in start.scores.items()},
        metric=SELECTION,
        recipe=str(folder / "recipe.yaml"),
        again=f"embedtune tune {shlex.quote(str(folder / 'tune.yaml'))} --output ANOTHER",
        findings=(*data.findings, *_findings(verdict, comparisons, gains, words), *_short(outcome, plan)),
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
    """The winner against the default, and both against the start; the latter p-values are Holm-adjusted together.

    Where the default is kept, it is compared with the start alone.
    """
    if test is None:
        return None, ()
    unseen = frozenset[str]() if data.unpaired else data.unseen
    verdict = judge(test["start" if winner == DEFAULT else DEFAULT], test[winner], unseen, seed=seed).verdict
    names = list(dict.fromkeys([DEFAULT, winner]))
    found = adjusted([judge(test["start"], test[name], unseen, seed=seed).verdict for name in names])
    return verdict, tuple(_test("start", name, one) for name, one in zip(names, found, strict=True))


def _beside_words(test: TestScores | None, winner: str, data: TrainingData, seed: int) -> ArmTest | None:
    """The winner against BM25 on test; None where there is none of either."""
    if test is None or BM25 not in test:
        return None
    unseen = frozenset[str]() if data.unpaired else data.unseen
    return _test(BM25, winner, judge(test[BM25], test[winner], unseen, seed=seed).verdict)


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
    verdict: Comparison | None,
    comparisons: Sequence[ArmTest],
    gains: Sequence[GainOnBoth],
    words: ArmTest | None,
) -> Iterator[Finding]:
    if verdict is None:
        yield Finding("no-evidence", "warning", 0, "there is no test split, so nothing confirms what dev chose.", "")
    elif verdict.verdict == "worse" and len(comparisons) > 1:
        message = "the winner of dev is worse than the default on test."
        yield Finding("winner-worse", "warning", 1, message, "Use default.yaml, and a larger dev split.")
    for one in comparisons:
        if one["verdict"] == "worse":
            message = f"{one['b']} is worse than the encoder before training on test."
            yield Finding("below-start", "warning", 1, message, "Keep the encoder as it is, or find better pairs.")
    if words is not None and words["verdict"] == "worse":
        message = f"BM25 alone ranks the test queries better than the winner, {words['b']}."
        yield Finding("bm25-better", "warning", 1, message, SEARCH_WITH_WORDS)
    for gain in gains:
        if gain["metric"] == PRIMARY and gain["dev"] > EFFECT and gain["test"] < FEWER * gain["dev"]:
            message = f"{gain['system']} gained {gain['dev']:+.3f} on dev and {gain['test']:+.3f} on test."
            yield Finding("curse", "note", 1, message, "What dev chooses looks better on dev than it is.")


def _short(outcome: Outcome, plan: RacePlan) -> Iterator[Finding]:
    """That finalists ran shorter than a full run, and what would change that."""
    if outcome.final < plan.course:
        message = (
            f"finalists trained {outcome.final:,} steps; a full run of the default takes {plan.course:,}. "
            "The default, and a winner if there was one, were trained in full besides."
        )
        enough = f"{shortest_for_full_finals(plan.course):,} steps"
        fix = (
            "What is best for short runs, such as a high rate, may not be best for full ones, and what is best for "
            f"those may be missed: a race of {enough} or more runs its final in full."
        )
        yield Finding("short-runs", "note", outcome.final, message, fix)
