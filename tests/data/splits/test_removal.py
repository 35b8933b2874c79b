"""Advice about test queries in training is a command to paste, with the names of the data at hand."""

import json
import shlex
from pathlib import Path

import embedtune
from embedtune.config.recipe.load import load
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.check import CheckConfig
from embedtune.data.prepare import prepare
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


def test_what_check_and_train_advise_can_be_pasted_and_repairs(tmp_path: Path) -> None:
    rows = [{"질문": f"How do I pay bill {i}?", "answer": f"By card, bill {i}."} for i in range(40)]
    rows[7]["answer"] += "\u200b"  # an invisible character
    path = tmp_path / "my pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = {"anchor": "질문", "positive": "answer"}
    said = embedtune.check(data=str(path), columns=columns).findings
    told = prepare(DataSection(source=str(path), columns=columns), 0).findings
    for findings in (said, told):
        fix = next(one.fix for one in findings if "--fix" in one.fix)
        words = shlex.split(fix.split("`")[1])
        assert words[words.index("--data") + 1] == str(path)
        assert words[words.index("--columns") + 1] == "anchor=질문,positive=answer"
        assert "SET" not in words and "FILE" not in words
