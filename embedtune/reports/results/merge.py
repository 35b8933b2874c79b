"""What a merge leaves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.reports.results.base import AlphaPoint, GuardRow, VerbResult

Scores = Mapping[str, float]


class MergedModel(TypedDict):
    """A model that went into a merge, and what it scores on the test queries; nothing without --data."""

    model: str
    weight: float
    metrics: Scores


class MergeTest(TypedDict):
    """The merged model against one of its parts; `verdict` goes by `p_holm`, adjusted for all parts."""

    against: str
    metric: str
    part: float
    merged: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    p_holm: float
    verdict: str
    sentence: str


@dataclass(frozen=True)
class MergeResult(VerbResult):
    """The outcome of `embedtune merge`; the field names are the `--json` keys and do not change.

    Args:
        output: the folder of everything.
        model: the folder of the merged model.
        method: how weights were mixed.
        alpha: how far from the first model towards the others.
        models: the parts, the first being the one at alpha 0.
        curve: what other alphas would give; empty where alpha was a number.
        verdict: the merged model against the first, on the test queries; None without --data.
        comparisons: the merged model against every part.
        guard: the first model against the merged one, on sets that must not get worse.
        metrics: of the merged model on the test queries.
        curve_s: how long the curve took.
        kept_share: how much of the second model's gain over the first the merged one has; None with more models, or
            where that gain is not significant.
        test_queries: how many were judged.
        unseen_queries: those of them whose relevant documents were never trained on.
    """

    output: str
    model: str
    method: str
    alpha: float
    models: tuple[MergedModel, ...]
    curve: tuple[AlphaPoint, ...]
    verdict: Comparison | None
    comparisons: tuple[MergeTest, ...]
    guard: tuple[GuardRow, ...]
    metrics: Scores
    elapsed_s: float
    curve_s: float = 0.0
    kept_share: float | None = None
    test_queries: int = 0
    unseen_queries: int = 0
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return {**dataclasses.asdict(self), "verdict": self.verdict and self.verdict.as_dict()}
