"""The order of a ranking, against Python's own sort on (score, id)."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedtune.evaluation.ranking import id_ranks, rank

IDS = st.lists(st.text(st.characters(codec="utf-8"), max_size=6), min_size=1, max_size=20, unique=True)


@given(IDS)
def test_ids_order_as_their_bytes_do(ids):
    expected = sorted(ids, key=lambda text: text.encode("utf-8"))
    assert [ids[i] for i in np.argsort(id_ranks(ids))] == expected


@given(IDS, st.data())
def test_score_first_then_the_greater_id(ids, data):
    scores = data.draw(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 2.0]), min_size=len(ids), max_size=len(ids)))
    order = rank(np.array(scores), id_ranks(ids))
    by_bytes = [text.encode("utf-8") for text in ids]
    assert order.tolist() == sorted(range(len(ids)), key=lambda i: (scores[i], by_bytes[i]), reverse=True)


def test_scores_are_compared_as_float32():
    ranks = id_ranks(["a", "b"])
    assert rank(np.array([0.5 + 1e-9, 0.5]), ranks).tolist() == [1, 0]
    assert rank(np.array([0.5 + 1e-6, 0.5]), ranks).tolist() == [0, 1]


def test_many_queries_at_once_share_or_bring_their_ids():
    scores = np.array([[1.0, 1.0, 2.0], [3.0, 1.0, 3.0]])
    assert rank(scores, np.array([0, 1, 2])).tolist() == [[2, 1, 0], [2, 0, 1]]
    assert rank(scores, np.array([[0, 1, 2], [2, 1, 0]])).tolist() == [[2, 1, 0], [0, 2, 1]]


def test_a_constant_scorer_gains_nothing_from_the_order_of_the_data():
    ids = [f"d{i:04}" for i in range(1000)]  # the relevant documents come first in a file, and last here
    assert [ids[i] for i in rank(np.zeros(1000), id_ranks(ids))[:2]] == ["d0999", "d0998"]
