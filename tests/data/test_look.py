"""What --dry-run says of the data: counted by the test itself, and refused where the command would refuse it."""

import pytest

from embedtune.config.options import schema_of
from embedtune.config.recipe.load import load
from embedtune.errors import DataError
from embedtune.workflows.shared.dry_run.data import look_at


@pytest.mark.parametrize("verb", ["train", "mine", "evaluate", "check", "encode", "search"])
def test_rows_are_counted(put, lines, pairs, verb):
    path = put("pairs.jsonl", lines(pairs(37)))
    options = {"data": [str(path)] if verb == "evaluate" else str(path)}
    if verb in ("encode", "search"):
        options["column"] = "positive"
    said = " ".join(look_at(load(schema_of(verb), None, [], options)).described)
    assert "37" in said and "pairs.jsonl" in said if verb != "encode" else said == "37 texts to encode"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("starter", "10 epochs, 100 steps of up to 32"),
        ("static", "10 epochs, 100 steps of up to 32"),
        ("some/model", "3 epochs, 57 steps of up to 16"),
    ],
)
def test_the_length_of_a_run_is_said(put, lines, pairs, model, said):
    path = put("pairs.jsonl", lines(pairs(375)))  # 300 of them to train on
    config = load(schema_of("train"), None, [], {"data": str(path), "model": model})
    assert f"training would take {said} pairs" in look_at(config).described[-1]


def test_a_beir_folder_is_counted_by_its_split(beir):
    folder = beir("set", {"test": [("q0", "d0", 1), ("q1", "d1", 1)]})
    said = look_at(load(schema_of("evaluate"), None, [], {"data": [str(folder)]})).described
    assert "2 queries over 8 documents" in said[0]


@pytest.mark.parametrize("verb", ["train", "mine", "evaluate"])
def test_data_that_cannot_be_used_is_refused_as_by_the_command(put, verb):
    path = str(put("pairs.jsonl", '{"anchor": "a", "positive": 3}\n'))
    with pytest.raises(DataError, match="must be text"):
        look_at(load(schema_of(verb), None, [], {"data": [path] if verb == "evaluate" else path}))


def test_what_is_to_be_checked_is_counted_whatever_is_wrong_with_it(put):
    path = str(put("pairs.jsonl", '{"anchor": "a", "positive": 3}\n{"anchor": "b"}\n'))
    assert look_at(load(schema_of("check"), None, [], {"data": path})).described[0].endswith(": 2 rows")


def test_all_of_several_sets_are_read(put, lines, pairs):
    first, second = (str(put(f"{name}.jsonl", lines(pairs(40)))) for name in ("one", "two"))
    config = load(schema_of("train"), None, [], {"data": [first, second]})
    assert any("two.jsonl" in said for said in look_at(config).described)
    with pytest.raises(DataError, match="no such file"):
        look_at(load(schema_of("train"), None, [], {"data": [first, "nothere.jsonl"]}))
