"""Scores of an encoder on a judged set, and the verdict between two sets of scores."""

from collections.abc import Set
from dataclasses import dataclass

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.judged import JudgedSet
from embedtune.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from embedtune.evaluation.significance import Comparison, On, compare_paired
from embedtune.models.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.store import VectorStore

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
PRIMARY = METRICS[0]


def score(
    encoder: Encoder,
    judged: RetrievalSet | JudgedSet,
    *,
    metrics: tuple[str, ...] = METRICS,
    store: VectorStore | None = None,
) -> RetrievalScores:
    """Score an encoder, queries and documents under their own prompts. A model in training passes no store."""
    return evaluate_retrieval(
        lambda texts: encode(encoder, texts, role="query", store=store),
        lambda texts: encode(encoder, texts, role="document", store=store),
        judged,
        metrics=metrics,
    )


@dataclass(frozen=True)
class Judgment:
    """Before and after on the test split, in all and on queries whose documents training never saw.

    The verdict rests on the unseen part where there is one: a document that was a training positive is remembered,
    not found.
    """

    before: RetrievalScores
    after: RetrievalScores
    before_unseen: RetrievalScores | None
    after_unseen: RetrievalScores | None
    verdict: Comparison


def judge(before: RetrievalScores, after: RetrievalScores, unseen: Set[str], *, seed: int) -> Judgment:
    """Compare two scorings of the same test split, query by query."""
    wanted = [query for query in before.query_ids if query in unseen]
    before_unseen = before.only(wanted) if wanted else None
    after_unseen = after.only(wanted) if wanted else None
    first, second = before, after
    on: On = "all"
    if before_unseen is not None and after_unseen is not None:
        first, second, on = before_unseen, after_unseen, "unseen"
    verdict = compare_paired(first.per_query[PRIMARY], second.per_query[PRIMARY], metric=PRIMARY, on=on, seed=seed)
    return Judgment(before, after, before_unseen, after_unseen, verdict)
