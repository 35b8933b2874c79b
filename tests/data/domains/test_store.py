"""What is kept of a domain: a sample without replacement, or the same number of every class."""

from collections import Counter

import numpy as np
import pytest

from embedtune.data.domains.store import kept_rows, with_replay
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows


def rows(labels: str, start: int = 0) -> Rows:
    numbers = range(start, start + len(labels))
    return Rows(
        [f"a{n}" for n in numbers], [f"p{n}" for n in numbers], labels=list(labels), places=[f"f:{n}" for n in numbers]
    )


def data(own: Rows) -> TrainingData:
    return TrainingData(own, None, None, [], np.empty((0, 2), dtype=np.int64))


def test_a_reservoir_keeps_every_row_as_often_as_any_other() -> None:
    own, trials = rows("x" * 10), 2000
    kept = Counter(text for seed in range(trials) for text in kept_rows(own, 3, "reservoir", [seed]).anchors)
    assert set(kept) == set(own.anchors)
    # A share of 0.3 among 2,000 draws has a standard deviation of 0.0102.
    assert all(count / trials == pytest.approx(0.3, abs=4 * 0.0102) for count in kept.values())


def test_the_same_seed_keeps_the_same_rows_in_their_order() -> None:
    own = rows("x" * 30)
    kept = kept_rows(own, 8, "reservoir", [3, 1])
    assert kept.anchors == kept_rows(own, 8, "reservoir", [3, 1]).anchors
    assert [int(text[1:]) for text in kept.anchors] == sorted(int(text[1:]) for text in kept.anchors)
    assert kept.anchors != kept_rows(own, 8, "reservoir", [3, 2]).anchors


def test_balanced_takes_as_many_of_each_class_as_it_has() -> None:
    kept = kept_rows(rows("a" * 90 + "b" * 8 + "c" * 2), 20, "balanced", [0])
    assert Counter(kept.labels) == {"a": 10, "b": 8, "c": 2}


def test_rows_without_classes_are_balanced_over_their_answers() -> None:
    own = Rows([f"a{n}" for n in range(40)], ["same"] * 37 + ["x", "y", "z"])
    assert set(kept_rows(own, 4, "balanced", [0]).positives) == {"same", "x", "y", "z"}


def test_all_rows_are_kept_where_there_are_fewer() -> None:
    own = rows("ab")
    assert kept_rows(own, 5, "balanced", [0]) is own


def test_kept_rows_join_those_of_the_domain() -> None:
    new, old = rows("ab" * 4), rows("ac", start=100)
    own, kept, far = int(new.anchor_ids[0]), int(old.anchor_ids[0]), -1
    known = np.array([(own, 7), (kept, 7), (far, 7)])  # the same text is right for a new and a kept row
    found = with_replay(data(new), [old], 0.25, known)
    assert found.train.sources == [0] * 8 + [1] * 2 and found.replay_share == 0.25
    assert found.train.labels == [*"ab" * 4, "a", "c"]  # a class is the same class in every domain
    pairs = set(map(tuple, found.known_positives.tolist()))
    assert len(pairs) == 10 + 2
    assert {(own, 7), (kept, 7)} < pairs and (far, 7) not in pairs  # nothing is known of rows that are not there
    assert with_replay(data(new), [], 0.25, known).train is new
