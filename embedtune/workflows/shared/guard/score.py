"""An encoder before and after on every guard set, with a paired test for each, and what that shows in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.reports.results.base import GuardRow
from embedtune.workflows.shared.guard.sets import GuardSet
from embedtune.workflows.shared.talk import Talk

SUSPICIOUS = 0.3
"""The p-value below which a loss keeps a mixture from being chosen."""
ItemValues = Mapping[str, np.ndarray]
"""Guard set -> what an encoder scores on its items."""


@dataclass(frozen=True)
class Guard:
    """Sets, and what the encoder scored on them of which nothing may be lost.

    Args:
        sets: empty where there is no guard.
        before: the scores by the name of the set.
    """

    sets: tuple[GuardSet, ...] = ()
    before: ItemValues = field(default_factory=dict)

    def compare(self, encoder: Encoder) -> dict[str, Comparison]:
        """Every set's test of the encoder before against this one."""
        return {one.name: one.compare(self.before[one.name], one.scores(encoder)) for one in self.sets}


def open_guard(sets: Sequence[GuardSet], encoder: Encoder, talk: Talk, store: VectorStore | None = None) -> Guard:
    """The guard of this encoder as it is now, which the store may know already."""
    if not sets:
        return Guard()
    with talk.progress(f"scoring what must be kept ({', '.join(one.name for one in sets)})"):
        return Guard(tuple(sets), {one.name: one.scores(encoder, store) for one in sets})


def holds(found: Mapping[str, Comparison]) -> bool:
    """Whether no set became significantly worse.

    The p-values are not adjusted for the number of sets: a guard should warn once too often, not once too seldom.
    """
    return all(one.verdict != "worse" for one in found.values())


def seems_to_hold(found: Mapping[str, Comparison]) -> bool:
    """Whether a mixture may be chosen: no set looks worse, at a much laxer level than the one that reports a loss.

    A small set rarely shows a small loss, and the mixture with the highest dev score is the one that goes furthest; at
    the level of a report, what was chosen would often turn out to be lost on the other half of the set.
    """
    return all(one.difference >= 0 or one.p_value >= SUSPICIOUS for one in found.values())


def guard_rows(found: Mapping[str, Comparison]) -> tuple[GuardRow, ...]:
    """The tests as rows of a result."""
    return tuple(
        GuardRow(
            set=name,
            metric=one.metric,
            before=one.before,
            after=one.after,
            difference=one.difference,
            interval=one.interval,
            p_value=one.p_value,
            verdict=one.verdict,
            minimum_detectable_effect=one.minimum_detectable_effect,
            queries=one.queries,
            items=one.items,
        )
        for name, one in found.items()
    )
