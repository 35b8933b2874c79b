"""Scores of an encoder on a judged set, and the verdict on two sets of scores."""

import json
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Ranking, by_words
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import Questions
from embedtune.evaluation.tasks.retrieval import RetrievalScores, demand_judged, rank_encoded, score_ranking
from embedtune.evaluation.verdicts.evidence import Evidence, System, gather_evidence
from embedtune.evaluation.verdicts.significance import WEAK_BELOW, Comparison, On, adjusted, compare_paired
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.encoder import Encoder, Role
from embedtune.reports.results.base import MetricTest
from embedtune.reports.results.train import RightFirst

if TYPE_CHECKING:
    from embedtune.training.run.loop import DevScores

METRICS = ("ndcg@10", "mrr@10", "recall@10", "recall@100")
WORDS_DEPTH = max(parse_metric(name).k for name in METRICS)
RECIPROCAL = "mrr@10"
PRIMARY = METRICS[0]
"""The metric that decides the verdict."""
SELECTION = "logrank@1000"
"""Chooses the best model and the margin on dev. If dev judges only one of many relevant documents, nDCG@10 is nearly
all zeros and chooses at random; log ranks then order models as their test nDCG@10 does, and elsewhere they choose as
well as nDCG@10 does (measured; see the benchmarks)."""
DEV_METRICS = (*METRICS, SELECTION)
PER_QUERY, BEFORE_RUN, AFTER_RUN = "per_query.jsonl", "before.trec", "after.trec"
"""Files that the test split leaves in a run folder: values per query, and both rankings."""
Known = Mapping[Role, TokenizedTexts]
"""The texts of a judged set, tokenized."""
NOT_READ: Known = {}
NOT_JUDGED: dict[str, Any] = {
    "before": {}, "after": {}, "before_unseen": None, "after_unseen": None, "verdict": None,
    "metrics": [],
}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """An encoder's ranking on a judged set, and its scores."""

    ranking: Ranking
    scores: RetrievalScores


def read_judged(encoder: Encoder, judged: JudgedSet) -> Known:
    """Tokenize a judged set once, for an encoder that is scored on it repeatedly during training."""
    reader = Tokenizer(encoder)
    return {
        "query": reader.tokenize(judged.queries, "query"),
        "document": reader.tokenize(judged.documents, "document"),
    }


def score(
    encoder: Encoder,
    judged: RetrievalSet | JudgedSet,
    *,
    metrics: tuple[str, ...] = METRICS,
    known: Known = NOT_READ,
) -> RetrievalScores:
    """The scores of an encoder; queries and documents each get their own prompt."""
    return measure(encoder, judged, metrics=metrics, known=known).scores


