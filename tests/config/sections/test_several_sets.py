"""Several data sets in a recipe or on the command line: what each short form means, and where its mistakes are."""

from pathlib import Path
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.recipe.problems import InvalidConfig
from embedtune.config.verbs.train import TrainConfig

WEIGHT = "it must be a number above 0 and of at most 1000000 or null"


def mistakes(folder: Path, text: str) -> list[tuple[int | None, str, str]]:
    """(line, key, message) of each problem of a recipe."""
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidConfig) as caught:
        load(TrainConfig, str(path))
    return [(one.line, one.key, one.message) for one in caught.value.problems]


@pytest.mark.parametrize("weight", ["0", "-1", "many", ".nan", ".inf", "1e300"])
def test_an_odd_weight_is_found_where_it_stands(tmp_path: Path, weight: str) -> None:
    found = mistakes(tmp_path, f"data:\n  - source: a.jsonl\n  - source: b.jsonl\n    weight: {weight}\n")
    assert [(line, key) for line, key, _ in found] == [(4, "data.1.weight")]
    assert found[0][2].endswith(WEIGHT)


def test_mistakes_of_all_entries_are_reported_at_their_own_lines(tmp_path: Path) -> None:
    text = "data:\n  - source: a.jsonl\n    wieght: 2\n  - source: b.jsonl\n    splt: train\n  - 3\n"
    found = mistakes(tmp_path, text)
    assert [(line, key) for line, key, _ in found] == [(3, "data.0.wieght"), (5, "data.1.splt"), (6, "data.2")]
    assert "did you mean 'weight'?" in found[0][2] and "did you mean 'split'?" in found[1][2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("data: []\n", "names no set"),
        ("data: {source: []}\n", "names no set"),
        ("data:\n  - weight: 2\n  - source: a.jsonl\n", "entry 1 of the list has no source"),
        ("data:\n  - a.jsonl\n  - b.jsonl: 2\n", "entry 2 of the list has no source"),
        ("data:\n  - {source: a, name: faq}\n  - {source: b, name: faq}\n", "two sets are called faq"),
        ("data:\n  - {source: a, weight: 2}\n", "there is one set"),
        ("data: {source: ['a:2', b], sampling: turns}\n", "sampling: turns takes no weights"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (message,) = [message for _, _, message in mistakes(tmp_path, text)]
    assert says in message


def test_an_odd_weight_on_the_command_line_names_the_option(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").touch()
    for written, says in (
        ("a.jsonl:0", "got 0.0"),
        ("a.jsonl:-1", "got -1.0"),
        ("a.jsonl:nan", "got 'nan'"),
        ("a.jsonl:2,5", "got '2,5'"),
        ("my set=a.jsonl", "'my set' cannot name a set"),
    ):
        with pytest.raises(InvalidConfig, match=says) as caught:
            load(TrainConfig, None, [], {"data": [written, "b.jsonl"]})
        assert caught.value.where == "--data"


def test_a_weight_may_be_written_as_any_number(tmp_path: Path) -> None:
    data = load(TrainConfig, None, [], {"data": ["a.jsonl:1e2", "b.jsonl:.5", "hf:owner/name:2", "samples:ko"]}).data
    assert [data.weight, *(one.weight for one in data.further)] == [100.0, 0.5, 2.0, None]
    assert [one.source for one in data.further] == ["b.jsonl", "hf:owner/name", "samples:ko"]


def test_a_file_named_like_a_weighed_one_is_taken_as_it_is(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jsonl", "a.jsonl:2"):
        (tmp_path / name).touch()
    assert load(TrainConfig, None, [], {"data": ["a.jsonl:2", "b"]}).data.source == "a.jsonl:2"
