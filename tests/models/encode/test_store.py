"""The vector store: what is read is what was written, whatever happened to the files in between."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtune.errors import OutputError
from embedtune.models.encode import store as storing
from embedtune.models.encode.store import VectorStore, default_folder, open_store, text_key

DIMENSIONS = 16


def key(number: int) -> bytes:
    return text_key("", f"text {number}", "64 float32")


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).standard_normal(DIMENSIONS).astype(np.float32)


def write(folder: Path, numbers: range, *, blocks: int = 1, fingerprint: str = "model") -> Path:
    """Add vectors in so many blocks; returns the segment they are in."""
    shelf = VectorStore(folder).shelf(fingerprint, DIMENSIONS)
    for part in np.array_split(np.array(numbers), blocks):
        shelf.add([key(number) for number in part], np.stack([vector(number) for number in part]))
        shelf.flush()
    shelf.close()
    return shelf.segment


def missing(folder: Path, numbers: range, *, fingerprint: str = "model", dimensions: int = DIMENSIONS) -> list[int]:
    """Read and check every vector that the store says it has; returns the numbers that it has not."""
    into = np.full((len(numbers), dimensions), np.nan, dtype=np.float32)
    absent = VectorStore(folder).shelf(fingerprint, dimensions).read([key(number) for number in numbers], into)
    for row in set(range(len(numbers))) - set(absent):
        np.testing.assert_array_equal(into[row], vector(numbers[row]))
    assert np.isnan(into[absent]).all()
    return [numbers[row] for row in absent]


def test_read_back_by_another(tmp_path: Path):
    assert missing(tmp_path, range(3)) == [0, 1, 2]
    write(tmp_path, range(10), blocks=3)
    assert missing(tmp_path, range(8, 12)) == [10, 11]
    write(tmp_path, range(10, 20))
    assert missing(tmp_path, range(19, -1, -1)) == []


def test_models_and_dimensions_do_not_mix(tmp_path: Path):
    write(tmp_path, range(10))
    assert missing(tmp_path, range(10), fingerprint="another") == list(range(10))
    assert missing(tmp_path, range(10), dimensions=8) == list(range(10))


def test_every_part_of_the_key_counts():
    keys = {text_key(*parts) for parts in (("a", "bc", "w"), ("ab", "c", "w"), ("a", "bc", "v"), ("", "abc", "w"))}
    assert len(keys) == 4
    assert all(len(one) == storing.KEY_BYTES for one in keys)
    assert text_key("", "half \ud83d", "w") != text_key("", "half ?", "w")


@pytest.mark.parametrize("torn", [1, 17, 100, 350, 5 * (DIMENSIONS * 4 + 16) + 3])
def test_a_torn_end_is_ignored_and_earlier_blocks_stay(tmp_path: Path, torn: int):
    segment = write(tmp_path, range(10), blocks=2)
    segment.write_bytes(segment.read_bytes()[:-torn])
    assert missing(tmp_path, range(10)) == [5, 6, 7, 8, 9]
    write(tmp_path, range(5, 10))
    assert missing(tmp_path, range(10)) == []


def test_every_single_damaged_byte_is_noticed(tmp_path: Path):
    segment = write(tmp_path, range(2))
    whole = segment.read_bytes()
    for position in range(len(whole)):
        segment.write_bytes(whole[:position] + bytes([whole[position] ^ 0x40]) + whole[position + 1 :])
        missing(tmp_path, range(2))  # checks that no wrong vector is given
    segment.write_bytes(whole)
    assert missing(tmp_path, range(2)) == []


def test_damage_in_one_block_leaves_the_others(tmp_path: Path):
    segment = write(tmp_path, range(10), blocks=2)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2 - 5] ^= 1  # within the vectors of the first block
    segment.write_bytes(content)
    assert missing(tmp_path, range(10)) == [0, 1, 2, 3, 4]
    write(tmp_path, range(5))
    assert missing(tmp_path, range(10)) == []


def test_a_damaged_header_costs_its_own_block_only(tmp_path: Path):
    segment = write(tmp_path, range(10), blocks=5)
    whole, block = segment.read_bytes(), len(segment.read_bytes()) // 5
    for place in range(storing.HEADER.size):
        content = bytearray(whole)
        content[2 * block + place] ^= 0x80
        segment.write_bytes(content)
        assert missing(tmp_path, range(10)) == [4, 5]


def test_a_damaged_block_is_struck_out_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    segment = write(tmp_path, range(10), blocks=2)
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    assert missing(tmp_path, range(10)) == [5, 6, 7, 8, 9]
    assert "1 damaged blocks" in caplog.text
    caplog.clear()
    assert missing(tmp_path, range(10)) == [5, 6, 7, 8, 9]
    assert not caplog.text
    write(tmp_path, range(5, 10))
    assert missing(tmp_path, range(10)) == []


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_done_to_the_files_no_wrong_vector_comes(tmp_path: Path, seed: int):
    """Bits turned, zeros where a power cut left holes, ends cut off, pieces repeated: at any place of two segments."""
    draw = np.random.default_rng(seed)
    for segment in (write(tmp_path, range(20), blocks=4), write(tmp_path, range(15, 40), blocks=6)):
        content = bytearray(segment.read_bytes())
        for _ in range(int(draw.integers(1, 5))):
            place, length = int(draw.integers(len(content))), int(draw.integers(1, 300))
            match draw.integers(4):
                case 0:
                    content[place] ^= 1 << int(draw.integers(8))
                case 1:
                    content[place : place + length] = bytes(len(content[place : place + length]))
                case 2:
                    del content[place:]
                case 3:
                    content[place:place] = content[max(0, place - length) : place]
            content = content or bytearray(1)
        segment.write_bytes(content)
    missing(tmp_path, range(40))  # checks every vector that is given
    write(tmp_path, range(40))
    assert missing(tmp_path, range(40)) == []


def test_a_file_cut_off_while_it_is_read_is_no_end_of_the_process(tmp_path: Path):
    segment = write(tmp_path, range(10), blocks=2)
    shelf = VectorStore(tmp_path).shelf("model", DIMENSIONS)
    segment.write_bytes(segment.read_bytes()[:50])
    assert shelf.read([key(0), key(9)], np.zeros((2, DIMENSIONS), dtype=np.float32)) == [0, 1]
    segment.unlink()
    assert VectorStore(tmp_path).shelf("model", DIMENSIONS).read([key(0)], np.zeros((1, DIMENSIONS))) == [0]


def test_foreign_files_are_left_alone(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "note.segment").write_bytes(b"not a segment at all, but long enough to hold a header")
    (tmp_path / "model" / "empty.segment").touch()
    (tmp_path / "readme.txt").write_text("keep")
    write(tmp_path, range(3))
    assert missing(tmp_path, range(3)) == []
    assert (tmp_path / "readme.txt").exists()


def test_two_writers_at_once(tmp_path: Path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from test_store import write\n"
        "write(Path(sys.argv[2]), range(int(sys.argv[3]), int(sys.argv[3]) + 300), blocks=50)\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path)]
    writers = [subprocess.Popen([*command, start]) for start in ("0", "150")]
    while any(writer.poll() is None for writer in writers):
        missing(tmp_path, range(450))  # a reader meanwhile gets right vectors or none
    assert [writer.returncode for writer in writers] == [0, 0]
    assert missing(tmp_path, range(450)) == []


def test_the_least_recently_used_go_first(tmp_path: Path):
    for age, name in enumerate(("oldest", "older", "newest")):
        write(tmp_path, range(100), fingerprint=name)
        os.utime(tmp_path / name, (age, age))
    size = sum(file.stat().st_size for file in (tmp_path / "oldest").iterdir())
    VectorStore(tmp_path, cap_bytes=int(2.5 * size)).shelf("new", DIMENSIONS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "newest", "older"]


def test_folders_of_others_stay_in_a_full_store(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    write(tmp_path, range(100), fingerprint="old")
    (tmp_path / "old" / "notes.txt").write_text("mine")
    for name in ("thesis", "old"):
        os.utime(tmp_path / name, (1, 1))
    VectorStore(tmp_path, cap_bytes=10).shelf("new", DIMENSIONS)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["chapter.txt", "notes.txt"]


def test_the_shelf_in_use_is_never_removed(tmp_path: Path):
    write(tmp_path, range(100))
    shelf = VectorStore(tmp_path, cap_bytes=10).shelf("model", DIMENSIONS)
    assert shelf.read([key(3)], np.zeros((1, DIMENSIONS), dtype=np.float32)) == []


def test_a_shelf_never_outgrows_the_cap(tmp_path: Path):
    shelf = VectorStore(tmp_path, cap_bytes=1000).shelf("model", DIMENSIONS)
    for number in range(50):
        shelf.add([key(number)], vector(number)[None])
        shelf.flush()
    assert sum(file.stat().st_size for file in (tmp_path / "model").iterdir()) <= 1000
    assert missing(tmp_path, range(50))[0] > 0


def test_a_full_disk_costs_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shelf = VectorStore(tmp_path).shelf("model", DIMENSIONS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    shelf.add([key(0)], vector(0)[None])
    shelf.close()


def test_what_a_full_disk_let_through_of_a_block_is_taken_back(tmp_path: Path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    shelf = VectorStore(tmp_path).shelf("model", DIMENSIONS)
    shelf.add([key(0)], vector(0)[None])
    shelf.flush()
    size = shelf.segment.stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, before[1]))
        shelf.add([key(1)], vector(1)[None])
        shelf.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert shelf.segment.stat().st_size == size
    assert missing(tmp_path, range(2)) == [1]


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert open_store("none") is None and open_store(None) is None
    named = open_store(tmp_path / "a" / "b")
    assert named is not None and named.folder.is_dir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_folder() == tmp_path / "cache" / "embedtune" / "vectors"
    monkeypatch.delenv("XDG_CACHE_HOME")
    for platform, folder in (("linux", ".cache"), ("darwin", "Library/Caches")):
        monkeypatch.setattr(sys, "platform", platform)
        assert default_folder() == Path.home() / folder / "embedtune" / "vectors"


def test_a_named_folder_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        open_store(tmp_path / "file" / "store")
    monkeypatch.setattr(storing, "default_folder", lambda: tmp_path / "file" / "store")
    assert open_store("auto") is None


def test_a_home_that_nobody_knows(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(OutputError, match="cannot be written"):
        open_store("~there-is-no-such-user/store")

    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert open_store("auto") is None
