import gzip
import hashlib
from pathlib import Path

import pyarrow
import pytest

from embedtune.data.sources import streams
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import lines, missing, sha256
from embedtune.errors import DataError

TEXT = "첫째 줄\r\n둘째 줄\nlast"


def read(path: Path) -> list[tuple[int, str]]:
    problems = Problems(str(path))
    found = list(lines(path, problems))
    problems.raise_if_any()
    return found


def zstd(content: bytes) -> bytes:
    return pyarrow.compress(content, codec="zstd", asbytes=True)


@pytest.mark.parametrize(
    ("name", "pack"), [("a.txt", bytes), ("a.txt.gz", gzip.compress), ("a.txt.zst", zstd), ("a.txt.zstd", zstd)]
)
def test_compression_is_read_through(put, name, pack) -> None:
    path = put(name, pack(TEXT.encode()))
    assert read(path) == [(1, "첫째 줄\r\n"), (2, "둘째 줄\n"), (3, "last")]


def test_several_compressed_frames_are_one_file(put) -> None:
    assert len(read(put("a.txt.zst", zstd(b"a\nb\n") + zstd(b"c\n")))) == 3
    assert len(read(put("a.txt.gz", gzip.compress(b"a\nb\n") + gzip.compress(b"c\n")))) == 3


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd)])
@pytest.mark.parametrize("left", [0.9, 0.3])
def test_a_file_cut_short_is_never_a_shorter_file(put, suffix, pack, left) -> None:
    content = "".join(f"줄 {hashlib.sha256(str(i).encode()).hexdigest()}\n" for i in range(3000))
    packed = pack(content.encode())
    with pytest.raises(DataError, match="truncated"):
        read(put(f"a.txt{suffix}", packed[: int(len(packed) * left)]))


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_wrong_compression_suffix_is_told(put, suffix) -> None:
    with pytest.raises(DataError, match="compression is broken"):
        read(put(f"a.jsonl{suffix}", '{"anchor": "a"}\n'))


def test_a_byte_order_mark_is_no_text(put) -> None:
    assert read(put("a.txt", b"\xef\xbb\xbfanchor\n")) == [(1, "anchor\n")]


def test_broken_utf8_tells_line_and_offset_in_the_file(put) -> None:
    content = "가나\n".encode() + b"ab\xffc\n" + b"\xfe\n"
    with pytest.raises(DataError) as caught:
        read(put("a.txt", content))
    offset = content.index(b"\xff")
    assert f"a.txt:2: broken UTF-8: byte 0xff at offset {offset}" in caught.value.message
    assert f"a.txt:3: broken UTF-8: byte 0xfe at offset {content.index(bytes([0xFE]))}" in caught.value.message


def test_korean_windows_encoding_is_recognised(put) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.txt", "비밀번호를 잊었어요\n".encode("cp949")))
    assert "CP949" in str(caught.value.next)


def test_a_nul_character_is_told_with_its_column(put) -> None:
    with pytest.raises(DataError) as caught:
        read(put("a.txt", b"ab\0c\n"))
    assert caught.value.message == "a NUL character at column 3"
    assert str(caught.value.where).endswith("a.txt:1")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xd8", "binary"),
        (gzip.compress(b"x", mtime=0), ".gz"),
        (zstd(b"x"), ".zst"),
        (b"PAR1\0\0", ".parquet"),
        ("anchor\n".encode("utf-16")[:-1], "broken UTF-16"),
    ],
)
def test_what_is_no_text_is_named(put, head, words) -> None:
    with pytest.raises(DataError, match=words):
        read(put("a.jsonl", head))


def test_hangul_across_the_end_of_the_sniffed_head_is_text(put) -> None:
    # 4,095 single bytes, then a character of three: the head ends within it. A NUL makes a wrong answer visible.
    problems = Problems("a")
    found = list(lines(put("a.txt", b"a\0" + b"a" * 4093 + "한글\n".encode()), problems))
    assert found[0][1].endswith("한글\n")
    assert problems.count == 1


def test_an_empty_file_is_told(put) -> None:
    with pytest.raises(DataError, match="the file is empty"):
        read(put("a.txt", b""))


def test_a_missing_file_names_its_neighbours(put) -> None:
    path = put("pairs.jsonl", "x")
    assert "pairs.jsonl" in str(missing(path.with_name("pair.jsonl")).next)
    assert "has pairs.jsonl" in str(missing(path.with_name("elsewhere.csv")).next)
    assert "does not exist either" in missing(path.parent / "no" / "x.jsonl").message


def test_sha256_is_that_of_the_bytes_on_disk(put) -> None:
    content = gzip.compress(b"abc")
    assert sha256(put("a.gz", content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_line_without_end_is_not_taken_into_memory(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(streams, "LONGEST_LINE", 1000)
    content = b'{"a": 1}\n' + b" " * 999 + b"\n" + b"0" * 10_000_000
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    read = []
    with pytest.raises(DataError, match="longer than 1,000 characters") as caught:
        for _, line in lines(tmp_path / name, Problems("a")):
            read.append(len(line))
    assert caught.value.where == f"{tmp_path / name}:3"
    assert read == [9, 1000]
