"""The frame of all checks: places, ids that came before, and blocks."""

import numpy as np
import pytest

from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import Places, graded, paired_ids, run_checks
from embedtune.data.checks.quick import all_checks
from embedtune.data.rows import LabelledTexts, RawTexts, Rows


def test_places_are_given_back_as_they_came() -> None:
    places = Places()
    names = ["a.jsonl:3", "b:c.jsonl:12", "the ledger", "", "a.jsonl:4"]
    places.add(Rows(list("abcde"), list("abcde"), places=names))
    places.add(RawTexts(["x"]))
    assert [places[row] for row in range(6)] == [
        "a.jsonl:3",
        "b:c.jsonl:12",
        "the ledger",
        "row 4",
        "a.jsonl:4",
        "row 6",
    ]


def test_ids_of_pairs_depend_on_the_order_and_seldom_meet() -> None:
    numbers = np.arange(-150, 150)
    first, second = (grid.ravel() for grid in np.meshgrid(numbers, numbers))
    assert len(np.unique(paired_ids(first, second))) == len(first)


@pytest.mark.parametrize(("count", "rows", "severity"), [(2, 10, "note"), (3, 10, "warning"), (3, 10_000, "note")])
def test_damage_is_graded_by_its_share(count, rows, severity) -> None:
    assert graded(count, rows) == severity


def test_one_block_and_many_say_the_same() -> None:
    rows = Rows(
        [f"How many are {i % 40}?" for i in range(60)] + ["\u1112\u1161\u11ab", "same text", "깨진 \ufffd 글"],
        [f"There are {i % 12} of them, as far as we know." for i in range(60)] + ["!", "same text", "a\x07b"],
        [[f"There are {i % 12} of them, as far as we know."] if i % 7 == 0 else [] for i in range(60)] + [[]] * 3,
        places=[f"pairs.jsonl:{line}" for line in range(1, 64)],
    )
    parts = [rows.take(range(start, min(start + 10, 63))) for start in range(0, 63, 10)]
    assert run_checks(all_checks(TrainingSection(batch_size=8)), parts) == run_checks(
        all_checks(TrainingSection(batch_size=8)), [rows]
    )
    assert len(run_checks(all_checks(TrainingSection(batch_size=8)), [rows])) >= 8


def test_nothing_is_found_in_nothing() -> None:
    for empty in (Rows([], []), LabelledTexts([], []), RawTexts([])):
        assert run_checks(all_checks(TrainingSection(batch_size=8)), [empty]) == []
    assert run_checks(all_checks(TrainingSection(batch_size=8)), []) == []
