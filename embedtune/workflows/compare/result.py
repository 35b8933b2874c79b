"""What a comparison leaves: the object behind `--json`, and what its tests come to when they are read together."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedtune.evaluation.changes import Change
from embedtune.evaluation.evidence import Evidence
from embedtune.evaluation.seeds import OverSeeds
from embedtune.evaluation.significance import Comparison, adjusted
from embedtune.findings import Finding
from embedtune.workflows.shared.scoring import metric_fields

Test = tuple[Comparison, OverSeeds | None]


@dataclass(frozen=True)
class CompareResult:
    """The outcome of `embedtune compare`; the field names are the `--json` keys and stay.

    Args:
        metric: what is compared.
        a, b: means over the queries, and over the seeds where there are several.
        difference: b - a.
        interval: 95% interval of the difference.
        p_value: two-sided: paired permutation over queries; of several seeds, queries and seeds together.
        p_holm: the same, adjusted for every metric and system of this comparison.
        minimum_detectable_effect: the true difference that would have been found 4 times in 5.
        verdict: on b, by `p_holm`: better, worse, no difference shown.
        queries: how many were compared.
        items: what they are, in the plural: not all sets are of queries.
        on: unseen where queries whose documents a run was trained on are left out, else all.
        sentence: the verdict in words.
        won, lost, tied: queries on which b is above, below, equal.
        most_won, most_lost: queries with the largest differences: query, text, a, b.
        metrics: every metric of b: metric, a, b, difference, interval, p_value, p_holm, verdict.
        over_seeds: what the seeds' means say alone; None with one seed a side.
        names: what a, b and further ones are.
        seeds: the mean of every seed of each.
        others: the further ones against a, in the same words as b.
        evidence: what the verdicts rest on; a list of one, see `evaluation.evidence`.
        failed: whether --fail-if holds.
        report: the page; Markdown and JSON lie beside it.
    """

    metric: str
    a: float
    b: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    p_holm: float
    minimum_detectable_effect: float
    verdict: str
    queries: int
    on: str
    sentence: str
    won: int
    lost: int
    tied: int
    most_won: Sequence[Mapping[str, Any]]
    most_lost: Sequence[Mapping[str, Any]]
    metrics: Sequence[Mapping[str, Any]]
    over_seeds: Mapping[str, Any] | None
    names: Mapping[str, Sequence[str]]
    seeds: Mapping[str, Sequence[float]]
    others: Sequence[Mapping[str, Any]] = ()
    evidence: Sequence[Mapping[str, Any]] = ()
    failed: bool = False
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    items: str = "queries"

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints."""
        return dataclasses.asdict(self)


def verdicts_of(tests: Sequence[Sequence[Test]], evidence: Evidence) -> list[dict[str, Any]]:
    """What each system comes to against the first, with every p-value adjusted for all of them and all metrics."""
    strict = iter(adjusted([found for own in tests for found, _ in own]))
    verdicts = []
    for own, pair in zip(tests, evidence.pairs, strict=True):
        pairs = [(found, next(strict)) for found, _ in own]
        seeds = own[0][1]
        verdicts.append(
            {
                **metric_fields(*pairs[0]),
                "minimum_detectable_effect": pairs[0][0].minimum_detectable_effect,
                "queries": pairs[0][0].queries,
                "items": pairs[0][0].items,
                "on": pair.on,
                "sentence": f"{pairs[0][1].sentence}{f' {seeds.sentence}' if seeds else ''}",
                "won": pair.won,
                "lost": pair.lost,
                "tied": pair.tied,
                "most_won": [_brief(change) for change in pair.helped],
                "most_lost": [_brief(change) for change in pair.hurt],
                "metrics": [metric_fields(*one) for one in pairs],
                "over_seeds": seeds.as_dict() if seeds else None,
            }
        )
    return verdicts


def _brief(change: Change) -> dict[str, Any]:
    return {"query": change.query, "text": change.text, "a": change.a, "b": change.b}
