"""The verdicts of a comparison's tests, taken together."""

from collections.abc import Sequence
from string import ascii_uppercase

from embedtune.evaluation.changes import Change
from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.evaluation.verdicts.seeds import OverSeeds
from embedtune.evaluation.verdicts.significance import Comparison, adjusted
from embedtune.reports.results.compare import ChangedQuery, SystemVerdict
from embedtune.workflows.shared.scoring import metric_fields

Test = tuple[Comparison, OverSeeds | None]


def verdicts_of(tests: Sequence[Sequence[Test]], evidence: Evidence) -> list[SystemVerdict]:
    """The verdict on each system against the first, with p-values adjusted over all systems and metrics."""
    strict = iter(adjusted([found for own in tests for found, _ in own]))
    verdicts = []
    for letter, own, pair in zip(ascii_uppercase[1:], tests, evidence.pairs, strict=False):
        pairs = [(found, next(strict)) for found, _ in own]
        (first, decisive), seeds = pairs[0], own[0][1]
        verdicts.append(
            SystemVerdict(
                **metric_fields(first, decisive),
                minimum_detectable_effect=first.minimum_detectable_effect,
                queries=first.queries,
                items=first.items,
                groups=first.groups,
                grouped_by=first.grouped_by,
                on=pair.on,
                sentence=f"{decisive.between('A', letter)}{f' {seeds.sentence}' if seeds else ''}",
                won=pair.won,
                lost=pair.lost,
                tied=pair.tied,
                most_won=tuple(_brief(change) for change in pair.helped),
                most_lost=tuple(_brief(change) for change in pair.hurt),
                metrics=tuple(metric_fields(*one) for one in pairs),
                over_seeds=seeds,
            )
        )
    return verdicts


def _brief(change: Change) -> ChangedQuery:
    return {"query": change.query, "text": change.text, "a": change.a, "b": change.b}
