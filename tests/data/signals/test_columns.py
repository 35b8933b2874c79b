"""Rows with a column of signals become rows with names."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile
from signal_data import records, window, write_windows

from embedtune.data.rows import LabelledTexts, Rows
from embedtune.data.sources.judged_source import open_split
from embedtune.errors import DataError
from embedtune.signals import KNOWN, is_signal, name_of


def content_of(path: Path) -> LabelledTexts | Rows:
    part = open_split(str(path), "test", {}).part
    assert part is not None
    assert isinstance(part.content, LabelledTexts | Rows)
    return part.content


def put_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_column_of_lists_in_parquet(tmp_path: Path) -> None:
    found = content_of(write_windows(tmp_path / "w.parquet"))
    assert isinstance(found, LabelledTexts)
    own = records()
    assert list(found.texts) == [name_of(np.asarray(row["signal"])[None]) for row in own]
    assert list(found.labels) == [row["label"] for row in own]
    signal = KNOWN[found.texts[3]]
    assert (signal.rate_hz, signal.facts["recording"], signal.place) == (1000.0, "low-0", f"{tmp_path}/w.parquet:4")


def test_lists_and_references_in_json_lines_name_the_same_samples(tmp_path: Path) -> None:
    values = window("low", 0, 0)
    np.save(tmp_path / "long.npy", np.concatenate([np.zeros(10, np.float32), values]))
    wavfile.write(tmp_path / "one.wav", 1000, values)
    path = put_lines(
        tmp_path / "w.jsonl",
        [
            {"signal": values.tolist(), "label": "low"},
            {"signal": "long.npy", "start": 10, "length": len(values), "label": "low"},
            {"signal": "one.wav", "label": "low"},
        ],
    )
    found = content_of(path)
    assert len(set(found.column_ids[0].tolist())) == 1
    np.testing.assert_array_equal(KNOWN.samples(found.texts[0])[0], values)  # type: ignore[union-attr]


def test_a_csv_names_files_and_its_numbers_are_texts(tmp_path: Path) -> None:
    np.save(tmp_path / "long.npy", np.arange(30))
    path = tmp_path / "w.csv"
    path.write_text("signal,start,length,label,rate_hz\nlong.npy,10,4,low,500\nlong.npy,,,high,\nlong.npy,ten,4,low,\n")
    with pytest.raises(DataError, match="'start' must be a whole number of samples, got 'ten'"):
        content_of(path)
    path.write_text(path.read_text().rpartition("long.npy,ten")[0])
    first, second = content_of(path).texts  # type: ignore[union-attr]
    assert (KNOWN.samples(first).tolist(), KNOWN[first].rate_hz) == ([[10, 11, 12, 13]], 500.0)
    assert (KNOWN[second].shape, KNOWN[second].rate_hz) == ((1, 30), None)


def test_a_text_beside_a_signal_describes_it(tmp_path: Path) -> None:
    path = put_lines(tmp_path / "w.jsonl", [{"signal": [1, 2, 3.5], "label": "x", "text": "a ramp", "recording": "r"}])
    found = content_of(path)
    assert isinstance(found, Rows)
    assert (found.positives, found.labels) == (["a ramp"], ["x"])
    assert is_signal(found.anchors[0])


def test_every_fault_is_reported_with_its_place(tmp_path: Path) -> None:
    path = put_lines(
        tmp_path / "w.jsonl",
        [
            {"signal": [1.0, float("nan"), 2.0], "label": "x"},
            {"signal": [[1, 2], [3]], "label": "x"},
            {"signal": "missing.wav", "label": "x"},
            {"signal": "a ball fault", "label": "x"},
            {"signal": [1.0], "label": "x"},
        ],
    )
    with pytest.raises(DataError) as caught:
        content_of(path)
    said = str(caught.value)
    for line, what in enumerate(
        ("1 of 3 samples are NaN", "same number", "no such file", "must be a list", "two numb"), 1
    ):
        assert f"w.jsonl:{line}: " in said
        assert what in said


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ({"signal": [1.0, float("inf")], "label": "x"}, "remove the window"),
        ({"signal": [[1, 2], [3]], "label": "x"}, "one list of the same length per channel"),
        ({"signal": "missing.wav", "label": "x"}, "check the path"),
        ({"signal": "cut.npy", "length": 9, "label": "x"}, "correct start and length"),
        ({"signal": "cut.npy", "start": "late", "label": "x"}, "count samples from 0"),
    ],
)
def test_a_single_fault_says_what_to_do(tmp_path: Path, row: dict[str, object], advice: str) -> None:
    np.save(tmp_path / "cut.npy", np.arange(4))
    with pytest.raises(DataError) as caught:
        content_of(put_lines(tmp_path / "w.jsonl", [row]))
    assert advice in str(caught.value.next)


def test_lists_of_scores_and_other_columns_stay(tmp_path: Path) -> None:
    row = {"anchor": "q", "positive": "the_signal.wav", "negatives": ["b"], "negative_scores": [0.5]}
    found = content_of(put_lines(tmp_path / "w.jsonl", [row]))
    assert isinstance(found, Rows)
    assert list(found.positives) == ["the_signal.wav"]
