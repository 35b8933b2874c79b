"""Score distributions and the threshold on them, against slow definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.evaluation.score_spread import BINS, best_threshold, bin_edges, only_ranks, score_spread

SCORED = st.lists(st.tuples(st.sampled_from([-0.5, 0.0, 0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30)


@given(SCORED)
def test_no_threshold_is_better_and_no_tie_is_split(scored: list[tuple[float, bool]]) -> None:
    scores, relevant = (np.array(column) for column in zip(*scored, strict=True))
    if not relevant.any():
        assert score_spread(scores, relevant, bin_edges(scores)) is None
        return
    found = {}
    for threshold in sorted(set(scores.tolist()), reverse=True):
        called = scores >= threshold
        hits = int((called & relevant).sum())
        found[threshold] = (hits / called.sum(), hits / relevant.sum(), 2 * hits / (called.sum() + relevant.sum()))
    best = max(found.values(), key=lambda one: one[2])[2]
    threshold, *rest = best_threshold(scores, relevant)
    assert rest == pytest.approx(found[threshold])
    assert rest[2] == pytest.approx(best)
    assert threshold == max(one for one, values in found.items() if values[2] == pytest.approx(best))


def test_every_score_is_counted_once_in_its_bin() -> None:
    rng = np.random.default_rng(0)
    scores, relevant = rng.normal(size=500), rng.random(500) < 0.2
    edges = bin_edges(scores)
    assert edges[0] == scores.min() and edges[-1] == scores.max() and len(edges) == BINS + 1
    spread = score_spread(scores, relevant, edges)
    assert spread is not None
    for counts, part in ((spread.relevant, relevant), (spread.irrelevant, ~relevant)):
        places = [min(int((score - edges[0]) / (edges[1] - edges[0])), BINS - 1) for score in scores[part]]
        assert list(counts) == np.bincount(places, minlength=BINS).tolist()


def test_equal_scores_have_edges_around_them() -> None:
    edges = bin_edges(np.array([2.0, 2.0]))
    assert edges[0] < 2 < edges[-1] and (np.diff(edges) > 0).all()


def test_scores_that_are_ranks() -> None:
    ranks = 1 / np.arange(1, 6)
    assert only_ranks(np.stack([ranks, ranks]))
    assert only_ranks(np.stack([ranks, np.where(np.arange(5) < 2, ranks, -np.inf)]))
    assert not only_ranks(np.stack([ranks, ranks * 2]))
    assert not only_ranks(ranks[None])  # one query cannot tell
    assert not only_ranks(np.stack([ranks, np.append(ranks[:4], 0.01)]))
