"""Samples in files of their own: what a reference leads to."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile
from signal_data import window, write_windows

from embedtune.data.signals.files import is_reference, read_reference
from embedtune.errors import DataError

RAMP = np.arange(20, dtype=np.int16)


def test_a_part_of_an_array_file(tmp_path: Path) -> None:
    np.save(tmp_path / "run.npy", RAMP)
    found = read_reference("run.npy", tmp_path, start=4, length=8)
    assert found.values.tolist() == list(range(4, 12))
    assert (found.values.dtype, found.rate_hz) == (np.float32, None)
    np.testing.assert_array_equal(found.read(), found.values)


def test_channels_of_a_wav_file_come_first_and_whole_numbers_as_shares(tmp_path: Path) -> None:
    both = np.stack([RAMP, -RAMP], axis=1)  # (samples, channels), as the format has it
    wavfile.write(tmp_path / "run.wav", 8000, both)
    found = read_reference("run.wav", tmp_path)
    assert found.rate_hz == 8000.0
    np.testing.assert_allclose(found.values, both.T / 32768, atol=0)


def test_a_row_of_a_parquet_file(tmp_path: Path) -> None:
    write_windows(tmp_path / "windows.parquet")
    found = read_reference("windows.parquet#7", tmp_path)
    np.testing.assert_array_equal(found.values, window("low", 1, 1))  # six windows a recording


@pytest.mark.parametrize(
    ("reference", "start", "length", "message"),
    [
        ("none.npy", 0, None, "no such file"),
        ("run.npy", 15, 8, "no samples 15 to 23; it has 20"),
        ("run.npy", -1, 4, "no samples"),
        ("texts.npy", 0, None, "numbers in one or two axes"),
        ("pickled.npy", 0, None, "cannot be read"),
        ("windows.parquet#999", 0, None, "no row 999"),
        ("broken.wav", 0, None, "cannot be read"),
    ],
)
def test_what_holds_no_such_samples_is_refused(
    tmp_path: Path, reference: str, start: int, length: int | None, message: str
) -> None:
    np.save(tmp_path / "run.npy", RAMP)
    np.save(tmp_path / "texts.npy", np.array(["a", "b"]))
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "broken.wav").write_bytes(b"RIFFnothing")
    write_windows(tmp_path / "windows.parquet")
    with pytest.raises(DataError, match=message) as caught:
        read_reference(reference, tmp_path, start, length)
    assert caught.value.next


def test_only_names_of_such_files_are_references() -> None:
    assert all(map(is_reference, ("a.wav", "b/C.NPY", "w.parquet#0")))
    assert not any(map(is_reference, ("w.parquet", "w.parquet#x", "wav", "a ball fault.", 7, None)))