def measure(
    encoder: Encoder,
    judged: RetrievalSet | JudgedSet,
    *,
    metrics: tuple[str, ...] = METRICS,
    store: VectorStore | None = None,
    known: Known = NOT_READ,
    seen: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> Measured:
    """The scores and the ranking behind them, as deep as the metrics look. During training, pass no store.

    `seen` gets the vectors of the queries (Q, D) and of the documents (C, D).
    """
    arrays = judged if isinstance(judged, JudgedSet) else as_arrays(judged)
    demand_judged(arrays)
    queries = encode(encoder, arrays.queries, role="query", store=store, known=known.get("query"))
    documents = encode(encoder, arrays.documents, role="document", store=store, known=known.get("document"))
    if seen is not None:
        seen(queries, documents)
    depth = max(parse_metric(name).k for name in metrics)
    ranking = rank_encoded(lambda _: queries, lambda _: documents, arrays, depth)
    return Measured(ranking, score_ranking(ranking, arrays, metrics))


def measure_words(judged: JudgedSet) -> Measured:
    """What BM25 makes of a judged set, as deep as the metrics look."""
    ranking = by_words(WORDS_DEPTH, judged)
    return Measured(ranking, score_ranking(ranking, judged, METRICS))


def dev_scores(encoder: Encoder, dev: RetrievalSet | JudgedSet, known: Known = NOT_READ) -> "DevScores":
    """A function that scores the encoder in its current state on the dev split, which is tokenized only once."""
    judged = dev if isinstance(dev, JudgedSet) else as_arrays(dev)
    known = known or read_judged(encoder, judged)
    return lambda: score(encoder, judged, metrics=DEV_METRICS, known=known).means


@dataclass(frozen=True)
class Judgment:
    """Before and after on the test split: on all queries, and on those whose documents training never saw.

    The verdict rests on the unseen part if there is one: a document that was a training positive may be remembered
    rather than found. `further` holds the tests of the other metrics on the same queries, and `seen` the test on the
    other queries: new questions about documents that were trained on, which is another question, and as real.
    """

    before: RetrievalScores
    after: RetrievalScores
    before_unseen: RetrievalScores | None
    after_unseen: RetrievalScores | None
    verdict: Comparison
    further: tuple[Comparison, ...] = ()
    seen: Comparison | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of a training result that come from the test split."""
        before, after = self.before_unseen, self.after_unseen
        return {
            "before": self.before.means,
            "after": self.after.means,
            "before_unseen": before.means if before is not None else None,
            "after_unseen": after.means if after is not None else None,
            "verdict": self.verdict,
            "verdict_seen": self.seen,
            "metrics": [metric_fields(*pair) for pair in self._tests()],
            "test_queries": len(self.before),
            "unseen_queries": len(before) if before is not None else 0,
            "right_first": right_first(before or self.before, after or self.after),
        }

    def _tests(self) -> Iterator[tuple[Comparison, Comparison]]:
        """Each metric's test, and the one that counts: the first metric decides alone, the others are Holm-adjusted."""
        yield self.verdict, self.verdict
        yield from zip(self.further, adjusted(self.further), strict=True)

    def lines(self, texts: Mapping[str, str], questions: Questions | None = None) -> str:
        """One JSON object per query: id, text, every metric before and after, and whether its documents were unseen.

        Args:
            texts: query -> text.
            questions: what each query asks, in the order of the scores, for later comparisons.
        """
        unseen = set(self.before_unseen.query_ids) if self.before_unseen is not None else set()
        lines = []
        for place, query in enumerate(self.before.query_ids):
            line: dict[str, Any] = {"query": query, "text": texts.get(query), "unseen": query in unseen}
            line |= questions.of(place) if questions else {}
            line |= {} if self.before.groups is None else self.before.groups.mark(place)
            for when, scores in (("before", self.before), ("after", self.after)):
                line[when] = {metric: round(float(values[place]), 6) for metric, values in scores.per_query.items()}
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        return "".join(lines)


def before_and_after(judged: JudgedSet, before: Measured, after: Measured, judgment: Judgment) -> Evidence:
    """The evidence of a training run, on the queries that its verdict rests on."""
    on = judgment.verdict.on
    chosen = judgment.before_unseen if on == "unseen" else None
    kept = set(judged.query_ids if chosen is None else chosen.query_ids)
    rows = np.array([row for row, query in enumerate(judged.query_ids) if query in kept], dtype=np.int64)  # (R,)
    systems = [
        System(label, one.ranking, one.scores.per_query[PRIMARY], by_vectors=True)
        for label, one in (("before", before), ("after", after))
    ]
    return gather_evidence(judged, systems, PRIMARY, rows=rows, on=on)


def judge(
    before: RetrievalScores, after: RetrievalScores, unseen: Set[str], *, primary: str = PRIMARY, seed: int
) -> Judgment:
    """Compare two scorings of the same test split, query by query; the metric `primary` decides."""
    wanted = [query for query in before.query_ids if query in unseen]
    before_unseen = before.only(wanted) if wanted else None
    after_unseen = after.only(wanted) if wanted else None
    first, second = before, after
    on: On = "all"
    if before_unseen is not None and after_unseen is not None:
        first, second, on = before_unseen, after_unseen, "unseen"
    verdict, *further = (
        compare_paired(
            first.per_query[metric], second.per_query[metric], metric=metric, on=on, groups=first.groups, seed=seed
        )
        for metric in (primary, *(name for name in first.per_query if name != primary))
    )
    seen = _seen(before, after, set(wanted), primary, seed) if on == "unseen" else None
    return Judgment(before, after, before_unseen, after_unseen, verdict, tuple(further), seen)


def _seen(
    before: RetrievalScores, after: RetrievalScores, unseen: Set[str], metric: str, seed: int
) -> Comparison | None:
    """The test on queries whose documents were trained on; None where either part has too few queries to rely on."""
    others = [query for query in before.query_ids if query not in unseen]
    if min(len(others), len(unseen)) < WEAK_BELOW:
        return None
    first, second = (scores.only(others) for scores in (before, after))
    values = (first.per_query[metric], second.per_query[metric])
    return compare_paired(*values, metric=metric, on="seen", groups=first.groups, seed=seed)


def right_first(before: RetrievalScores, after: RetrievalScores) -> RightFirst | None:
    """For how many queries a relevant document comes first: a reciprocal rank of 1; None where that was not scored."""
    if RECIPROCAL not in before.per_query:
        return None
    first, second = (int((scores.per_query[RECIPROCAL] == 1).sum()) for scores in (before, after))
    return RightFirst(first, second, queries=len(before))


def metric_fields(found: Comparison, strict: Comparison) -> MetricTest:
    """One metric in a result: the test as it was made, and the verdict by the adjusted p-value."""
    return {
        "metric": found.metric,
        "a": found.before,
        "b": found.after,
        "difference": found.difference,
        "interval": found.interval,
        "p_value": found.p_value,
        "p_holm": strict.p_value,
        "verdict": strict.verdict,
    }
