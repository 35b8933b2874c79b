"""Pairs that a column judges by yes or no."""

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError

# (query, document, belongs together): q1 has a pair and two that are none, q2 has a pair, q3 has none.
JUDGED = [
    ("q1", "right one", True),
    ("q1", "wrong a", False),
    ("q2", "right two", True),
    ("q1", "wrong b", False),
    ("q3", "wrong c", False),
]
NUMBERS = {True: 1, False: 0}


def records(column: str, words: dict[bool, object], names=("query", "document")) -> list[dict[str, object]]:
    first, second = names
    return [{first: query, second: text, column: words[alike]} for query, text, alike in JUDGED]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("label", NUMBERS),
        ("label", {True: "1", False: "0"}),
        ("is_relevant", {True: True, False: False}),
        ("isDuplicate", NUMBERS),
        ("score", {True: 1.0, False: 0.0}),
        ("match", {True: "yes", False: "no"}),
        ("label", {True: 1, False: -1}),
        ("라벨", NUMBERS),
        ("정답", {True: "O", False: "X"}),
        ("중복여부", {True: "예", False: "아니오"}),
        ("label", {True: "duplicate", False: "not_duplicate"}),
    ],
)
def test_pairs_judged_no_are_negatives_of_their_query_and_never_positives(put, lines, column, words) -> None:
    path = put("a.jsonl", lines(records(column, words)))
    part = read_part(open_table(path), {})
    rows = part.content
    assert list(zip(rows.anchors, rows.positives, rows.negatives, strict=True)) == [
        ("q1", "right one", ("wrong a", "wrong b")),
        ("q2", "right two", ()),
    ]
    assert (
        f"{column!r} judges the pairs: 2 of 5 rows say yes and become pairs, 2 say no and become negatives"
        in (part.said[0])
    )
    assert "1 say no of an anchor without a pair and are left out" in part.said[0]
    assert (rows.labels, part.scored) == (None, None)


@pytest.mark.parametrize("role", ["label", "score", "judgment"])
def test_columns_that_the_user_named_are_judged_alike(put, lines, role) -> None:
    path = put("a.jsonl", lines(records("is_duplicate", NUMBERS, ("question1", "question2"))))
    for names in (("anchor", "positive"), ("sentence1", "sentence2")):
        chosen = dict(zip(names, ("question1", "question2"), strict=True))
        for more in ({}, {role: "is_duplicate"}):
            rows = read_part(open_table(path), chosen | more).content
            assert rows.positives == ["right one", "right two"]
    rows = read_part(open_table(path), {**chosen, "ignore": "is_duplicate"}).content
    assert len(rows) == 5


def test_sentences_keep_their_judgments_as_scores_for_evaluation(put, lines) -> None:
    part = read_part(open_table(put("a.jsonl", lines(records("label", NUMBERS, ("sentence1", "sentence2"))))), {})
    assert part.scored.scores == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert part.content.negatives == [("wrong a", "wrong b"), ()]


def test_two_questions_in_one_field_are_judged_pairs(put, lines) -> None:
    rows = [
        {"questions": {"id": [1, 2], "text": [query, text]}, "is_duplicate": alike} for query, text, alike in JUDGED
    ]
    part = read_part(open_table(put("a.jsonl", lines(rows))), {})
    assert (part.content.positives, part.content.negatives) == (
        ["right one", "right two"],
        [("wrong a", "wrong b"), ()],
    )
    with pytest.raises(DataError, match="must hold two questions"):
        read_part(open_table(put("b.jsonl", lines([*rows, {"questions": {"text": ["a"]}, "is_duplicate": True}]))), {})


def test_rows_without_a_judgment_are_left_out_and_counted(put, lines) -> None:
    path = put("a.jsonl", lines([*records("label", NUMBERS), {"query": "q4", "document": "d"}]))
    part = read_part(open_table(path), {})
    assert len(part.content) == 2
    assert [(one.code, one.count, one.examples) for one in part.findings] == [
        ("unlabelled-rows", 1, (f"{path}:6: 'label' is nothing (null)",))
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"is_duplicate": "maybe"}, "must be yes or no"),
        ({"is_duplicate": 3}, "must be yes or no"),
    ],
)
def test_a_judgment_that_is_neither_is_a_fault(put, lines, more, words) -> None:
    # Beyond the first rows, which settled that the column says yes or no.
    early = [{"query": f"q{i}", "document": f"d{i}", "is_duplicate": i % 2} for i in range(1000)]
    late = {"query": "q", "document": "d"} | more
    with pytest.raises(DataError, match=words) as caught:
        read_part(open_table(put("a.jsonl", lines([*early, late]))), {})
    assert str(caught.value.where).endswith("a.jsonl:1001")


def test_without_a_yes_there_is_nothing_to_learn(put, lines) -> None:
    with pytest.raises(DataError, match="no row is judged yes by 'label'"):
        read_part(open_table(put("a.jsonl", lines([{"query": "q", "document": "d", "label": 0}] * 3))), {})


@pytest.mark.parametrize("names", [("question1", "question2"), ("text1", "text2"), ("질문1", "질문2")])
def test_numbered_questions_and_texts_are_pairs(put, lines, names) -> None:
    part = read_part(open_table(put("a.jsonl", lines(records("is_duplicate", NUMBERS, names)))), {})
    assert part.content.positives == ["right one", "right two"]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("feedback", ("up", "down")),
        ("reader_view", ("합격", "불합격")),
        ("확신", ("12,5 %", "95%")),
        ("확신", ("0,9", "0,1")),
        ("비고", ("○", "×")),
    ],
)
def test_judgments_as_people_write_them_are_asked_about(put, lines, column, values) -> None:
    rows = [{"query": f"q{i}", "document": f"d{i}", column: values[i % 2]} for i in range(8)]
    with pytest.raises(DataError, match="may say whether the two texts of a row belong together"):
        read_part(open_table(put("a.jsonl", lines(rows))), {})


def test_a_label_in_a_list_is_not_passed_over(put, lines) -> None:
    rows = [{"query": f"q{i}", "document": f"d{i}", "label": [i % 2]} for i in range(8)]
    with pytest.raises(DataError, match="'label'"):
        read_part(open_table(put("a.jsonl", lines(rows))), {})


@pytest.mark.parametrize("values", [("O", "X"), ("예", "아니오"), ("entailment", "contradiction")])
def test_queries_and_passages_are_judged_too(put, lines, values) -> None:
    rows = [{"질문": f"q{i}", "본문": f"d{i}", "관련여부": values[i % 2]} for i in range(8)]
    part = read_part(open_table(put("a.jsonl", lines(rows))), {})
    assert part.content.positives == ["d0", "d2", "d4", "d6"]
