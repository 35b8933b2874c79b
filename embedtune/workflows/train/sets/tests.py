"""The tests of a run on scored pairs, or on several sets: each set before and after, with a paired test."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from embedtune.data.prepare import TrainingData
from embedtune.data.rows import ScoredPairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.scored_set import ScoredSet
from embedtune.evaluation.tasks.similarity import SimilaritySet
from embedtune.evaluation.verdicts.significance import Comparison, adjusted
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.guard.sampled import with_queries
from embedtune.workflows.shared.guard.score import Guard, guard_rows, open_guard
from embedtune.workflows.shared.guard.sets import GuardSet, ItemGuard, RetrievalGuard
from embedtune.workflows.shared.scoring import metric_fields
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.sets.chosen import candidates_of
from embedtune.workflows.train.sets.dev import with_prompts


class SetTests:
    """The test parts of a run's sets; nothing is done where it has none of its own.

    Args:
        data: of the run.
        seed: of the draws.
        talk: receives the scores.
    """

    def __init__(self, data: TrainingData, seed: int, talk: Talk) -> None:
        self._sets = tuple(found for one in data.sets if (found := _test_of(one, seed)) is not None)
        self._data = data
        self._alone, self._judged, self._talk = len(data.sets) == 1, data.test is not None, talk
        self._guards: list[Guard] = []

    def begin(self, encoder: Encoder, store: VectorStore | None) -> None:
        """Score the encoder before training."""
        for one in self._sets:
            self._guards.append(open_guard([one], self._reading(encoder, one), self._talk, store))

    def fields(self, encoder: Encoder) -> dict[str, Any]:
        """The fields of the result that these tests give."""
        if not self._sets:
            return {}
        with self._talk.progress("scoring every set after training"):
            found = {
                name: test
                for one, guard in zip(self._sets, self._guards, strict=True)
                for name, test in self._compared(guard, encoder, one)
            }
        fields = {} if self._alone else {"sets": set_rows(found)}
        return fields if self._judged else {**self._verdict(encoder, next(iter(found.values()))), **fields}

    def _compared(self, guard: Guard, encoder: Encoder, test: GuardSet) -> Iterable[tuple[str, Comparison]]:
        """The test of a set by its name, which says whether only unseen queries were asked."""
        unseen = any(one.unseen for one in self._data.sets if one.name == test.name)
        for name, found in guard.compare(self._reading(encoder, test)).items():
            yield name, replace(found, on="unseen") if unseen else found

    def _reading(self, encoder: Encoder, test: GuardSet) -> Encoder:
        """The encoder with the prompts of a set."""
        return with_prompts(encoder, next(one for one in self._data.sets if one.name == test.name))

    def _verdict(self, encoder: Encoder, found: Comparison) -> dict[str, Any]:
        """The verdict of the first set, where it is one of scored pairs."""
        first = self._sets[0]
        before = self._guards[0].before[first.name]
        after = first.scores(self._reading(encoder, first))
        means: list[dict[str, float]] = [{found.metric: found.before}, {found.metric: found.after}]
        if isinstance(first, ItemGuard):
            means = [dict(first.items.judge(one, seed=first.seed).metrics) for one in (before, after)]
        return {
            "before": means[0],
            "after": means[1],
            "before_unseen": None,
            "after_unseen": None,
            "verdict": found,
            "metrics": [metric_fields(found, found)],
            "test_queries": found.queries,
            "unseen_queries": found.queries,
        }


def set_rows(found: dict[str, Comparison]) -> tuple[dict[str, Any], ...]:
    """The tests as rows of a result, with Holm's adjustment over the sets, by which each verdict goes."""
    strict = adjusted(list(found.values()))
    return tuple(
        {**row, "p_holm": one.p_value, "verdict": one.verdict, "on": one.on}
        for row, one in zip(guard_rows(found), strict, strict=True)
    )


def _test_of(one: ScoredSet, seed: int) -> GuardSet | None:
    test = one.test
    if test is None:
        return None
    if isinstance(test, Choices):
        return ItemGuard(one.name, seed, items=candidates_of(test))
    if isinstance(test, ScoredPairs):
        truth = np.asarray(test.scores, dtype=np.float64)  # (n,)
        return ItemGuard(one.name, seed, items=SimilaritySet(test.first, test.second, truth))
    return RetrievalGuard(one.name, seed, retrieval=with_queries(test, one.unseen) if one.unseen else test)
