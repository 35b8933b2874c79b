"""Closure against a walk from text to text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.data.splits.closure import closure_of


def connected(pairs: list[tuple[int, int]], start: int) -> set[int]:
    found, waiting = set(), [start]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [other for pair in pairs if one in pair for other in pair]
    return found


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=40))
def test_as_by_walking(pairs):
    closure = closure_of(np.array(pairs))
    texts = sorted({text for pair in pairs for text in pair})
    groups = closure.group_of(np.array(texts)).tolist()
    for text, group in zip(texts, groups, strict=True):
        assert {other for other, theirs in zip(texts, groups, strict=True) if theirs == group} == connected(pairs, text)
    assert sum(closure.sizes) == len(texts)
    assert closure.group_of(np.array([-99, 99])).tolist() == [-1, -1]


def test_what_is_said_of_it():
    closure = closure_of(np.array([[1, 2], [2, 3], [7, 8]]))
    assert closure.sentence == "known positives by closure: 2 groups, the largest with 3 texts"


@pytest.mark.parametrize(("pairs", "codes"), [([[1, 2], [2, 3], [7, 8]], ["closure-too-wide"]), ([[1, 2], [7, 8]], [])])
def test_one_group_that_holds_most_texts_is_a_warning(pairs, codes):
    found = closure_of(np.array(pairs)).findings()
    assert [one.code for one in found] == codes
    assert all("60%" in one.message and one.count == 3 for one in found)
