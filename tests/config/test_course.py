"""How many epochs of which batches: what is asked for stands, the rest gives enough steps where the data allow it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.config.course import ENOUGH_STEPS, PAYING_STEPS, PRETRAINED, STATIC, Course, reason_of_course
from embedtune.config.sections.training import TrainingSection

ROWS = st.integers(1, 200_000)


@given(rows=ROWS, static=st.booleans())
def test_there_are_enough_steps_or_nothing_more_can_be_done(rows: int, static: bool) -> None:
    suited = STATIC if static else PRETRAINED
    course = Course.of(TrainingSection(), rows, static=static)
    assert suited.smallest_batch <= course.batch_size <= suited.batch_size
    assert suited.epochs <= course.epochs <= suited.most_epochs
    if course.steps(rows) < ENOUGH_STEPS:
        assert (course.batch_size, course.epochs) == (suited.smallest_batch, suited.most_epochs)


@given(rows=ROWS)
def test_a_new_cross_encoder_learns_longer_from_few_rows(rows: int) -> None:
    course = Course.of(TrainingSection(), rows, static=False, cross=True)
    assert course.batch_size == 16
    assert course.steps(rows) >= 300 or course.epochs == 4
    assert course.epochs == 1 or (course.epochs - 1) * course.steps_per_epoch(rows) < 300
    assert "a new cross-encoder" in reason_of_course(TrainingSection(), rows, static=False, cross=True)


@given(rows=ROWS, static=st.booleans(), epochs=st.integers(1, 30), batch=st.integers(2, 1000))
def test_what_is_asked_for_stands(rows: int, static: bool, epochs: int, batch: int) -> None:
    asked = TrainingSection(epochs=epochs, batch_size=batch, max_steps=7)
    course = Course.of(asked, rows, static=static)
    assert (course.epochs, course.batch_size) == (epochs, batch)
    assert course.steps(rows) == min(7, epochs * -(-rows // batch))
    assert reason_of_course(asked, rows, static=static) == ""


@pytest.mark.parametrize(
    ("course", "rows", "said"),
    [
        (Course(1, 64), 640, "1 epoch, 10 steps"),
        (Course(3, 16, max_steps=12), 150, "1.2 epochs, 12 steps"),
        (Course(3, 16, max_steps=1), 160_000, "0.0001 epochs, 1 step"),
        (Course(10, 32, max_steps=10**6), 320, "10 epochs, 100 steps"),
    ],
)
def test_the_epochs_that_are_told_are_those_that_the_steps_make(course: Course, rows: int, said: str) -> None:
    assert course.in_words(rows).startswith(f"{said} of up to ")
    assert course.steps(rows) / (rows / course.batch_size) == pytest.approx(float(said.split()[0]), rel=0.1)


def test_more_rows_never_mean_smaller_batches_or_more_epochs() -> None:
    courses = [Course.of(TrainingSection(), rows, static=False) for rows in range(10, 20_000, 37)]
    for fewer, more in pairwise(courses):
        assert more.batch_size >= fewer.batch_size
        assert more.epochs <= fewer.epochs or more.batch_size > fewer.batch_size


@given(rows=ROWS)
def test_a_pretrained_encoder_sees_its_pairs_again_while_that_pays(rows: int) -> None:
    course = Course.of(TrainingSection(), rows, static=False)
    assert course.steps(rows) >= PAYING_STEPS or course.epochs == PRETRAINED.most_epochs
    assert course.epochs == 1 or (course.epochs - 1) * course.steps_per_epoch(rows) < PAYING_STEPS


@pytest.mark.parametrize("rows", [0, 1])
def test_hardly_any_rows_have_a_course_too(rows: int) -> None:
    assert Course.of(TrainingSection(), rows, static=False).steps(rows) <= PRETRAINED.most_epochs
