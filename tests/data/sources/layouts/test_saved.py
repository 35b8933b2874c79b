"""Folders that `datasets` saved, and Arrow files by themselves."""

import json
from pathlib import Path

import pyarrow
import pyarrow.feather
import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from embedtune.data.sources.source import open_source, reads
from embedtune.errors import DataError

NLI = {"premise": ["p", "p", "r"], "hypothesis": ["yes", "no", "so"], "label": [0, 2, -1]}
NAMES = ClassLabel(names=["entailment", "neutral", "contradiction"])


@pytest.fixture
def saved(tmp_path, pairs) -> Path:
    splits = {"train": Dataset.from_list(pairs(5)), "validation": Dataset.from_list(pairs(2, start=5))}
    DatasetDict(splits).save_to_disk(str(tmp_path / "saved"), num_shards={"train": 2, "validation": 1})
    return tmp_path / "saved"


def test_splits_and_shards_are_read(saved, pairs) -> None:
    source = open_source(str(saved))
    assert source.what == "the save_to_disk folder saved (2 splits: train, validation)"
    content = source.part("train", {}, None).content
    assert content.anchors == [one["anchor"] for one in pairs(5)]
    assert content.places[4] == f"{saved}/train/data-00001-of-00002.arrow:2"
    assert len(source.part(source.demand("dev", "--split"), {}, None).content) == 2
    # Both splits have a file of the same name.
    assert len(source.hashes(("train", "validation"))) == 3


def test_a_set_without_splits_is_undivided(tmp_path, pairs) -> None:
    Dataset.from_list(pairs(3)).save_to_disk(str(tmp_path / "one"))
    source = open_source(str(tmp_path / "one"))
    assert (source.what, source.splits) == ("the save_to_disk folder one", ())
    assert len(source.part("", {}, None).content) == 3


def test_shards_without_rows_are_harmless(tmp_path, pairs) -> None:
    Dataset.from_list(pairs(3)).save_to_disk(str(tmp_path / "set"))
    with pyarrow.ipc.new_stream(tmp_path / "set" / "more.arrow", pyarrow.schema([("anchor", pyarrow.string())])):
        pass  # no batch
    state = {"_data_files": [{"filename": "more.arrow"}, {"filename": "data-00000-of-00001.arrow"}]}
    (tmp_path / "set" / "state.json").write_text(json.dumps(state), encoding="utf-8")
    assert len(open_source(str(tmp_path / "set")).part("", {}, None).content) == 3


def test_a_split_without_rows_does_not_refuse_the_others(tmp_path, pairs) -> None:
    whole = Dataset.from_list(pairs(3))
    DatasetDict({"train": whole, "test": whole.select([])}).save_to_disk(str(tmp_path / "set"))
    source = open_source(str(tmp_path / "set"))
    assert source.what == "the save_to_disk folder set (2 splits: train, test without rows)"
    assert source.splits == ("train",)
    whole.select([]).save_to_disk(str(tmp_path / "none"))
    with pytest.raises(DataError, match="there are no rows"):
        open_source(str(tmp_path / "none"))


def test_class_numbers_come_as_names(tmp_path) -> None:
    rows = Dataset.from_dict(NLI).select([0, 1]).cast_column("label", NAMES)
    rows.save_to_disk(str(tmp_path / "nli"))
    rows.to_parquet(str(tmp_path / "nli.parquet"))
    for name in ("nli", "nli.parquet"):
        content = open_source(str(tmp_path / name)).part("", {}, None).content
        assert (content.positives, content.negatives) == (["yes"], [("no",)])


def test_feather_files_and_damaged_ones(tmp_path, pairs) -> None:
    path = tmp_path / "pairs.feather"
    pyarrow.feather.write_feather(pyarrow.Table.from_pylist(pairs(3)), path)
    assert len(open_source(str(path)).part("", {}, None).content) == 3
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read as Arrow"):
        open_source(str(path)).part("", {}, None)


def test_incomplete_folders_are_refused(saved) -> None:
    (saved / "train" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(DataError, match=r"lacks data-00001-of-00002\.arrow, which state\.json names"):
        open_source(str(saved))
    (saved / "train" / "state.json").unlink()
    with pytest.raises(DataError, match="missing or damaged"):
        open_source(str(saved))


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/passwd", ""])
def test_a_state_leads_to_no_file_elsewhere(saved, name) -> None:
    (saved / "train" / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}), encoding="utf-8")
    with pytest.raises(DataError, match="names no files of this folder"):
        open_source(str(saved))


def test_nothing_may_be_written_into_it(saved) -> None:
    assert [
        name for name in ("train/new.jsonl", "dataset_dict.json", "state.json") if not reads(saved, saved / name)
    ] == []
    assert not reads(saved, saved / "vectors.npy")


def test_no_damaged_byte_ends_in_more_than_a_sentence(tmp_path, pairs) -> None:
    # Without validation, a wrong offset makes Arrow read memory that is not the file's, and the process ends.
    path = tmp_path / "pairs.arrow"
    table = pyarrow.Table.from_pylist(pairs(2))
    with pyarrow.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            open_source(str(path)).part("", {}, None)
        except DataError:
            refused += 1
    assert refused > 100
