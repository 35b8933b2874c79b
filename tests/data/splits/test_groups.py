from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.data.rows import Rows
from embedtune.data.splits.groups import Groups, components, divide, group_findings, groups_of

PARTS = ("test", "dev")
TEXTS = st.integers(0, 30).map(lambda number: f"글 {number}")
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=2, max_size=60)


def rows_of(pairs) -> Rows:
    return Rows([anchor for anchor, _ in pairs], [positive for _, positive in pairs])


def reference_components(pairs) -> list[set[int]]:
    """Rows that share a text, gathered by walking from row to row."""
    by_text = defaultdict(set)
    for row, texts in enumerate(pairs):
        for text in texts:
            by_text[text].add(row)
    left, found = set(range(len(pairs))), []
    while left:
        component, waiting = set(), [min(left)]
        while waiting:
            row = waiting.pop()
            if row not in component:
                component.add(row)
                waiting += [other for text in pairs[row] for other in by_text[text]]
        found.append(component)
        left -= component
    return found


def texts_of(pairs, rows) -> set[str]:
    return {text for row in rows for text in pairs[row]}


@given(ROWS)
@settings(max_examples=150, deadline=None)
def test_components_are_those_found_by_walking(pairs) -> None:
    rows = rows_of(pairs)
    groups = components(rows.anchor_ids, rows.positive_ids)
    found = [set(np.flatnonzero(groups.of_row == number).tolist()) for number in range(len(groups.keys))]
    assert sorted(map(sorted, found)) == sorted(map(sorted, reference_components(pairs)))


@given(ROWS, st.integers(0, 5), st.sampled_from([PARTS, ("dev",)]))
@settings(max_examples=150, deadline=None)
def test_every_row_is_used_once_and_no_text_is_in_two_parts(pairs, seed, parts) -> None:
    division = divide(groups_of(rows_of(pairs)), seed, parts)
    pieces = [division.train, *division.held_out.values()]
    assert sorted(row for piece in pieces for row in piece) == list(range(len(pairs)))
    assert all(piece == sorted(piece) for piece in pieces)
    for number, piece in enumerate(pieces):
        for other in pieces[number + 1 :]:
            assert not texts_of(pairs, piece) & texts_of(pairs, other)


