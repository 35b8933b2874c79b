"""Roles, classes, scores, batches: what is told by a column as a whole."""

import itertools

import pytest

from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import run_checks
from embedtune.data.checks.in_batch import InBatch
from embedtune.data.checks.labels import LabelCheck
from embedtune.data.checks.roles import RoleCheck
from embedtune.data.checks.scores import ScoreCheck
from embedtune.data.rows import LabelledTexts, Rows, ScoredPairs

QUESTIONS = [f"{i}번 서비스는 어디에서 신청하나요?" for i in range(60)]
ANSWERS = [
    f"{i}번 서비스는 가까운 주민센터나 복지로 누리집에서 신청하실 수 있으며 열흘 안에 알려드립니다." for i in range(60)
]


def found(check, *contents) -> dict[str, int]:
    return {finding.code: finding.count for finding in run_checks([check], contents)}


def swapped(rows: list[int]) -> Rows:
    pairs = [(a, q) if i in rows else (q, a) for i, (q, a) in enumerate(zip(QUESTIONS, ANSWERS, strict=True))]
    return Rows(*map(list, zip(*pairs, strict=True)), places=[f"f:{i}" for i in range(60)])


@pytest.mark.parametrize("rows", [[], [3], [0, 17, 59], list(range(20))])
def test_rows_the_other_way_round_are_found_each(rows) -> None:
    findings = run_checks([RoleCheck()], [swapped(rows)])
    assert [example.split(":")[1] for one in findings for example in one.examples] == [str(row) for row in rows]
    assert sum(one.count for one in findings) == len(rows)


def test_all_rows_the_other_way_round_are_one_finding() -> None:
    assert found(RoleCheck(), swapped(list(range(60)))) == {"roles-look-swapped": 60}


def test_long_anchors_look_swapped_without_questions_too() -> None:
    assert found(RoleCheck(), Rows(["a long text " * 20] * 9, ["short"] * 9)) == {"roles-look-swapped": 9}
    assert found(RoleCheck(), Rows(["short"] * 9, ["a long text " * 20] * 9)) == {}


def test_columns_of_one_kind_have_no_roles_to_swap() -> None:
    assert found(RoleCheck(), Rows(QUESTIONS, list(reversed(QUESTIONS)))) == {}


def test_classes_with_one_member_two_spellings_and_shared_texts() -> None:
    texts = LabelledTexts(
        ["a", "b", "c", "d", "e", "a "],
        ["카드", "카드", "top up", "Top-up", "top up", "top up"],
        places=[f"f:{i}" for i in range(6)],
    )
    findings = {one.code: one for one in run_checks([LabelCheck()], [texts])}
    assert findings["single-text-classes"].examples == ("f:3: Top-up",)
    assert "labels-spelt-alike" not in findings  # a hyphen inside a word is part of it
    assert findings["label-conflict"].examples == ("f:5 (top up): a",)
    assert (
        found(LabelCheck(), LabelledTexts(["a", "b", "c", "d"], ["Refund", "refund ", "refund ", "Refund"]))[
            "labels-spelt-alike"
        ]
        == 1
    )


def test_labels_of_pairs_may_have_one_row() -> None:
    assert found(LabelCheck(), Rows(["a", "b"], ["c", "d"], labels=["x", "y"])) == {}


@pytest.mark.parametrize(
    ("scores", "outside"),
    [
        ([i / 10 for i in range(51)] * 2 + [-1.0, 50.0, 5.5], 3),
        ([i / 20 for i in range(21)] * 2 + [1.2], 1),
        ([-0.5, 0.5, 0.9, -1.0] * 10, 0),
        ([float(i) for i in range(101)], 0),
        ([1000.0, 2000.0, 3.0], 0),  # no scale that anybody uses
    ],
)
def test_scores_outside_of_the_scale_of_the_others(scores, outside) -> None:
    pairs = ScoredPairs(["a"] * len(scores), ["b"] * len(scores), scores)
    assert found(ScoreCheck(), pairs) == ({"scores-out-of-range": outside} if outside else {})


def test_scores_that_are_all_the_same() -> None:
    assert found(ScoreCheck(), ScoredPairs(["a", "b"], ["c", "d"], [1.0, 1.0])) == {"scores-all-the-same": 2}


def test_teachers_that_prefer_a_negative() -> None:
    rows = Rows(["a", "b"], ["c", "d"], [["e"], ["f"]], teacher_scores=[[0.5, 0.9], [0.5, 0.1]])
    assert found(ScoreCheck(), rows) == {"negatives-above-positive": 1}


@pytest.mark.parametrize(
    ("anchors", "positives"),
    [("abcdef", "uvwxyz"), ("aabbcd", "uvuwwx"), ("aaabbb", "uuuvvv"), ("abcabc", "uuuuuv")],
)
def test_usable_negatives_agree_with_counting_all_pairs_of_rows(anchors, positives) -> None:
    rows = list(zip(anchors, positives, strict=True))
    known = [a == c or b == d for (a, b), (c, d) in itertools.permutations(rows, 2)]
    check = InBatch(TrainingSection(batch_size=4))
    run_checks([check], [Rows(list(anchors), list(positives))])
    assert check.known_share() == pytest.approx(sum(known) / len(known))
    assert check.summary()["usable"] == pytest.approx(3 * (1 - sum(known) / len(known)), abs=0.05)


def test_classes_decide_where_there_are_some() -> None:
    labels = [str(i % 10) for i in range(100)]
    check = InBatch(TrainingSection(batch_size=32))
    findings = run_checks([check], [LabelledTexts([str(i) for i in range(100)], labels)])
    assert check.known_share() == pytest.approx(9 / 99)
    assert [(one.code, one.severity) for one in findings] == [("few-in-batch-negatives", "warning")]
    assert "a larger --batch-size" in findings[0].fix  # of more rows, more are of another class


@pytest.mark.parametrize(("shared", "codes"), [(15, []), (30, ["few-in-batch-negatives"])])
def test_nothing_is_said_where_nearly_all_others_can_be_negatives(shared: int, codes: list[str]) -> None:
    anchors = ["asked often"] * shared + [f"question {i}" for i in range(100 - shared)]
    check = InBatch(TrainingSection(batch_size=16))
    findings = run_checks([check], [Rows(anchors, [f"answer {i}" for i in range(100)])])
    assert check.known_share() == pytest.approx(shared * (shared - 1) / (100 * 99))  # 2.1% and 8.8%
    assert [one.code for one in findings] == codes
