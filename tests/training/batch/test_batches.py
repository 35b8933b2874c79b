from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.training.batch.batches import DistinctBatchSampler


def sampler_of(texts, size, seed) -> DistinctBatchSampler:
    return DistinctBatchSampler(len(texts), lambda epoch: texts, size, seed)


@given(
    texts=st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=60),
    size=st.integers(1, 17),
    seed=st.integers(0, 5),
)
def test_every_row_comes_once_in_batches_of_nearly_equal_size(texts, size, seed):
    sampler = sampler_of(texts, size, seed)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(len(texts)))
    assert len(batches) == len(sampler) == -(-len(texts) // size)
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1


def test_rows_that_share_a_text_do_not_meet_where_there_is_another_way():
    # 40 texts, each in two rows: 80 rows in batches of 10 can always be kept apart.
    texts = [[row % 40, 100 + row] for row in range(80)]
    for epoch in range(20):
        sampler = sampler_of(texts, 10, seed=3)
        sampler.set_epoch(epoch)
        met = [
            text
            for batch in list(sampler)[:-1]
            for text, count in Counter(t for r in batch for t in texts[r]).items()
            if count > 1
        ]
        assert met == []


def test_rows_that_all_share_a_text_still_come():
    batches = list(sampler_of([[1, row] for row in range(10, 30)], 4, seed=0))
    assert [len(batch) for batch in batches] == [4] * 5


def test_order_depends_on_seed_and_epoch_only():
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = sampler_of([[row] for row in range(50)], 8, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 2) == order(1, 2)
    assert order(1, 2) != order(1, 3)
    assert order(1, 2) != order(2, 2)


def test_an_earlier_draw_does_not_change_a_later_epoch():
    sampler = sampler_of([[row] for row in range(50)], 8, seed=0)
    fresh = sampler_of([[row] for row in range(50)], 8, seed=0)
    list(sampler)
    sampler.set_epoch(4)
    fresh.set_epoch(4)
    assert list(sampler) == list(fresh)


@pytest.mark.parametrize("rows", [257, 511, 7276])
def test_no_batch_is_left_with_a_single_row(rows):
    assert min(len(batch) for batch in sampler_of([[row] for row in range(rows)], 256, seed=0)) > 1


def test_a_batch_draws_from_few_groups_and_every_row_still_comes_once():
    groups = [f"g{row % 20}" for row in range(400)]
    sampler = DistinctBatchSampler(400, lambda epoch: [[row] for row in range(400)], 40, 3, groups)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(400))
    counts = [len({groups[row] for row in batch}) for batch in batches]
    plain = [len({groups[row] for row in batch}) for batch in sampler_of([[row] for row in range(400)], 40, 3)]
    assert max(counts) <= 5 < 14 <= min(plain)  # 4 pieces of 10 rows, and what a piece cut by the edge adds
    again = list(DistinctBatchSampler(400, lambda epoch: [[row] for row in range(400)], 40, 3, groups))
    assert again == batches
