"""How well a system's scores separate relevant from irrelevant documents, and the best threshold between them."""

from dataclasses import dataclass

import numpy as np

BINS = 40


@dataclass(frozen=True)
class ScoreSpread:
    """Scores of the ranked documents, counted by relevance, and the threshold that separates the two best.

    Args:
        edges: (BINS + 1,) ascending, of the bins.
        relevant: (BINS,) how many relevant documents have such a score.
        irrelevant: (BINS,) the same for all others; unjudged documents are among them.
        threshold: documents with this score or a higher one are called relevant.
        precision: of that call, over all ranked documents.
        recall: of that call, over the relevant documents that were ranked.
        f1: their harmonic mean, the largest that any threshold reaches.
        first: how many of a query's documents were counted, where it is not as many as the evidence looks at.
    """

    edges: tuple[float, ...]
    relevant: tuple[int, ...]
    irrelevant: tuple[int, ...]
    threshold: float
    precision: float
    recall: float
    f1: float
    first: int | None = None


def score_spread(scores: np.ndarray, relevant: np.ndarray, edges: np.ndarray) -> ScoreSpread | None:
    """Count scores by relevance; None where no relevant document was ranked, so that there is nothing to separate.

    Args:
        scores: (n,) of ranked documents, finite.
        relevant: (n,) bool.
        edges: (BINS + 1,) from the lowest to the highest score.
    """
    if not relevant.any():
        return None
    counts = [np.histogram(scores[part], edges)[0].tolist() for part in (relevant, ~relevant)]
    return ScoreSpread(tuple(edges.tolist()), tuple(counts[0]), tuple(counts[1]), *best_threshold(scores, relevant))


def best_threshold(scores: np.ndarray, relevant: np.ndarray) -> tuple[float, float, float, float]:
    """The threshold with the best F1; documents at or above it are called relevant, tied documents alike.

    Source: van Rijsbergen 1979, F1. The highest of equally good thresholds wins.

    Args:
        scores: (n,), n >= 1.
        relevant: (n,) bool, one at least True.

    Returns: threshold, precision, recall, F1.

    >>> best_threshold(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    (0.8, 0.6666666666666666, 1.0, 0.8)
    """
    order = np.argsort(-scores, kind="stable")  # (n,)
    ordered, hits = scores[order], np.cumsum(relevant[order])  # (n,) each
    called = np.arange(1, len(ordered) + 1)  # (n,)
    f1 = 2 * hits / (called + hits[-1])  # (n,)
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)  # (n,)
    best = int(np.argmax(np.where(last_of_equals, f1, -1.0)))
    precision, recall = hits[best] / called[best], hits[best] / hits[-1]
    return float(ordered[best]), float(precision), float(recall), float(f1[best])


def bin_edges(scores: np.ndarray) -> np.ndarray:
    """Edges (BINS + 1,) from the lowest to the highest of scores (n,), n >= 1; around a single value, one unit wide."""
    low, high = float(scores.min()), float(scores.max())
    return np.linspace(low, high, BINS + 1) if low < high else np.linspace(low - 0.5, high + 0.5, BINS + 1)


def only_ranks(scores: np.ndarray) -> bool:
    """Whether scores (Q, K), best first, only restate ranks: each rank has the same score for all queries.

    >>> only_ranks(np.array([[3.0, 2.0], [3.0, -np.inf]])), only_ranks(np.array([[3.0, 2.0], [2.5, 2.0]]))
    (True, False)
    """
    ranked = np.isfinite(scores)
    greatest = np.where(ranked, scores, -np.inf).max(axis=0, initial=-np.inf)  # (K,)
    least = np.where(ranked, scores, np.inf).min(axis=0, initial=np.inf)  # (K,)
    return len(scores) > 1 and bool((greatest <= least).all())
