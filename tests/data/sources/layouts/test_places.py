"""Archives as folders: read in place, with bounds, and nothing in them leads out."""

import io
import json
import stat
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.layouts import places
from embedtune.data.sources.layouts.places import archive_of, entries, files_in, folders_in, is_folder, is_there
from embedtune.data.sources.source import open_source
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.shared.outputs import Outputs


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_archive_of_one_file_is_that_file(tmp_path, pairs, lines) -> None:
    path = zipped(tmp_path / "pairs.zip", {"pairs.jsonl": lines(pairs(3)), "__MACOSX/._pairs.jsonl": b"\0\5\26\7"})
    source = open_source(str(path))
    assert (source.what, source.splits) == ("pairs.jsonl in pairs.zip", ())
    part = source.part("", {}, None)
    assert part.content.places[2] == f"{path}/pairs.jsonl:3"
    assert list(source.hashes(("",))) == ["pairs.jsonl"]


def test_an_archive_of_a_folder_is_that_folder(tmp_path, beir) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1), ("q1", "d1", 1)]})
    files = {f"scifact/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    path = zipped(tmp_path / "sets.zip", files)
    for name in (path, path / "scifact"):
        source = open_source(str(name))
        assert (source.what, source.splits) == ("a BEIR folder (scifact in sets.zip)", ("test",))
        judged, _ = source.judged("test", "--split")
        assert judged.qrels == {"q0": {"d0": 1}, "q1": {"d1": 1}}
    assert read_beir(path / "scifact", ["test"]).corpus == read_beir(folder, ["test"]).corpus


def test_tables_in_an_archive_are_read_too(tmp_path, pairs) -> None:
    table = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(pairs(4)), table)
    members = {f"repo/data/{split}-00000-of-00001.parquet": table.getvalue() for split in ("train", "test")}
    source = open_source(str(zipped(tmp_path / "repo.zip", members)))
    assert source.splits == ("test", "train")
    assert len(source.part("train", {}, None).content) == 4


def test_a_file_that_is_not_in_an_archive(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"pairs.jsonl": "{}"})
    with pytest.raises(DataError, match="no such file or folder") as caught:
        open_source(str(path / "pair.jsonl"))
    assert caught.value.next == f"did you mean {path / 'pairs.jsonl'}?"


def test_names_joined_by_commas(tmp_path) -> None:
    one, two = tmp_path / "a.jsonl", tmp_path / "b c.jsonl"
    for path in (one, two):
        path.write_text("{}")
    with pytest.raises(DataError, match="joins the names of 2 that exist") as caught:
        open_source(f"{one},{two}")
    assert caught.value.next == f"name each with an option of its own: --data {one} --data '{two}'"


def test_listing(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"x.txt": "1", "b/y.txt": "2", "b/c/z.txt": "3", ".hidden": "4"})
    assert [one.name for one in entries(path)] == ["b", "x.txt"]
    assert ([one.name for one in files_in(path / "b")], [one.name for one in folders_in(path / "b")]) == (
        ["y.txt"],
        ["c"],
    )
    assert (is_folder(path / "b"), is_folder(path / "x.txt"), is_there(path / "b/c/z.txt")) == (True, False, True)
    assert not is_there(path / "b/nothing")
    assert archive_of(tmp_path / "b.zip" / "x.txt") is None  # there is no such archive


@pytest.mark.parametrize("name", ["../evil.jsonl", "/etc/evil.jsonl", "a/../../evil.jsonl", "..\\evil.jsonl"])
def test_names_that_lead_out_are_refused(tmp_path, name) -> None:
    path = zipped(tmp_path / "a.zip", {name: '{"anchor": "a", "positive": "b"}\n'})
    with pytest.raises(DataError, match="names a file outside of it"):
        open_source(str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["a.zip"]


def test_links_are_refused(tmp_path) -> None:
    link = zipfile.ZipInfo("pairs.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="holds a link"):
        open_source(str(tmp_path / "a.zip"))


def test_bombs_are_refused_before_anything_is_unpacked(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(places, "HARMLESS", 2**20)
    path = zipped(tmp_path / "a.zip", {"pairs.jsonl": b"0" * 2**22})
    with pytest.raises(DataError, match=r"would unpack to 4,194,304") as caught:
        open_source(str(path))
    assert "if you trust it" in str(caught.value.next)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-30], lambda whole: b"no archive at all"])
def test_damaged_archives_are_refused(tmp_path, damage) -> None:
    path = zipped(tmp_path / "a.zip", {"pairs.jsonl": '{"anchor": "a", "positive": "b"}\n'})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="not a complete zip archive"):
        open_source(str(path))


def test_a_member_that_does_not_match_its_checksum_is_refused(tmp_path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("pairs.jsonl", '{"anchor": "a", "positive": "b"}\n')
    path.write_bytes(path.read_bytes().replace(b'"anchor": "a"', b'"anchor": "x"'))
    with pytest.raises(DataError, match="not a complete zip archive"):
        open_source(str(path)).part("", {}, None)


def test_an_archive_is_never_written_over(tmp_path) -> None:
    path = zipped(tmp_path / "a.zip", {"set/pairs.jsonl": json.dumps({"anchor": "a", "positive": "b"})})
    for name in (path, path / "set"):
        with pytest.raises(ConfigError, match="would overwrite the file of --data"):
            Outputs([path]).demand_apart([("--data", str(name))])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_damaged_byte_ends_in_a_sentence_or_changes_nothing(tmp_path, method) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("pairs.jsonl", '{"anchor": "a", "positive": "b"}\n')
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            assert open_source(str(path)).part("", {}, None).content.anchors == ["a"]
        except DataError:
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("name", ["a.zip", "a.jsonl.gz", "a.csv.zst"])
def test_a_pointer_in_place_of_a_compressed_file_is_named(tmp_path, name) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 90868376\n")
    with pytest.raises(DataError, match="git lfs pull"):
        open_source(str(tmp_path / name)).part("", {}, None)
