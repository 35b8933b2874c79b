"""Batches of several sets: who takes part how often, and the same draw whatever came before."""

from collections import Counter

import numpy as np
import pytest

from embedtune.training.batch.set_batches import SetBatchSampler, SetMixing, apportioned

SOURCES = [0] * 60 + [1] * 30 + [2] * 10


def sampler(mixing, batch_size=10, texts=None, seed=0):
    ids = texts or [(row,) for row in range(len(SOURCES))]
    return SetBatchSampler(SOURCES, lambda epoch: ids, batch_size, seed, mixing)


def epoch(own, number):
    own.set_epoch(number)
    return list(own)


@pytest.mark.parametrize("mixed", [True, False])
def test_by_size_every_row_appears_once_an_epoch(mixed):
    batches = epoch(sampler(SetMixing(mixed=mixed)), 0)
    assert len(batches) == 10 and sorted(row for batch in batches for row in batch) == list(range(100))
    if not mixed:
        assert all(len({SOURCES[row] for row in batch}) == 1 for batch in batches)


def test_weights_decide_how_many_rows_of_an_epoch_are_of_a_set():
    own = sampler(SetMixing(weights=(1.0, 1.0, 2.0)))
    seen = Counter()
    for number in range(4):
        rows = [row for batch in epoch(own, number) for row in batch]
        assert Counter(SOURCES[row] for row in rows) == {0: 25, 1: 25, 2: 50}
        seen.update(rows)
    # A set goes on where it stopped: no row is used twice more often than another of its set.
    for number in range(3):
        counts = [seen[row] for row in range(100) if SOURCES[row] == number]
        assert max(counts) - min(counts) <= 1


def test_turns_alternate_batches_of_one_set():
    batches = epoch(sampler(SetMixing(weights=(1.0, 1.0, 1.0), mixed=False, turns=True)), 0)
    order = [SOURCES[batch[0]] for batch in batches]
    assert all(len({SOURCES[row] for row in batch}) == 1 for batch in batches)
    assert order[:6] == [0, 1, 2, 0, 1, 2] and max(Counter(order).values()) - min(Counter(order).values()) <= 1


@pytest.mark.parametrize("mixing", [SetMixing(), SetMixing((3.0, 1.0, 1.0), mixed=False), SetMixing((1.0, 2.0, 3.0))])
def test_an_epoch_is_the_same_whatever_was_drawn_before(mixing):
    whole = sampler(mixing)
    expected = [epoch(whole, number) for number in range(3)]
    assert epoch(sampler(mixing), 2) == expected[2] != expected[1]
    assert epoch(sampler(mixing, seed=1), 2) != expected[2]


def test_rows_that_share_a_text_are_kept_apart():
    texts = [(row % 50,) for row in range(100)]
    for batch in epoch(sampler(SetMixing(), texts=texts), 0)[:5]:
        assert len({row % 50 for row in batch}) == len(batch)


def test_whole_numbers_sum_up_and_nobody_is_forgotten():
    found = apportioned(np.array([1000.0, 1.0, 0.0, 1.0]), 10)
    assert found.sum() == 10 and found.tolist() == [8, 1, 0, 1]
