"""Negations and antonyms: what states the opposite of something, and what only shares a "not" with it."""

import pytest

from embedtune.data.texts.near_duplicates import NearIndex

OTHERS = [f"an unrelated filler sentence about subject{i} and matter{i} and thing{i}" for i in range(20)]


def negated(one: str, other: str) -> list[bool]:
    return [copy.negated for copy in NearIndex([*OTHERS, other], [[one]]).find([one])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I find the code of my new card?", "I cannot find the code of my new card"),
        ("why can't I find the code of my new card", "I can find the code of my new card"),
        ("I don't know how to find the code of my new card", "I found the code of my new card"),
        ("Tell me why the code of my new card failed", "The code of my new card works"),
        ("Does the code of my new card work?", "Does the code of my new card not work?"),
        ("새 카드의 비밀번호를 어디서 찾을 수 있나요", "새 카드의 비밀번호를 찾을 수 없다"),
        ("The card was charged after the order of the book", "The card was charged before the order of the book"),
    ],
)
def test_a_question_and_a_time_are_no_opposites(one: str, other: str) -> None:
    assert not any([*negated(one, other), *negated(other, one)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zinc does not increase the risk of this rare disease", "Zinc increases the risk of this rare disease"),
        ("Zinc decreases the risk of this rare disease", "Zinc increases the risk of this rare disease"),
        ("이 카드는 해외에서 사용할 수 없다", "이 카드는 해외에서 사용할 수 있다"),
    ],
)
def test_statements_with_opposite_meanings_are_found(one: str, other: str) -> None:
    assert negated(one, other) == [True]
