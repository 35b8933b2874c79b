"""Advice about test queries in training is a command to paste, with the names of the data at hand."""

import shlex
from pathlib import Path

from embedtune.config.recipe.load import load
from embedtune.config.verbs.check import CheckConfig
from embedtune.data.splits.removal import OTHER_DATA, removal


def test_the_command_names_everything_that_reading_needs() -> None:
    columns = {"anchor": "Customer question", "positive": "답변"}
    command = removal("my pairs.csv", "hf:owner/test", columns=columns, encoding="cp949").split("`")[1]
    program, verb, *words = shlex.split(command)
    names = [word.removeprefix("--").replace("-", "_") for word in words[::2]]
    config = load(CheckConfig, None, (), dict(zip(names, words[1::2], strict=True)))
    assert (program, verb, config.check.fix) == ("embedtune", "check", "clean.jsonl")
    assert (config.data.source, config.data.eval_source) == ("my pairs.csv", "hf:owner/test")
    assert (config.data.columns, config.data.encoding) == (columns, "cp949")


def test_no_command_takes_the_queries_of_a_file_out_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("anchor,positive\n", encoding="utf-8")
    assert removal(str(path), f"{tmp_path}/./pairs.csv") == OTHER_DATA
    assert "`embedtune check" in removal(str(tmp_path), str(tmp_path))  # a folder has its own test split
    assert "`embedtune check" in removal("a\0b", "a\0b")
