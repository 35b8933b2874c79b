"""Only what every program takes for a number is one."""

import math

import pytest

from embedtune.data.formats.shared.cells import number_in
from embedtune.data.numbers import integer_of, number_of

ODD = ["1_0", "１２", "٣", "½", "0x10", "nan", "inf", "-Infinity", "1e999", "1,5", "1.5.2", "", " ", ".", "e5"]
ODD.append("9" * 5000)


@pytest.mark.parametrize("text", ODD)
def test_what_is_no_number(text) -> None:
    assert number_of(text) is None and integer_of(text) is None
    assert math.isnan(number_in(text))


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), ("-1e3", -1000.0), ("+.5", 0.5), ("2.", 2.0), ("0.10", 0.1), ("1E-2", 0.01)]
)
def test_what_is_one(text, value) -> None:
    assert number_of(text) == value == number_in(f" {text} ")


def test_integers() -> None:
    assert [integer_of(one) for one in ("3", "-2", "1.0", "1e2", "0.5")] == [3, -2, 1, 100, None]


def test_integers_that_no_float_holds() -> None:
    assert math.isnan(number_in(10**400))
