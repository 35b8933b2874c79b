"""Lists joined, against a slow sum over dictionaries written as ranx documents its `rrf` and `wsum` with min-max."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedtune.search.fusion import reciprocal_points, scaled_points, summed

LISTS = st.lists(st.permutations(range(6)).map(lambda order: order[:4]), min_size=2, max_size=3)


def padded(lists: list[list[int]], length: int = 5) -> list[np.ndarray]:
    return [np.array([[*one, *[-1] * (length - len(one))]]) for one in lists]


def as_dict(documents: np.ndarray, points: np.ndarray) -> dict[int, float]:
    return {int(d): float(p) for d, p in zip(documents[0], points[0], strict=True) if d >= 0}


@given(LISTS)
def test_reciprocal_ranks_are_those_of_ranx(lists: list[list[int]]) -> None:
    expected: dict[int, float] = {}
    for one in lists:
        for place, document in enumerate(one, 1):
            expected[document] = expected.get(document, 0.0) + 1 / (60 + place)
    tables = padded(lists)
    found = as_dict(*summed(tables, [reciprocal_points(table) for table in tables]))
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[d] for d in expected], list(expected.values()), atol=1e-12)


@given(LISTS, st.lists(st.floats(-5, 5, width=32), min_size=5, max_size=5))
def test_weighted_sums_are_those_of_ranx(lists: list[list[int]], values: list[float]) -> None:
    weights, expected = (0.3, 0.7, 0.5), dict[int, float]()
    scores = np.sort(np.array([values], dtype=np.float32))[:, ::-1]
    for weight, one in zip(weights, lists, strict=False):
        own = [float(value) for value in scores[0, : len(one)]]
        spread = max(own) - min(own)
        for document, value in zip(one, own, strict=True):
            scaled = (value - min(own)) / spread if spread else 0.0
            expected[document] = expected.get(document, 0.0) + weight * scaled
    tables = padded(lists)
    points = [w * scaled_points(scores, table) for w, table in zip(weights, tables, strict=False)]
    found = as_dict(*summed(tables, points))
    np.testing.assert_allclose([found[d] for d in expected], list(expected.values()), atol=1e-6)


def test_an_empty_list_adds_nothing() -> None:
    empty, one = np.array([[-1, -1]]), np.array([[4, 2]])
    assert as_dict(*summed([empty, one], [scaled_points(np.array([[-np.inf, -np.inf]]), empty), np.ones((1, 2))])) == {
        4: 1.0, 2: 1.0
    }  # fmt: skip
