import pytest

from embedtune.data.sources.problems import SHOWN, Problems
from embedtune.errors import DataError


def test_no_problem_raises_nothing() -> None:
    Problems("a.jsonl").raise_if_any()


def test_one_problem_keeps_its_own_place() -> None:
    problems = Problems("a.jsonl")
    problems.add("a.jsonl:7", "'positive' is empty", hint="remove the row")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any()
    assert caught.value.where == "a.jsonl:7"
    assert caught.value.message == "'positive' is empty"
    assert caught.value.next == "remove the row"


def test_many_problems_are_all_counted_and_the_first_are_shown() -> None:
    problems = Problems("a.jsonl")
    for line in range(1, 58):
        problems.add(f"a.jsonl:{line}", f"fault {line}")
    with pytest.raises(DataError) as caught:
        problems.raise_if_any()
    message = caught.value.message
    assert "57 problems" in message
    assert message.count("\n  a.jsonl:") == SHOWN
    assert f"a.jsonl:{SHOWN}: fault {SHOWN}" in message
    assert "and 37 more" in message


def test_problems_are_shown_by_line_in_each_file() -> None:
    problems = Problems("set")
    for where in ("a.jsonl:22", "a.jsonl", "b.tsv:3", "a.jsonl:9", "b.tsv:1"):
        problems.add(where, "fault")
    shown = str(problems.stop("a.jsonl:30", "last").message).splitlines()[1:]
    assert [line.split(": ")[0].strip() for line in shown] == [
        *("a.jsonl:9", "a.jsonl:22", "a.jsonl:30", "a.jsonl", "b.tsv:1", "b.tsv:3")
    ]


def test_a_fatal_problem_is_told_with_those_before_it() -> None:
    problems = Problems("a.jsonl")
    problems.add("a.jsonl:1", "first")
    error = problems.stop("a.jsonl:2", "last")
    assert "a.jsonl:1: first" in error.message
    assert "a.jsonl:2: last" in error.message
