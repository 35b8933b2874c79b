from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtune.data.rows import LabelledTexts
from embedtune.data.splits.classes import distinct, divide_classes, judged_classes, pair_within_classes

PARTS = ("test", "dev")


def texts(*sizes: int, prefix: str = "글") -> LabelledTexts:
    labels = [f"c{label}" for label, size in enumerate(sizes) for _ in range(size)]
    names = [f"{prefix} {label} {i}" for label, size in enumerate(sizes) for i in range(size)]
    return LabelledTexts(names, labels, None, [f"a.jsonl:{line}" for line in range(1, len(labels) + 1)])


def shuffled(content: LabelledTexts, random) -> LabelledTexts:
    order = list(range(len(content)))
    random.shuffle(order)
    return content.take(order)


@given(st.lists(st.integers(1, 25), min_size=1, max_size=8), st.integers(0, 4), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_pairs_stay_in_their_class_and_use_every_text_once_a_side(sizes, seed, random) -> None:
    content = texts(*sizes)
    rows, findings = pair_within_classes(content, seed)
    label_of = dict(zip(content.texts, content.labels, strict=True))
    alone = sum(size == 1 for size in sizes)
    assert Counter(rows.anchors) == Counter(rows.positives)
    assert len(rows) == len(set(rows.anchors)) == len(content) - alone
    for anchor, positive, label in zip(rows.anchors, rows.positives, rows.labels or [], strict=True):
        assert anchor != positive
        assert label_of[anchor] == label_of[positive] == label
    assert [finding.count for finding in findings] == ([alone] if alone else [])
    again, _ = pair_within_classes(shuffled(content, random), seed)
    assert set(zip(rows.anchors, rows.positives, strict=True)) == set(zip(again.anchors, again.positives, strict=True))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40), st.integers(0, 4), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_division_uses_every_text_once_whatever_the_order(sizes, seed, random) -> None:
    content = texts(*sizes)
    division, how = divide_classes(content, seed, PARTS)
    pieces = [division.train, *division.held_out.values()]
    assert sorted(row for piece in pieces for row in piece) == list(range(len(content)))
    other = shuffled(content, random)
    again, how_again = divide_classes(other, seed, PARTS)
    assert how == how_again
    for part in PARTS:
        assert {content.texts[row] for row in division.held_out[part]} == {
            other.texts[row] for row in again.held_out[part]
        }


def test_every_class_gives_a_tenth() -> None:
    content = texts(100, 50, 30)
    division, how = divide_classes(content, 0, PARTS)
    assert how == "within each class"
    for part in PARTS:
        assert Counter(content.labels[row] for row in division.held_out[part]) == {"c0": 10, "c1": 5, "c2": 3}


def test_a_class_of_few_texts_gives_two_or_none() -> None:
    content = texts(10, 5)
    division, _ = divide_classes(content, 0, PARTS)
    for part in PARTS:
        assert Counter(content.labels[row] for row in division.held_out[part]) == {"c0": 2}


def test_many_small_classes_are_held_out_whole() -> None:
    content = texts(*[10] * 50)
    division, how = divide_classes(content, 0, PARTS)
    assert "entire classes" in how
    labels = [{content.labels[row] for row in piece} for piece in (division.train, *division.held_out.values())]
    assert [len(found) for found in labels] == [40, 5, 5]
    assert len(set.union(*labels)) == 50


@pytest.mark.parametrize("size", [2, 3, 9, 30])
def test_held_out_texts_ask_or_are_found_but_never_both(size) -> None:
    content = texts(size, size, 1)
    judged, findings = judged_classes("test", content, 0)
    asking = max(1, size // 3)
    assert findings == []
    assert len(judged) == 2 * asking
    assert len(judged.corpus) == 2 * (size - asking) + 1
    assert not set(judged.queries.values()) & set(judged.corpus.values())
    for query, grades in judged.qrels.items():
        name = judged.queries[query].split()[1]
        assert {judged.corpus[document].split()[1] for document in grades} == {name}
        assert len(grades) == size - asking


def test_nothing_to_ask_is_told() -> None:
    judged, findings = judged_classes("test", texts(1, 1), 0)
    assert len(judged) == 0
    assert findings[0].code == "cannot-judge"


def test_repeated_and_contradictory_texts() -> None:
    content = LabelledTexts(["a", "a ", "b", "b"], ["x", "x", "x", "y"], None, [f"f:{i}" for i in range(1, 5)])
    kept, findings = distinct(content)
    assert kept.texts == ["a", "b", "b"]
    assert {finding.code: finding.count for finding in findings} == {"duplicate-rows": 1, "label-conflict": 1}
    assert findings[1].examples == ("f:3: b (x)", "f:4: b (y)")


@pytest.mark.parametrize("other", [0, 1], ids=["own class", "another class"])
def test_a_text_and_its_copy_in_capitals_are_in_one_part(other) -> None:
    words = [f"text {i} of class {i % 2}" for i in range(80)]
    labels = [f"c{i % 2}" for i in range(80)]
    content = LabelledTexts(
        [*words, *map(str.upper, words)], [*labels, *(f"c{(i + other) % 2}" for i in range(80))], None, []
    )
    division, _ = divide_classes(content, 0, PARTS)
    for rows in (division.train, *division.held_out.values()):
        assert {row % 80 for row in rows if row < 80} == {row % 80 for row in rows if row >= 80}
    assert all(division.held_out.values())
