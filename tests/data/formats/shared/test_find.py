from pathlib import Path

import pytest

import embedtune.data.formats as formats
from embedtune.data.formats import Part, read_formats, written_formats
from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import Rows
from embedtune.data.sources.tables import open_table
from embedtune.errors import ConfigError, DataError


def part_of(put, lines, records, chosen=None, group=None):
    return read_part(open_table(put("a.jsonl", lines(records))), chosen or {}, group)


def test_formats_are_the_files_of_the_folder() -> None:
    files = {path.stem.replace("_", "-") for path in Path(formats.__file__).parent.glob("*.py")} - {"--init--"}
    assert {*read_formats(), *written_formats()} == files
    for one in read_formats().values():
        assert set(one.REQUIRED) <= set(one.ROLES)
        assert set(getattr(one, "MANY", ())) <= set(one.ROLES)


@pytest.mark.parametrize(
    ("record", "unit"),
    [
        ({"anchor": "a", "positive": "b"}, "pairs"),
        ({"question": "a", "answer": "b"}, "pairs"),
        ({"document": "b", "query": "a"}, "pairs"),
        ({"query": "a", "positive": "b", "negative": "c"}, "triplets"),
        ({"anchor": "a", "positive": "b", "negatives": ["c", "d"]}, "pairs with up to 2 negatives"),
        ({"query": "a", "document": "b", "score": 0.1}, "pairs of similar sentences"),
        ({"query": "a", "document": "b", "label": 1}, "judged pairs"),
        ({"sentence1": "a", "sentence2": "b", "gold_label": "entailment"}, "entailment pairs"),
        ({"anchor": "a", "documents": ["b", "c"], "labels": [1, 0]}, "pairs from labelled lists"),
        ({"query": "a", "pos": ["b"], "neg": []}, "pairs from FlagEmbedding rows"),
        ({"query": "a", "positive_passages": [{"text": "b"}]}, "pairs from Tevatron rows"),
        ({"sentence1": "a", "sentence2": "b", "score": 5}, "pairs of similar sentences"),
        ({"sentence1": "a", "sentence2": "b"}, "pairs"),
        ({"premise": "a", "hypothesis": "b", "label": "entailment"}, "entailment pairs"),
        ({"text": "a", "label": "x"}, "texts in 1 class"),
        ({"text": "a", "title": "t", "_id": "1"}, "texts without pairs"),
    ],
)
def test_columns_tell_the_format(put, lines, record, unit) -> None:
    assert part_of(put, lines, [record]).unit == unit


def test_chosen_columns_come_first(put, lines) -> None:
    records = [{"q": "질문", "a": "답", "anchor": "other"}]
    part = part_of(put, lines, records, {"anchor": "q", "positive": "a"})
    assert (part.content.anchors, part.content.positives) == (["질문"], ["답"])
    assert part.said == (f"{put('a.jsonl', lines(records))}: columns not used: anchor",)


def test_what_mining_notes_beside_its_rows_is_not_called_unused(put, lines) -> None:
    mined = {"anchor": "질문", "positive": "답", "negatives": ["오답"], "positive_score": 0.9, "negative_scores": [0.1]}
    assert not part_of(put, lines, [{**mined, "provenance": {"model": "starter"}}]).said
    own = {"anchor": "질문", "positive": "답", "provenance": "mail"}
    assert "columns not used: provenance" in part_of(put, lines, [own]).said[0]


def test_a_chosen_pair_is_judged_by_its_score_unless_the_user_says_that_it_is_not(put, lines) -> None:
    records = [{"sentence1": "a", "sentence2": "b", "score": 0}, {"sentence1": "c", "sentence2": "d", "score": 5}]
    assert len(part_of(put, lines, records).content) == 1
    chosen = {"anchor": "sentence1", "positive": "sentence2"}
    assert len(part_of(put, lines, records, chosen).content) == 1
    assert len(part_of(put, lines, records, {**chosen, "ignore": "score"}).content) == 2


def test_columns_are_gathered_over_several_rows(put, lines) -> None:
    records = [{"anchor": "a", "positive": "b"}, {"anchor": "c", "positive": "d", "negative": "e"}]
    assert part_of(put, lines, records).content.negatives == [(), ("e",)]


def test_nothing_recognised_says_what_came_and_what_is_needed(put, lines) -> None:
    with pytest.raises(DataError) as caught:
        part_of(put, lines, [{"x": "a", "y": "b"}])
    assert "cannot tell the format from the columns 'x', 'y'; pairs also need" in caught.value.message
    assert "'anchor' (or query, question, sentence1, question1 or text1)" in caught.value.message
    # Two free columns for two roles: which is which is for the user to say.
    assert caught.value.next == "name the columns: --columns anchor=COLUMN,positive=COLUMN"


def test_the_only_column_left_is_proposed(put, lines) -> None:
    with pytest.raises(DataError) as caught:
        part_of(put, lines, [{"question": "a", "reply": "b"}])
    assert "'positive'" in caught.value.message
    assert "'anchor'" not in caught.value.message
    assert caught.value.next == "if these were meant, name them: --columns positive=reply"


def test_a_wrong_separator_is_told(put) -> None:
    with pytest.raises(DataError) as caught:
        read_part(open_table(put("a.csv", "anchor;positive\nab\n")), {})
    assert "separate the columns by commas" in str(caught.value.next)


def test_unknown_roles_and_columns(put, lines) -> None:
    with pytest.raises(ConfigError, match="did you mean 'anchor'"):
        part_of(put, lines, [{"anchor": "a", "positive": "b"}], {"anchr": "anchor"})
    with pytest.raises(DataError, match="did you mean 'anchor'"):
        part_of(put, lines, [{"anchor": "a", "positive": "b"}], {"anchor": "ancor"})
    with pytest.raises(DataError, match="no column 'topic'") as caught:
        part_of(put, lines, [{"anchor": "a", "positive": "b"}], group="topic")
    assert "--group" in str(caught.value.next)


def test_groups_are_kept_as_text(put, lines) -> None:
    records = [{"anchor": "a", "positive": "b", "topic": 1}, {"anchor": "c", "positive": "d", "topic": "2"}]
    part = part_of(put, lines, records, group="topic")
    assert part.content.groups == ["1", "2"]
    assert part.said == ()


@pytest.mark.parametrize("unit", ["pairs", "entailment pairs", "triplets", "pairs with up to 3 negatives"])
def test_one_row_is_counted_in_the_singular(unit: str) -> None:
    assert Part(Rows(["a"], ["b"]), unit).amount.startswith(f"1 {unit.split('s')[0]}")
    assert Part(Rows(["a", "b"], ["c", "d"]), unit).amount == f"2 {unit}"
