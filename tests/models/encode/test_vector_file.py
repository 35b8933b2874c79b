"""Vectors written block by block: after a stop at any point, going on gives the same bytes as never stopping."""

import json

import numpy as np
import pytest

from embedtune.errors import OutputError
from embedtune.models.encode import vector_file
from embedtune.models.encode.vector_file import VectorFile

VECTORS = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
BLOCKS = ((0, 3), (3, 7), (7, 10))


class Killed(BaseException):
    """Stands for kill -9: nothing in the code under test may handle it."""


def write_all(path, dtype="float32", key="k") -> np.ndarray:
    file = VectorFile(path, VECTORS.shape, dtype, {"key": key})
    for first, end in BLOCKS:
        if end > file.rows:
            file.write(first, VECTORS[first:end])
    return file.finish()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_plain_npy_file_of_the_vectors(tmp_path, dtype):
    read = write_all(tmp_path / "v.npy", dtype)
    assert read.dtype == np.dtype(dtype) and not read.flags.writeable
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), VECTORS.astype(dtype))
    np.testing.assert_array_equal(read, VECTORS.astype(dtype))


@pytest.mark.parametrize("step", range(19))
def test_killed_at_any_call_to_the_system_it_goes_on(tmp_path, monkeypatch, step):
    """Every fsync and every rename is a point to die at."""
    calls = [0]

    def dying(act):
        def call(*arguments):
            calls[0] += 1
            if calls[0] == step + 1:
                raise Killed
            act(*arguments)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(vector_file.os, "fsync", dying(vector_file.os.fsync))
        patch.setattr(vector_file.os, "replace", dying(vector_file.os.replace))
        try:
            write_all(tmp_path / "v.npy")
        except Killed:
            assert not (tmp_path / "v.npy").exists() or step == 17, "only the last flush comes after its name"
        else:
            assert step >= 18, "the writing made more calls than were killed"
    np.testing.assert_array_equal(write_all(tmp_path / "v.npy"), VECTORS)


def test_a_torn_block_is_written_again(tmp_path):
    file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    file.write(0, VECTORS[:3])
    with (tmp_path / "v.npy.part").open("ab") as torn:
        torn.write(b"\xff" * 21)
    assert VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"}).rows == 3
    np.testing.assert_array_equal(write_all(tmp_path / "v.npy"), VECTORS)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("place", "kept"), [(3, 0), (130, 0), (128 + 3 * 16, 3), (128 + 7 * 16 - 1, 3)])
def test_rows_from_a_damaged_block_on_are_written_again(tmp_path, whole, place, kept):
    path = tmp_path / ("v.npy" if whole else "v.npy.part")
    if whole:
        write_all(tmp_path / "v.npy")
    else:
        file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
        for first, end in BLOCKS[:2]:
            file.write(first, VECTORS[first:end])
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    again = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    assert again.rows == kept and not again.is_whole
    np.testing.assert_array_equal(write_all(tmp_path / "v.npy"), VECTORS)


def test_a_file_cut_off_is_written_again(tmp_path):
    write_all(tmp_path / "v.npy")
    content = (tmp_path / "v.npy").read_bytes()
    for length in (0, 5, 128, 140, len(content) - 1):
        (tmp_path / "v.npy").write_bytes(content[:length])
        np.testing.assert_array_equal(write_all(tmp_path / "v.npy"), VECTORS)


def test_blocks_come_in_order(tmp_path):
    file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    with pytest.raises(ValueError, match="0 rows are written"):
        file.write(3, VECTORS[3:7])


def test_what_is_whole_is_not_touched(tmp_path):
    write_all(tmp_path / "v.npy")
    again = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    assert again.is_whole and again.rows == 10
    np.testing.assert_array_equal(again.finish(), VECTORS)


@pytest.mark.parametrize("whole", [True, False])
def test_vectors_of_something_else_are_written_anew(tmp_path, whole):
    if whole:
        write_all(tmp_path / "v.npy", key="other")
    else:
        VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "other"}).write(0, VECTORS[5:])
    file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    assert not file.is_whole and file.rows == 0 and not (tmp_path / "v.npy").exists()


def test_a_broken_note_means_from_the_start(tmp_path):
    file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    file.write(0, VECTORS[:3])
    (tmp_path / "v.npy.json").write_text(json.dumps({"rows": 3})[:-2])
    assert VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"}).rows == 0


def test_no_rows(tmp_path):
    assert VectorFile(tmp_path / "v.npy", (0, 4), "float16", {}).finish().shape == (0, 4)


def test_a_full_disk_is_an_error_of_output(tmp_path, monkeypatch):
    file = VectorFile(tmp_path / "v.npy", VECTORS.shape, "float32", {"key": "k"})
    file.write(0, VECTORS[:3])

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="No space left on device"):
        patch.setattr(vector_file.os, "fsync", full)
        file.write(3, VECTORS[3:7])
    np.testing.assert_array_equal(write_all(tmp_path / "v.npy"), VECTORS)
