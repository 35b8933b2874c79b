import numpy as np
import pytest

from embedtune.mining.candidate_block import PADDING, belongs, repeated


@pytest.mark.parametrize("seed", range(20))
def test_ranks_count_what_is_neither_padding_nor_a_known_positive(random_block, seed) -> None:
    block = random_block(seed)
    for query in range(len(block)):
        rank = 0
        for place, document in enumerate(block.documents[query]):
            assert block.ranks[query, place] == rank
            rank += bool(document != PADDING and not block.known[query, place])


@pytest.mark.parametrize("seed", range(20))
def test_belongs_looks_at_the_query_s_own_list_only(seed) -> None:
    draw = np.random.default_rng(seed)
    ids = draw.integers(-5, 5, (4, 7)) * 2**60
    pairs = np.stack([draw.integers(0, 4, 9), draw.integers(-6, 6, 9) * 2**60], axis=1)
    own = {(query, one) for query, one in pairs.tolist()}
    assert belongs(ids, pairs).tolist() == [
        [(query, one) in own for one in row] for query, row in enumerate(ids.tolist())
    ]


def test_belongs_to_no_list_at_all() -> None:
    assert not belongs(np.array([[1, 2]]), np.empty((0, 2), dtype=np.int64)).any()
    assert belongs(np.empty((0, 3), dtype=np.int64), np.array([[0, 1]])).shape == (0, 3)


@pytest.mark.parametrize("seed", range(20))
def test_repeated_marks_all_but_the_first(seed) -> None:
    ids = np.random.default_rng(seed).integers(0, 5, (4, 8))
    assert repeated(ids).tolist() == [[one in row[:place] for place, one in enumerate(row)] for row in ids.tolist()]
