"""Retrieval metrics: pure NumPy on the grades of ranked documents, per query; they agree with trec_eval.

Every metric takes the same three things, Q queries at once or one:
    ranked (..., R)  grades of the ranked documents, best rank first; 0 where one is unjudged or the ranking has ended
    judged (..., J)  grades of all documents judged for the query, in any order, padded with 0
    k                cutoff, >= 1; it may exceed R and J
A grade above 0 is relevant; nDCG's gain is the grade itself. A query without a relevant document scores 0: leaving it
out of a mean is the caller's decision. Adding a metric is adding a function here, with `@named` above it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError

MetricFunction = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
METRICS: dict[str, MetricFunction] = {}
"""The name before the @ -> the function."""


def named(name: str) -> Callable[[MetricFunction], MetricFunction]:
    """Register a metric by its name: lower-case letters, digits and underscores."""

    def register(function: MetricFunction) -> MetricFunction:
        METRICS[name] = function
        return function

    return register


@named("ndcg")
def ndcg_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """Discounted gain of the first k, divided by that of the best possible ranking.

    Source: Järvelin and Kekäläinen 2002, with linear gain and discount log2(rank + 1), as trec_eval's ndcg_cut.
    Bounds: 0 to 1; 1 when the first k are the k highest grades in descending order.

    >>> float(ndcg_at_k(np.array([0, 1]), np.array([1]), 10).round(4))
    0.6309
    """
    ideal = -np.sort(-np.asarray(judged), axis=-1)  # (..., J)
    return share_of(_discounted(ranked, k), _discounted(ideal, k))


@named("mrr")
def mrr_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """One over the rank of the first relevant document, 0 when none is among the first k.

    Bounds: 0 to 1; 1 when the first document is relevant.
    """
    hits = _hits(ranked, k)  # (..., k)
    return np.where(hits.any(axis=-1), 1.0 / (hits.argmax(axis=-1) + 1.0), 0.0)


@named("map")
def map_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """Mean, over all relevant documents, of the precision at each one's rank; those below rank k count 0.

    Source: trec_eval's map_cut. It divides by the number of relevant documents, sentence-transformers by at most k.
    Bounds: 0 to 1; 1 when all relevant documents come first and there are at most k.
    """
    hits = _hits(ranked, k)  # (..., k)
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)  # (..., k)
    return share_of((precision * hits).sum(axis=-1), _relevant(judged))


@named("recall")
def recall_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """Share of the relevant documents that are among the first k. Bounds: 0 to 1."""
    return share_of(_hits(ranked, k).sum(axis=-1), _relevant(judged))


@named("precision")
def precision_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """Share of k that is relevant; a ranking shorter than k scores lower. Bounds: 0 to 1."""
    return _hits(ranked, k).sum(axis=-1) / k


@named("success")
def success_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """1 when a relevant document is among the first k, else 0."""
    return np.where(_hits(ranked, k).any(axis=-1), 1.0, 0.0)


@named("logrank")
def logrank_at_k(ranked: np.ndarray, judged: np.ndarray, k: int) -> np.ndarray:
    """How high the relevant documents are ranked, on a log scale: 1 - mean ln(r) / ln(k + 1).

    r is a document's rank from 1, not counting other relevant documents; outside the first k it is k + 1. Where few
    relevant documents reach the first ten, because a query has one judged document among many good ones, nDCG@10 is
    mostly zeros and cannot tell models apart. Here every rank counts.

    Source: the geometric mean rank of Hoyt et al. 2022, arXiv:2203.07544, made a score and cut at k.
    Bounds: 0 to 1; 1 when the relevant documents come first, 0 when none is among the first k.

    >>> float(logrank_at_k(np.array([0, 1, 0]), np.array([1]), 3))  # rank 2 of 3: 1 - ln 2 / ln 4
    0.5
    """
    hits = _hits(ranked, k)  # (..., k)
    ranks = np.arange(1, hits.shape[-1] + 1) - np.cumsum(hits, axis=-1) + 1  # (..., k)
    missed = _relevant(judged) - hits.sum(axis=-1)  # (...,)
    logs = (np.log(ranks) * hits).sum(axis=-1) + missed * np.log(k + 1)
    relevant = _relevant(judged)
    return share_of(relevant - logs / np.log(k + 1), relevant)


@dataclass(frozen=True)
class Metric:
    """A metric with its cutoff; call it with `ranked` and `judged`."""

    name: str
    k: int
    function: MetricFunction

    def __str__(self) -> str:
        return f"{self.name}@{self.k}"

    def __call__(self, ranked: np.ndarray, judged: np.ndarray) -> np.ndarray:
        """Per-query values (...,), float64."""
        return self.function(ranked, judged, self.k)


def metric_names() -> tuple[str, ...]:
    """The names that a metric may have before its @, in alphabetical order.

    >>> "ndcg" in metric_names()
    True
    """
    return tuple(sorted(METRICS))


def parse_metric(text: str) -> Metric:
    """The metric that a text such as `ndcg@10` names, in upper or lower case.

    Raises:
        ConfigError: the name is unknown (the message has the nearest known one), or the cutoff is not a number from 1.

    >>> str(parse_metric("nDCG@10"))
    'ndcg@10'
    """
    written = text.strip().lower()
    match = re.fullmatch(r"([a-z0-9_]+)@([1-9][0-9]{0,8})", written)
    if match and match[1] in METRICS:
        return Metric(match[1], int(match[2]), METRICS[match[1]])
    cutoff = match[2] if match else "10"
    meant = did_you_mean(written, [f"{name}@{cutoff}" for name in metric_names()])
    name, at, _ = written.partition("@")
    raise ConfigError(
        f"{text!r} is not a metric{'; the cutoff must be a whole number from 1' if at and name in METRICS else meant}",
        where="metrics",
        next=f"write a name and a cutoff, such as ndcg@10; names: {', '.join(metric_names())}",
    )


def metric_label(name: str) -> str:
    """A metric's name as people write it; an unknown name is left unchanged.

    >>> metric_label("ndcg@10"), metric_label("recall@100"), metric_label("spearman"), metric_label("dot")
    ('nDCG@10', 'Recall@100', 'Spearman', 'dot')
    """
    word, at, k = name.partition("@")
    return _LABELS.get(word, word.capitalize() if at else word) + at + k


_LABELS = {
    "ndcg": "nDCG",
    "mrr": "MRR",
    "map": "MAP",
    "logrank": "LogRank",
    "spearman": "Spearman",
    "pearson": "Pearson",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "ami": "AMI",
    "ari": "ARI",
    "v_measure": "V-measure",
    "mteb_v_measure": "mteb V-measure",
    "mteb_ami": "mteb AMI",
}


def _hits(ranked: np.ndarray, k: int) -> np.ndarray:
    """Which of the first k are relevant: bool (..., min(k, R)), at least one column wide."""
    hits = np.asarray(ranked)[..., :k] > 0
    return hits if hits.shape[-1] else np.zeros((*hits.shape[:-1], 1), dtype=bool)


def _relevant(judged: np.ndarray) -> np.ndarray:
    """How many documents are relevant to each query: (...,)."""
    return (np.asarray(judged) > 0).sum(axis=-1)


def _discounted(grades: np.ndarray, k: int) -> np.ndarray:
    """Discounted gain of the first k: (...,)."""
    gains = np.clip(np.asarray(grades, dtype=np.float64)[..., :k], 0, None)
    return (gains / np.log2(np.arange(2, gains.shape[-1] + 2))).sum(axis=-1)


def share_of(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, and 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
