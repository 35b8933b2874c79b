"""What a race of recipes leaves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.racing.more_data import LearningCurve
from embedtune.reports.results.base import VerbResult


class RacedArm(TypedDict):
    """A recipe that raced, or had no room to.

    `dev` holds its mean dev score where it ran furthest, after `steps` of its own steps; `gain` is that of the deciding
    metric over the start. `left` says how it left: "winner", "default", "final", "behind", "no room", "not started" or,
    if it won a race of shorter runs and its full run was not better than that of the default, "not in full"; `p_value`
    is that of the test by which it left, adjusted. `reason` says why training could not go on.
    """

    name: str
    changes: tuple[str, ...]
    price: float
    steps: int
    dev: Mapping[str, float]
    gain: float | None
    left: str
    p_value: float | None
    reason: str


class RacedRound(TypedDict):
    """A round: steps of each arm, mean dev score of the deciding metric, and who left and why."""

    steps: int
    seeds: int
    scores: Mapping[str, float]
    left: Mapping[str, str]


class SpentBudget(TypedDict):
    """What was asked for and what was used; `steps` are those of the default recipe, for everything.

    `final_steps` are those of a finalist, `full_steps` those of the default's full run. `choosing_steps` were spent
    before, on what the default left open.
    """

    asked: str
    steps: int
    used_steps: float
    final_steps: int
    full_steps: int
    choosing_steps: int
    seeds: int
    spent_s: float


class ArmTest(TypedDict):
    """Two systems of a race, tested on dev or on test; `verdict` goes by `p_value`, adjusted for all tests together."""

    a: str
    b: str
    metric: str
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    minimum_detectable_effect: float
    verdict: str
    queries: int


class GainOnBoth(TypedDict):
    """The same gain on dev, where it was chosen, and on test, which was opened once at the end."""

    system: str
    metric: str
    dev: float
    test: float


@dataclass(frozen=True)
class TuneResult(VerbResult):
    """The outcome of `embedtune tune`; the field names are the `--json` keys and do not change.

    Args:
        output: the folder of everything.
        model: the winner's model.
        winner: the name of the winning arm; that of the default where no difference was shown.
        default: the name of the default arm.
        arms: everyone who raced, and who had no room to.
        race: rounds in order, the final last.
        decision: what was decided on dev, in a sentence.
        dev: the test that decided, per challenger of the final.
        full: the full run of the arm that won a race of shorter ones against that of the default, on dev; else None.
        smallest_difference: what the race would have found 4 times out of 5, in the deciding metric.
        verdict: the winner against the default on test, or the default that was kept against the start; None without a
            test split.
        comparisons: on test, Holm-adjusted together: the start against the default and against the winner.
        beside_bm25: on test, the winner against BM25; None where the queries are no texts.
        gains: dev gain beside test gain.
        curve: what more pairs would bring; None unless asked for.
        queries_needed: test queries with which +0.01 would usually be seen.
        budget: asked and used.
        shared: what was computed once for all arms, in sentences.
        elapsed_s: of all sessions.
        start: scores of the encoder before training, on dev.
        metric: what decides on dev.
        again: the command that repeats the race.
    """

    output: str
    model: str
    winner: str
    default: str
    arms: tuple[RacedArm, ...]
    race: tuple[RacedRound, ...]
    decision: str
    dev: tuple[ArmTest, ...]
    smallest_difference: float
    verdict: Comparison | None
    comparisons: tuple[ArmTest, ...]
    gains: tuple[GainOnBoth, ...]
    curve: LearningCurve | None
    queries_needed: int | None
    budget: SpentBudget
    shared: tuple[str, ...]
    elapsed_s: float
    full: ArmTest | None = None
    beside_bm25: ArmTest | None = None
    start: Mapping[str, float] = field(default_factory=dict)
    metric: str = ""
    recipe: str = ""
    again: str = ""
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return {**dataclasses.asdict(self), "verdict": self.verdict and self.verdict.as_dict()}
