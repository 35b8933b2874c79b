"""An input that is rewritten between two readings ends the command in a sentence, and no result mixes both versions."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workflows.conftest import lines

import embedtune
from embedtune.data.sources import streams
from embedtune.errors import ChangedInputError

ROWS = [{"anchor": f"question {i:02}?", "positive": f"answer {i:02}."} for i in range(40)]
Rewrite = Callable[[Path, int], list[int]]


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> Rewrite:
    """Before the reading with this number, the lines of a file are reversed in place; size and times stay."""

    def prepare(path: Path, reading: int) -> list[int]:
        real, readings = streams.watched, [0]

        def watched(opened: Path, raw: Any) -> Any:
            if opened.exists() and opened.samefile(path):
                readings[0] += 1
                if readings[0] == reading:
                    times = path.stat()
                    with path.open("r+b") as file:
                        reverse = file.read().splitlines(keepends=True)[::-1]
                        file.seek(0)
                        file.writelines(reverse)
                    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            return real(opened, raw)

        monkeypatch.setattr(streams, "watched", watched)
        return readings

    return prepare


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines(ROWS))
    return path


@pytest.mark.parametrize(("suffix", "reading"), [(".npy", 2), (".parquet", 2), (".parquet", 3)])
def test_encode(tmp_path: Path, bert_folder: Path, rewritten: Rewrite, suffix: str, reading: int) -> None:
    texts, output = tmp_path / "texts.txt", tmp_path / f"vectors{suffix}"
    texts.write_text("".join(f"text {i}\n" for i in range(20)))
    rewritten(texts, reading)
    with pytest.raises(ChangedInputError, match="changed while the command was reading it") as caught:
        embedtune.encode(data=texts, model=bert_folder, output=output)
    assert caught.value.where == str(texts) and caught.value.exit_code == 1
    assert not output.exists()


def test_check_with_fix(tmp_path: Path, data: Path, rewritten: Rewrite) -> None:
    readings = rewritten(data, 2)
    with pytest.raises(ChangedInputError):
        embedtune.check(data=data, fix=tmp_path / "fixed.jsonl")
    assert readings[0] == 2
    assert not list(tmp_path.glob("fixed*"))


@pytest.mark.parametrize("reading", [2, 3])
def test_train(tmp_path: Path, data: Path, rewritten: Rewrite, reading: int) -> None:
    rewritten(data, reading)  # the plan looks at the columns, the bytes are hashed for the record, the rows are read
    with pytest.raises(ChangedInputError):
        embedtune.train(data=data, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_mine(tmp_path: Path, data: Path, bert_folder: Path, rewritten: Rewrite) -> None:
    rewritten(data, 2)
    with pytest.raises(ChangedInputError):
        embedtune.mine(data=data, model=bert_folder, output=tmp_path / "mined.jsonl")
    assert not (tmp_path / "mined.jsonl").exists()


def test_evaluate(tmp_path: Path, data: Path, rewritten: Rewrite) -> None:
    rewritten(data, 2)
    with pytest.raises(ChangedInputError):
        embedtune.evaluate(data=data, model=["bm25"], output=tmp_path / "scores")
    assert not (tmp_path / "scores").exists()


def test_search(tmp_path: Path, rewritten: Rewrite) -> None:
    """The first reading ends early, once the columns are known."""
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"text {i}\n" for i in range(20_000)))
    rewritten(texts, 2)
    with pytest.raises(ChangedInputError):
        embedtune.open_search(data=texts, model=["bm25"])


def test_a_file_that_is_added_to_a_folder(tmp_path: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from embedtune.data.sources.texts import TextStream

    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "train.jsonl").write_text(lines([{"text": "a"}, {"text": "b"}]))
    facts = TextStream.facts

    def then_add(stream: TextStream) -> Any:
        found = facts(stream)
        (folder / "test.jsonl").write_text(lines([{"text": "c"}]))
        return found

    monkeypatch.setattr(TextStream, "facts", then_add)
    with pytest.raises(ChangedInputError):
        embedtune.encode(data=folder, model=bert_folder, output=tmp_path / "v.parquet")
    assert not (tmp_path / "v.parquet").exists()


def test_what_changes_between_two_commands_is_no_fault(data: Path) -> None:
    assert embedtune.check(data=data).rows == len(ROWS)
    data.write_text(lines(ROWS[::-1][:20]))
    assert embedtune.check(data=data).rows == 20
