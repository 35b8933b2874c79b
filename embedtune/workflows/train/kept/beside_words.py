"""BM25 on the test queries of a run, alone and beside the encoder: in production it usually runs there anyway."""

from collections.abc import Set
from typing import Any

from embedtune.config.systems import BM25
from embedtune.evaluation.hybrid import by_reciprocal_ranks
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.findings import Finding
from embedtune.reports.results.train import Baseline, BesideWords
from embedtune.reports.sections.beside import SEARCH_WITH_WORDS, alone_sentence
from embedtune.signals import is_signal
from embedtune.workflows.shared.scoring import METRICS, WORDS_DEPTH, Measured, judge, measure_words


def beside_words(
    judged: JudgedSet, before: Measured, after: Measured, unseen: Set[str], *, seed: int
) -> dict[str, Any]:
    """The fields of a training result that say what BM25 does, and what the gain is worth beside it; none of signals.

    Args:
        judged: the test split.
        before: the encoder's ranking of it before training.
        after: the same of the tuned encoder.
        unseen: queries whose documents were not trained on; the verdict rests on them if there are any.
        seed: of the statistics.
    """
    if any(map(is_signal, judged.queries)):
        return {}
    words = measure_words(judged)
    alone = words.scores
    first, second = (
        score_ranking(by_reciprocal_ranks((words.ranking, one.ranking), WORDS_DEPTH, judged), judged, METRICS)
        for one in (before, after)
    )
    part = alone.only(unseen)
    known = part.means if len(part) else None
    return {
        "baselines": (Baseline(model=BM25, metrics=alone.means, metrics_unseen=known),),
        "beside_bm25": BesideWords(
            before=first.means,
            after=second.means,
            verdict=judge(first, second, unseen, seed=seed).verdict,
            joined=judge(after.scores, second, unseen, seed=seed).verdict,
            alone=judge(after.scores, alone, unseen, seed=seed).verdict,
        ),
    }


def words_are_better(beside: BesideWords | None) -> list[Finding]:
    """A warning where BM25 alone is better than the tuned encoder; nothing where that was not shown."""
    if not (message := alone_sentence(beside)):
        return []
    return [Finding("bm25-better", "warning", 1, message, SEARCH_WITH_WORDS)]
