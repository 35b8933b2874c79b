"""Lists of candidates: the right document first, and softmax over labels that leaves it everything."""

import numpy as np
import pytest
from scipy.special import softmax

from embedtune.training.reranker.fit import queries_at_once
from embedtune.training.reranker.lists import candidate_lists


def test_each_query_has_its_own_documents_the_right_one_first() -> None:
    lists = candidate_lists(["q", "r", "s"], ["p", "t", "u"], [["a", "b", "c"], [], ["d"]], 2)
    assert list(lists.queries) == ["q", "s"]
    assert [list(own) for own in lists.documents] == [["p", "a", "b"], ["u", "d"]]
    assert (len(lists), lists.longest, lists.wrong) == (2, 3, 3)
    for own in lists.labels:
        assert softmax(own)[0] > 1 - 1e-5
        assert np.argmax(own) == 0


@pytest.mark.parametrize(("batch", "longest"), [(64, 5), (16, 5), (6, 3), (7, 5), (1, 900), (12, 65)])
def test_a_batch_is_divided_evenly_into_what_fits(batch, longest) -> None:
    some = queries_at_once(batch, longest, pairs=64)
    assert batch % some == 0
    assert some * longest <= 64 or some == 1
    larger = [size for size in range(some + 1, batch + 1) if batch % size == 0]
    assert all(size * longest > 64 for size in larger)
