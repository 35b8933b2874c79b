"""Whether the data has a teacher's scores, of enough rows, and on what scale."""

import math

import pytest

from embedtune.data.rows import Rows
from embedtune.workflows.shared.choosing.teacher import few_scores, taught_rows, teacher_temperature, teaches

NAN = math.nan


def rows(*scores) -> Rows:
    texts = [f"t{i}" for i in range(len(scores))]
    return Rows(texts, texts, [["n", "m"]] * len(scores), teacher_scores=scores)


@pytest.mark.parametrize(("scored", "teaching", "noted"), [(0, False, False), (3, False, True), (4, True, False)])
def test_a_teacher_of_few_rows_is_noted_and_not_followed(scored, teaching, noted) -> None:
    data = rows(*[[0.9, 0.1, NAN]] * scored, *[[NAN, NAN, NAN]] * (8 - scored))
    found = few_scores(data)
    assert taught_rows(data) == scored
    assert (teaches(data), found is not None) == (teaching, noted)
    if found is not None:
        assert found.severity == "note" and "3 of 8 pairs" in found.message and "distill" in found.fix


def test_the_temperature_suits_the_scale() -> None:
    assert teacher_temperature(rows([0.9, -0.2, NAN])) < 1 == teacher_temperature(rows([9.0, -2.0, NAN]))
