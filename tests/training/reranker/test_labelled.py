"""Labelled pairs: every pair with its own negatives, both sides weighted alike."""

import pytest

from embedtune.training.reranker.labelled import labelled


def test_each_pair_is_followed_by_its_own_negatives() -> None:
    pairs = labelled(["q", "r"], ["p", "s"], [["a", "b", "c"], []], 2)
    assert list(zip(pairs.queries, pairs.documents, pairs.labels, strict=True)) == [
        ("q", "p", 1.0),
        ("q", "a", 0.0),
        ("q", "b", 0.0),
        ("r", "s", 1.0),
    ]


@pytest.mark.parametrize(("negatives", "weight"), [([["a", "b"], ["c", "d"]], 2.0), ([[], []], 1.0)])
def test_positives_weigh_as_much_as_all_negatives(negatives, weight) -> None:
    pairs = labelled(["q", "r"], ["p", "s"], negatives, 5)
    assert pairs.positive_weight == weight
    assert sum(pairs.labels) * weight >= len(pairs) - sum(pairs.labels)
