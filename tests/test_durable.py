"""A file or folder is complete under its name, or unchanged, wherever its writer was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.durable import (
    read_sealed,
    remove_all_unfinished,
    remove_unfinished,
    replace,
    seal_folder,
    unseal_folder,
    whole_file,
    whole_folder,
    whole_path,
    write_sealed,
    write_text,
)
from embedtune.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_as_it_stands(tmp_path: Path) -> None:
    write_text(tmp_path / "새" / "a.txt", "한 줄\n\ttwo\r\n")
    assert (tmp_path / "새" / "a.txt").read_bytes() == "한 줄\n\ttwo\r\n".encode()
    assert names(tmp_path / "새") == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a") as stream:
        stream.write("half")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with whole_folder(tmp_path / "모델") as folder:
            (folder / content).write_text(content)
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "모델") as folder:
        (folder / "half").touch()
        raise RuntimeError
    assert names(tmp_path) == ["모델"] and names(tmp_path / "모델") == ["new"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for writing in (whole_path, whole_folder):
        with pytest.raises(OutputError, match="cannot be written") as caught, writing(tmp_path / "file" / "inner"):
            pass
        assert caught.value.where == str(tmp_path / "file" / "inner")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to see what was flushed")
def test_the_content_reaches_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync, rename = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (happened.append(str(Path(f"/proc/self/fd/{handle}").readlink())), fsync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda old, new: (happened.append(f"to {new}"), rename(old, new)))
    (tmp_path / "part" / "inner").mkdir(parents=True)
    (tmp_path / "part" / "inner" / "a").write_text("x")
    replace(tmp_path / "part", tmp_path / "whole")
    part, whole = str(tmp_path / "part"), str(tmp_path / "whole")
    assert happened == [f"{part}/inner/a", f"{part}/inner", part, f"to {whole}", str(tmp_path)]


def test_a_killed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", "old")
    script = (
        "import os, signal, sys; from pathlib import Path; from embedtune.durable import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as stream:\n"
        "    stream.write('half'); stream.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.json")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "a.json").read_text() == "old" and len(names(tmp_path)) == 2
    remove_unfinished(tmp_path / "a.json")
    assert names(tmp_path) == ["a.json"]


def test_only_what_was_left_of_this_name_is_removed(tmp_path: Path) -> None:
    for name in (".채굴[1].jsonl.ab12.unfinished", "채굴[1].jsonl", ".채굴[1].jsonl.swp", ".other.jsonl.z.unfinished"):
        (tmp_path / name).write_text("")
    (tmp_path / ".채굴[1].jsonl.folder.unfinished").mkdir()
    remove_unfinished(tmp_path / "채굴[1].jsonl")
    assert names(tmp_path) == [".other.jsonl.z.unfinished", ".채굴[1].jsonl.swp", "채굴[1].jsonl"]
    remove_all_unfinished(tmp_path)
    assert names(tmp_path) == [".채굴[1].jsonl.swp", "채굴[1].jsonl"]


def test_a_sealed_file_is_what_was_written_or_nothing(tmp_path: Path) -> None:
    path, content = tmp_path / "조각.json", '{"글": "한 줄"}\n\r\n'.encode()
    assert read_sealed(path) is None
    write_sealed(path, content)
    assert read_sealed(path) == content
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        assert read_sealed(path) is None, "changed"
        path.write_bytes(whole[:place])
        assert read_sealed(path) is None, "cut off"
    write_sealed(path, b"")
    assert read_sealed(path) == b""


@pytest.mark.parametrize("harm", ["change", "cut", "remove", "facts"])
def test_a_sealed_folder_with_a_damaged_file_is_none(tmp_path: Path, harm: str) -> None:
    file = tmp_path / "안" / "big"
    write_text(file, "0123456789" * 200_000)
    seal_folder(tmp_path, "facts.json", {"이름": "모음", "half": "\ud83d"})
    (tmp_path / "later").touch()
    assert unseal_folder(tmp_path, "facts.json") == {"이름": "모음", "half": "\ud83d"}
    content = bytearray(file.read_bytes())
    if harm == "change":
        content[1_500_000] ^= 1
        file.write_bytes(content)
    elif harm == "cut":
        file.write_bytes(content[:-1])
    elif harm == "remove":
        file.unlink()
    else:
        (tmp_path / "facts.json").write_text("{}")
    assert unseal_folder(tmp_path, "facts.json") is None
