"""What is proposed for judging: documents that matter, and no more for one system than for the other."""

import math
from typing import Any

import numpy as np
import pytest

from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.unjudged.pool import Stakes, stakes_of, worth_judging
from embedtune.evaluation.verdicts.significance import compare_paired

METRIC = parse_metric("ndcg@3")


def slow(ranked: list[int], relevant: set[int]) -> float:
    """nDCG@3 of one ranking, in plain Python."""
    best = sum(1 / math.log2(r + 2) for r in range(min(3, len(relevant))))
    return sum(1 / math.log2(r + 2) for r, document in enumerate(ranked[:3]) if document in relevant) / best


def test_a_stake_is_what_one_more_relevant_document_changes(make_set: Any) -> None:
    rng = np.random.default_rng(1)
    relevant = (rng.random((8, 6)) < 0.3).astype(int)
    relevant[:, 5] = 1
    known = (rng.random(relevant.shape) < 0.3) | (np.arange(6) == 5)
    first, second = (np.stack([rng.permutation(6) for _ in relevant]) for _ in range(2))
    stakes = stakes_of(METRIC, make_set(relevant, known), [first, second], np.arange(1, 8))
    expected = {}
    for query in range(1, 8):
        before = {d for d in range(6) if known[query, d] and relevant[query, d]}
        for document in {*first[query, :3].tolist(), *second[query, :3].tolist()}:
            if not known[query, document]:
                a, b = first[query].tolist(), second[query].tolist()
                after = {*before, document}
                expected[query, document] = slow(b, after) - slow(a, after) - (slow(b, before) - slow(a, before))
    found = zip(stakes.queries.tolist(), stakes.documents.tolist(), stakes.changes[0].tolist(), strict=True)
    assert {(query, document): change for query, document, change in found} == pytest.approx(expected)
    query, document = int(stakes.queries[0]), int(stakes.documents[0])
    places = [own[query, :3].tolist() for own in (first, second)]
    assert stakes.ranks[:, 0].tolist() == [own.index(document) + 1 if document in own else 0 for own in places]


def test_both_sides_of_every_comparison_have_as_much_at_stake_at_every_point() -> None:
    rng = np.random.default_rng(2)
    changes = np.concatenate([rng.random((1, 150)), -0.2 * rng.random((1, 150))], axis=1)  # one side has more at stake
    none = np.zeros(300, dtype=np.int64)
    chosen = worth_judging(Stakes(none, np.arange(300), none[None], changes), 60)
    sums = np.cumsum(changes[0, chosen])
    assert len(set(chosen.tolist())) == 60 and np.abs(sums).max() <= changes.max()
    taken = changes[0, chosen]
    assert taken[taken > 0].min() >= np.delete(changes[0], chosen).max()  # the largest of each side, in turn


def test_two_comparisons_share_the_list_and_the_end_of_one_side_ends_nothing() -> None:
    changes = np.array([[0.5, -0.4, 0.0, 0.0, 0.3, 0.0], [0.0, 0.0, 0.2, -0.2, 0.1, 0.0]])
    none = np.zeros(6, dtype=np.int64)
    chosen = worth_judging(Stakes(none, np.arange(6), np.zeros((3, 6), dtype=np.int64), changes), 10)
    assert set(chosen[:4].tolist()) == {0, 1, 2, 3} and chosen[4:].tolist() == [4]  # nothing is at stake with the last


def test_judging_does_not_lean_to_a_system_by_what_is_asked(make_set: Any) -> None:
    """Equally good systems of which the second lacks the first document of the other; the largest stakes are its."""
    rng = np.random.default_rng(4)
    relevant = (rng.random((400, 12)) < 0.6).astype(int)
    relevant[:, 11] = 1
    known = np.zeros(relevant.shape, dtype=bool)
    known[:, 11] = True
    first = np.tile(np.arange(12), (400, 1))
    second = np.where(np.arange(400)[:, None] % 2, np.roll(first, -1, axis=1), first)
    rankings, metric = [first[:, :10], second[:, :10]], parse_metric("ndcg@10")
    stakes = stakes_of(metric, make_set(relevant, known), rankings, np.arange(400))

    def verdict(chosen: np.ndarray) -> str:
        answered = known.copy()
        answered[stakes.queries[chosen], stakes.documents[chosen]] = True
        judged = make_set(relevant, answered)
        values = [metric(judged.grades_of(own), judged.judged) for own in rankings]
        return compare_paired(*values, metric="ndcg@10", draws=2000).verdict

    assert verdict(worth_judging(stakes, 150)) == "no difference shown"
    assert verdict(np.argsort(-np.abs(stakes.changes[0]))[:150]) == "worse"  # what was rejected


def test_one_system_alone_is_asked_about_too(make_set: Any) -> None:
    judged = make_set(np.eye(2, 5, dtype=int), np.eye(2, 5, dtype=bool))
    stakes = stakes_of(METRIC, judged, [np.array([[2, 0, 3], [1, 4, 0]])], np.arange(2))
    chosen = worth_judging(stakes, 10)
    pairs = set(zip(stakes.queries[chosen].tolist(), stakes.documents[chosen].tolist(), strict=True))
    assert (0, 2) in pairs and not pairs & {(0, 0), (1, 1)}
