"""Readings of one file are compared wherever they end, whatever its compression."""

import gzip
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading.unchanged import demand_unchanged, unchanged_inputs
from embedtune.data.sources.streams import lines, sha256
from embedtune.data.sources.tables import open_table
from embedtune.errors import ChangedInputError

PACK = {
    "a.txt": bytes,
    "a.txt.gz": lambda content: gzip.compress(content, mtime=0),
    "a.txt.zst": lambda content: pyarrow.compress(content, codec="zstd", asbytes=True),
}


def text(order: int) -> bytes:
    return b"".join(b"line %05d\n" % i for i in range(40_000)[::order])


def rewrite(path: Path, content: bytes) -> None:
    times = path.stat()
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("early", [False, True])
def test_a_second_reading_of_other_bytes(put, name, early) -> None:
    path = put(name, PACK[name](text(1)))
    with unchanged_inputs():
        first = lines(path, Problems("a"))
        for _ in range(10 if early else 50_000):
            next(first, None)
        first.close()
        assert len(list(lines(path, Problems("a")))) == 40_000
        rewrite(path, PACK[name](text(-1)))
        with pytest.raises(ChangedInputError) as caught:
            list(lines(path, Problems("a")))
        assert caught.value.where == str(path)
    assert len(list(lines(path, Problems("a")))) == 40_000


def test_a_whole_reading_after_one_that_ended_early(put) -> None:
    path = put("a.txt", text(1))
    with unchanged_inputs():
        first = lines(path, Problems("a"))
        next(first)
        first.close()
        rewrite(path, text(-1))
        with pytest.raises(ChangedInputError):
            sha256(path)


def test_a_file_that_grows_or_shrinks(put) -> None:
    path = put("a.txt", b"a\nb\n")
    with unchanged_inputs(), unchanged_inputs():
        digest = sha256(path)
        for other in (b"a\nb\nc\n", b"a\n"):
            rewrite(path, other)
            with pytest.raises(ChangedInputError):
                list(lines(path, Problems("a")))
        rewrite(path, b"a\nb\n")
        assert sha256(path) == digest


def test_a_parquet_file_that_changes_while_it_is_read(tmp_path) -> None:
    path, other = tmp_path / "a.parquet", tmp_path / "b.parquet"
    for target, texts in ((path, ["a", "b"]), (other, ["b", "a"])):
        pyarrow.parquet.write_table(pyarrow.table({"text": texts}), target)
    with unchanged_inputs():
        records = open_table(path).records
        next(records)
        rewrite(path, other.read_bytes())
        with pytest.raises(ChangedInputError):
            list(records)


def test_facts_of_inputs() -> None:
    demand_unchanged("files", "set", ["a"])
    with unchanged_inputs():
        demand_unchanged("files", "set", ["a"])
        with pytest.raises(ChangedInputError):
            demand_unchanged("files", "set", ["a", "b"])
    with unchanged_inputs():
        demand_unchanged("files", "set", ["b"])
