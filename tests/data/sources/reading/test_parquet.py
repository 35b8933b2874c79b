"""Parquet files as records: what they claim is known before it is in memory."""

import pyarrow
import pyarrow.parquet
import pytest

from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError


def texts(lengths: list[int], rows: int) -> pyarrow.Array:
    """Rows that refer to a few long texts in turn."""
    numbers = pyarrow.array([i % len(lengths) for i in range(rows)], pyarrow.int32())
    return pyarrow.DictionaryArray.from_arrays(numbers, pyarrow.array(["x" * length for length in lengths]))


@pytest.mark.parametrize("kind", ["texts", "lists"])
def test_long_texts_repeated_by_reference_are_refused(tmp_path, kind) -> None:
    column = texts([1_000_000, 900_000, 1], 60_000)
    if kind == "lists":
        column = pyarrow.ListArray.from_arrays(pyarrow.array(range(0, 60_001, 1000), pyarrow.int32()), column)
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"anchor": column}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="as no texts do"):
        list(open_table(path).records)


def test_repeated_texts_and_lists_come_back(tmp_path) -> None:
    one = {"b": ["x", None, "y"], "c": {"d": "z"}, "f": None}
    rows = [{"a": f"text {i % 5}", **one, "e": i} for i in range(3000)]
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert list(open_table(path).records) == list(enumerate(rows, 1))


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv", "a.txt", "a.json"])
def test_a_pointer_of_git_lfs_is_named(put, name) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    with pytest.raises(DataError, match="git lfs pull"):
        list(open_table(put(name, pointer)).records)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_a_web_page_is_named(put, name) -> None:
    with pytest.raises(DataError, match="web page"):
        list(open_table(put(name, "\n\n<!DOCTYPE html>\n<html><body>404</body></html>")).records)
