"""A file or folder is complete under its name, or unchanged, wherever its writer was killed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.durable import (
    checksum,
    discard,
    read_sealed,
    remove_all_unfinished,
    remove_unfinished,
    replace,
    seal_folder,
    sync_folder,
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


def refusing(number: int, when: str = ""):
    """A function of the system that refuses everything, or the paths that hold a word."""

    def refuse(*arguments: object, **_: object) -> None:
        if any(when in str(argument) for argument in arguments):
            raise OSError(number, os.strerror(number), str(arguments[0]))

    return refuse


def test_a_folder_keeps_its_old_content_where_the_new_one_cannot_get_its_name(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "model") as folder:
        (folder / "old").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", refusing(errno.EIO))
        with pytest.raises(OutputError, match="Input/output error"), whole_folder(tmp_path / "model") as folder:
            (folder / "new").touch()
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["old"]


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_folder_whose_writer_was_killed_between_two_renames_gets_its_name_back(
    tmp_path: Path, all_of_them: bool
) -> None:
    (tmp_path / ".model.old-77.unfinished").mkdir()
    (tmp_path / ".model.old-77.unfinished" / "old").touch()
    (tmp_path / ".model.x1.unfinished").mkdir()
    remove_all_unfinished(tmp_path) if all_of_them else remove_unfinished(tmp_path / "model")
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["old"]


def test_a_folder_that_was_replaced_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / ".model.old-77.unfinished").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "new").touch()
    remove_unfinished(tmp_path / "model")
    assert names(tmp_path) == ["model"] and names(tmp_path / "model") == ["new"]


def test_cleaning_up_does_not_hide_the_first_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    monkeypatch.setattr(Path, "unlink", refusing(errno.EROFS))
    with pytest.raises(OutputError, match="No space left on device"):
        write_text(tmp_path / "a", "new")


def test_discarding_takes_what_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    for name in ("link", "file", "missing"):
        discard(tmp_path / name)
    assert names(tmp_path) == ["folder"]
    discard(tmp_path / "folder")
    assert names(tmp_path) == []
    (tmp_path / "kept").touch()
    monkeypatch.setattr(Path, "unlink", refusing(errno.EROFS))
    discard(tmp_path / "kept")
    assert names(tmp_path) == ["kept"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_file_that_cannot_be_read_now_is_neither_lost_nor_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "data").write_text("x")
    seal_folder(tmp_path, "manifest", {"step": 3})
    monkeypatch.setattr(Path, "open", refusing(number))
    for read in (read_sealed, checksum, lambda path: unseal_folder(path.parent, path.name)):
        with pytest.raises(OSError) as caught:
            read(tmp_path / "manifest")
        assert caught.value.errno == number and caught.value.filename == str(tmp_path / "manifest")


def test_a_file_that_is_missing_or_not_ours_to_read_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_sealed(tmp_path / "none") is None and checksum(tmp_path / "none") is None
    monkeypatch.setattr(Path, "open", refusing(errno.EACCES))
    assert read_sealed(tmp_path / "x") is None and checksum(tmp_path / "x") is None


@pytest.mark.parametrize(("number", "raises"), [(errno.EIO, True), (errno.ENOSPC, True), (errno.EINVAL, False)])
def test_names_that_the_disk_cannot_keep_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raises: bool
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(number))
    if raises:
        with pytest.raises(OSError):
            sync_folder(tmp_path)
    else:
        sync_folder(tmp_path)  # a network disk that cannot wait for names