@given(ROWS, st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_the_rows_decides_nothing(pairs, seed, random) -> None:
    pairs = list(dict.fromkeys(pairs))
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    first = divide(groups_of(rows_of(pairs)), seed, PARTS)
    second = divide(groups_of(rows_of(shuffled)), seed, PARTS)
    assert {pairs[row] for row in first.train} == {shuffled[row] for row in second.train}
    for part in PARTS:
        assert {pairs[row] for row in first.held_out[part]} == {shuffled[row] for row in second.held_out[part]}


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_parts_come_near_their_share(sizes, seed) -> None:
    groups = Groups(np.repeat(np.arange(len(sizes)), sizes), np.arange(len(sizes)))
    total = sum(sizes)
    division = divide(groups, seed, PARTS)
    assert len(division.train) >= min(2, total)
    if max(sizes) <= total / 2:
        second_largest = sorted(sizes)[-2]
        for part in PARTS:
            assert abs(len(division.held_out[part]) - max(1, total / 10)) <= second_largest


@pytest.mark.parametrize("total", [30, 100, 1000])
def test_rows_that_share_nothing_are_divided_exactly(total) -> None:
    division = divide(Groups(np.arange(total), np.arange(total)), 0, PARTS)
    assert [len(division.held_out[part]) for part in PARTS] == [round(total / 10)] * 2


def test_the_seed_decides() -> None:
    groups = Groups(np.arange(200), np.arange(200))
    assert divide(groups, 0, PARTS).held_out["test"] == divide(groups, 0, PARTS).held_out["test"]
    assert divide(groups, 0, PARTS).held_out["test"] != divide(groups, 1, PARTS).held_out["test"]


def test_the_draw_is_the_same_on_every_machine() -> None:
    """BLAKE2b of a plain string, so the reference is Python's own hashlib, spelled out."""
    import hashlib

    keys = [-7, 12, 2**62]
    order = sorted(keys, key=lambda key: hashlib.blake2b(f"split:3:{key}".encode(), digest_size=8).digest())
    groups = Groups(np.arange(3), np.array(keys))
    # Three groups of one row: the first of those drawn is train's (the largest), the next test's, and train keeps two.
    division = divide(groups, 3, PARTS)
    assert [keys[row] for row in division.held_out["test"]] == order[1:2]


@pytest.mark.parametrize(("total", "test", "dev"), [(1, 0, 0), (2, 0, 0), (3, 1, 0), (4, 1, 1), (10, 1, 1)])
def test_small_data_keep_two_rows_to_learn_from(total, test, dev) -> None:
    division = divide(Groups(np.arange(total), np.arange(total)), 0, PARTS)
    assert (len(division.held_out["test"]), len(division.held_out["dev"])) == (test, dev)


def test_a_giant_component_stays_in_train_and_is_told() -> None:
    pairs = [(f"q{i}", "the same answer") for i in range(80)] + [(f"r{i}", f"s{i}") for i in range(20)]
    division = divide(groups_of(rows_of(pairs)), 0, PARTS)
    assert set(range(80)) <= set(division.train)
    assert len(division.held_out["test"]) == len(division.held_out["dev"]) == 10
    finding = group_findings(division, by_column=False)[0]
    assert (finding.code, finding.count) == ("giant-group", 80)
    assert "80%" in finding.message


def test_one_component_cannot_be_split_and_is_told() -> None:
    division = divide(groups_of(rows_of([(f"q{i}", "one answer") for i in range(50)])), 0, PARTS)
    assert len(division.train) == 50
    assert [finding.code for finding in group_findings(division, by_column=False)] == ["cannot-split"]


def test_ordinary_data_have_no_finding() -> None:
    division = divide(groups_of(rows_of([(f"q{i}", f"a{i}") for i in range(50)])), 0, PARTS)
    assert group_findings(division, by_column=False) == []


def test_the_group_column_decides_alone() -> None:
    rows = Rows([f"q{i}" for i in range(40)], ["shared"] * 40, groups=[f"g{i // 4}" for i in range(40)])
    division = divide(groups_of(rows), 0, PARTS)
    groups = [{rows.groups[row] for row in piece} for piece in (division.train, *division.held_out.values())]
    assert all(groups)
    assert sum(map(len, groups)) == 10


def test_a_dev_part_of_limited_size_is_filled_from_small_groups() -> None:
    # 30 groups of 100 rows and 400 of 2: 500 rows can be had without touching a large group.
    sizes = [100] * 30 + [2] * 400
    groups = Groups(np.repeat(np.arange(len(sizes)), sizes), np.arange(len(sizes)))
    division = divide(groups, 0, ("dev",), most=300)
    held = division.held_out["dev"]
    assert len(held) == 300
    assert set(groups.of_row[held].tolist()) <= set(range(30, 430))


def test_a_limited_dev_part_takes_a_large_group_where_there_are_no_small_ones() -> None:
    groups = Groups(np.repeat(np.arange(10), 100), np.arange(10))
    assert len(divide(groups, 0, ("dev",), most=100).held_out["dev"]) == 100


def test_texts_of_one_normal_form_are_never_divided() -> None:
    """Each answer twice, once in capitals: both rows are in one part."""
    pairs = [(f"What about {i}?", f"The answer is {i}.") for i in range(40)]
    pairs += [(f"Who knows {i}?", f"THE ANSWER\u200b IS {i}") for i in range(40)]
    division = divide(groups_of(rows_of(pairs)), 0, PARTS)
    for rows in (division.train, *division.held_out.values()):
        assert {row % 40 for row in rows if row < 40} == {row % 40 for row in rows if row >= 40}
    assert all(division.held_out.values())


def test_where_no_two_texts_share_a_form_the_split_is_that_of_the_texts() -> None:
    rows = rows_of([(f"글 {i % 50}", f"답 {i % 37}") for i in range(120)])
    exact, found = components(rows.anchor_ids, rows.positive_ids), groups_of(rows)
    assert np.array_equal(exact.of_row, found.of_row) and np.array_equal(exact.keys, found.keys)
