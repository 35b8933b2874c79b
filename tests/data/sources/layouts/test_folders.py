"""Folders of the Hub's and others: which file is for which split."""

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from embedtune.data.sources.layouts.splits import split_in_name
from embedtune.data.sources.source import open_source, reads
from embedtune.errors import DataError


@pytest.fixture
def tree(tmp_path, pairs):
    """Writes Parquet files of three pairs each, and returns the folder."""

    def write(*names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pairs(3, start=3 * number)), path)
        return tmp_path / "set"

    return write


def sizes(folder: Path) -> dict[str, int]:
    source = open_source(str(folder))
    return {split: len(source.part(split, {}, None).content) for split in source.splits or ("",)}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            (
                "data/train-00000-of-00002.parquet",
                "data/train-00001-of-00002.parquet",
                "data/test-00000-of-00001.parquet",
            ),
            {"test": 3, "train": 6},
        ),
        (("data/train-00000-of-00001-0123456789abcdef.parquet", "data/test.parquet"), {"test": 3, "train": 3}),
        (("ko/train-00000-of-00001.parquet", "ko/validation-00000-of-00001.parquet"), {"train": 3, "validation": 3}),
        (
            ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
            {"test": 3, "train": 6},
        ),
        (("train/0000.parquet", "test/0000.parquet"), {"test": 3, "train": 3}),
        (("klue-sts_train.parquet", "klue-sts_dev.parquet"), {"dev": 3, "train": 3}),
        (("only/pairs.parquet",), {"": 3}),
    ],
)
def test_splits_are_found_by_names_of_files_and_folders(tree, names, expected) -> None:
    assert sizes(tree(*names)) == expected


def test_what_was_found_is_said(tree) -> None:
    folder = tree("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nconfigs:\n---\n", encoding="utf-8")
    source = open_source(str(folder))
    assert source.what == "the folder set (2 files in data, 2 splits: test, train)"
    assert list(source.hashes(("train",))) == ["data/train-00000-of-00001.parquet"]


def test_files_without_a_split_in_their_names_are_named_as_not_read(tree) -> None:
    assert open_source(str(tree("data/train.parquet", "data/more.parquet"))).what == (
        "the folder set (1 file in data, 1 split: train; not read: more.parquet)"
    )


def test_several_configs_are_a_question(tree) -> None:
    folder = tree("ko/train-00000-of-00001.parquet", "en/train-00000-of-00001.parquet")
    with pytest.raises(DataError, match="several sets or configs: en, ko") as caught:
        open_source(str(folder))
    assert caught.value.next == f"name one of them: --data {folder / 'en'}"
    assert sizes(folder / "ko") == {"train": 3}


def test_a_repository_in_the_cache_of_the_hub(tree) -> None:
    folder = tree("blobs/1", "snapshots/abc/data/train-00000-of-00001.parquet", "snapshots/old/data/train.parquet")
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text("abc", encoding="utf-8")
    source = open_source(str(folder))
    assert source.part("train", {}, None).content.places[0].startswith(str(folder / "snapshots/abc/data"))


def test_a_usual_name_goes_before_a_name_that_contains_it(tree) -> None:
    assert sizes(tree("test.parquet", "test-hard.parquet")) == {"test": 3}
    assert split_in_name(Path("train_test.csv")) == ""


def test_a_file_about_the_data_is_not_the_data(tree, lines, beir, put) -> None:
    folder = tree("data/train-00000-of-00001.parquet")
    (folder / "stats.json").write_text('{"rows": 3}', encoding="utf-8")
    assert sizes(folder) == {"train": 3}
    beir("sets/one", {"test": [("q0", "d0", 1)]})
    about = put("sets/README.txt", "Sets of the year.\n")
    assert open_source(str(about.parent)).what == "a BEIR folder (one)"
    beir("sets/two", {"test": [("q0", "d0", 1)]})
    with pytest.raises(DataError, match="several sets: one, two") as caught:
        open_source(str(about.parent))
    assert caught.value.next == f"name one: --data {about.parent / 'one'}"


def test_missing_shards_are_named(tree) -> None:
    folder = tree("data/train-00000-of-00004.parquet", "data/train-00002-of-00004.parquet", "data/test.parquet")
    assert "; 2 of the 4 shards of train are missing" in open_source(str(folder)).what


def test_a_file_next_to_folders_of_data_would_be_taken_for_the_data(tree) -> None:
    folder = tree("data/train-00000-of-00001.parquet")
    assert reads(folder, folder / "mined.jsonl")
    assert not reads(folder, folder / "mined.report.html")


def test_what_the_shards_lack_is_one_finding(tmp_path) -> None:
    for number in range(3):
        table = pyarrow.table({"query": ["a", "b", "c"], "positive": ["d", None, "f"]})
        pyarrow.parquet.write_table(table, tmp_path / f"train-{number:05}-of-00003.parquet")
    (finding,) = open_source(str(tmp_path)).part("train", {}, None).findings
    assert (finding.code, finding.count, len(finding.examples)) == ("empty-texts", 3, 3)
    assert finding.message.startswith("3 rows left out")
