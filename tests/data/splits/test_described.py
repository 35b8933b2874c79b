"""Labelled signals with descriptions: divided by recording, paired with a text of their class."""

import json
from pathlib import Path

import numpy as np
import pytest
from signal_data import PITCHES, WORDS, records, window, write_windows, write_words

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import TrainingData, prepare
from embedtune.data.sets.choices import Choices
from embedtune.errors import DataError
from embedtune.identity import text_id
from embedtune.signals import KNOWN, is_signal


def prepared(data: Path, words: Path, seed: int = 0, **keys: object) -> TrainingData:
    section = DataSection(source=str(data), descriptions=str(words), **{"group": "recording", **keys})  # type: ignore[arg-type]
    return prepare(section, seed)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    return write_words(tmp_path / "words.jsonl")


def recordings(names: object) -> set[str]:
    return set(KNOWN.values(list(names), "recording"))  # type: ignore[call-overload]


def test_whole_recordings_of_every_class_are_held_out(tmp_path: Path, words: Path) -> None:
    data = prepared(write_windows(tmp_path / "w.parquet", records(recordings=8, windows=3)), words)
    (judged,) = data.sets
    assert isinstance(judged.test, Choices) and isinstance(judged.dev, Choices)
    sides = [recordings(one) for one in (data.train.anchors, judged.test.queries, judged.dev.queries)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
    assert set(judged.test.labels) == set(judged.dev.labels) == set(PITCHES)
    assert sum(map(len, sides)) == 24


def test_with_few_recordings_there_is_a_test_and_no_dev(tmp_path: Path, words: Path) -> None:
    data = prepared(write_windows(tmp_path / "w.parquet"), words)
    assert data.sets[0].dev is None
    assert len(recordings(data.sets[0].test.queries)) == 3  # type: ignore[union-attr]
    assert any(said.startswith("dev: none") for said in data.described)


def test_every_description_of_its_class_is_known_for_a_signal_and_no_other(tmp_path: Path, words: Path) -> None:
    data = prepared(write_windows(tmp_path / "w.parquet"), words)
    class_of = dict(zip(data.train.anchor_ids.tolist(), data.train.labels or (), strict=True))
    expected = {(signal, text_id(text)) for signal, label in class_of.items() for text in WORDS[label]}
    assert {tuple(pair) for pair in data.known_positives.tolist()} == expected
    for text, label in zip(data.train.positives, data.train.labels or (), strict=True):
        assert text in WORDS[label]
    per_text = np.unique(data.train.positives, return_counts=True)[1]
    assert per_text.max() - per_text.min() <= 1  # each description of a class gets as many signals


def test_the_starter_is_made_of_texts_alone(tmp_path: Path, words: Path) -> None:
    data = prepared(write_windows(tmp_path / "w.parquet"), words)
    assert not any(map(is_signal, data.texts))
    assert set(data.texts) == {text for own in WORDS.values() for text in own}


def test_without_a_group_it_is_refused_and_the_column_is_proposed(tmp_path: Path, words: Path) -> None:
    path = write_windows(tmp_path / "w.parquet")
    for keys in ({"group": None}, {"group": None, "descriptions": None}):
        with pytest.raises(DataError, match="near copies of each other") as caught:
            prepare(DataSection(source=str(path), **{"descriptions": str(words), **keys}), 0)  # type: ignore[arg-type]
        assert caught.value.next == "--group recording"


def test_views_of_words_are_refused_and_those_of_signals_are_not(tmp_path: Path, words: Path) -> None:
    path = write_windows(tmp_path / "w.parquet")
    with pytest.raises(DataError, match="these views change words"):
        prepared(path, words, views="crop")
    assert prepared(path, words, views="jitter").views is not None


def test_without_descriptions_signals_of_a_class_are_paired(tmp_path: Path) -> None:
    data = prepare(DataSection(source=str(write_windows(tmp_path / "w.parquet")), group="recording"), 0)
    assert all(map(is_signal, (*data.train.anchors, *data.train.positives)))
    assert data.test is not None


def test_recordings_on_both_sides_of_given_splits_are_told(tmp_path: Path, words: Path) -> None:
    rows = records(recordings=2, windows=4)
    for number, split in enumerate(("train", "test")):
        write_windows(tmp_path / "d" / f"{split}.parquet", rows[number::2])
    found = {one.code: one for one in prepared(tmp_path / "d", words).findings}
    assert found["groups-on-both-sides"].count == 6


def test_what_the_test_asks_about_is_said(tmp_path: Path, words: Path) -> None:
    rows = [row | {"domain": 0, "bearing": f"{row['label']}-{str(row['recording'])[-1]}"} for row in records()]
    data = prepared(write_windows(tmp_path / "w.parquet", rows), words)
    assert "new to training in the test: 3 of 3 recordings, 3 of 3 bearings, 0 of 1 domain" in data.described
    data = prepared(write_windows(tmp_path / "w.parquet", rows), words, group="bearing")
    assert "new to training in the test: 3 of 3 bearings, 3 of 3 recordings, 0 of 1 domain" in data.described


def test_other_descriptions_may_judge(tmp_path: Path, words: Path) -> None:
    others = tmp_path / "others.jsonl"
    voices = {"low": ("bass",), "middle": ("alto",), "high": ("soprano",), "noise": ("hiss",)}
    others.write_text("".join(json.dumps({"label": label, "texts": own}) + "\n" for label, own in voices.items()))
    data = prepared(write_windows(tmp_path / "w.parquet"), words, judged_descriptions=str(others))
    assert data.sets[0].test.wordings == voices  # type: ignore[union-attr]
    assert not {"bass", "hiss"} & {*data.texts, *data.train.positives}
    assert set(data.hashes) == {"w.parquet", "words.jsonl", "others.jsonl"}


def test_a_class_without_a_description_is_refused(tmp_path: Path, words: Path) -> None:
    rows = [*records(), {"signal": window("low", 9, 9), "label": "odd", "recording": "x", "rate_hz": 1.0}]
    with pytest.raises(DataError, match=r"no wording for 1 label .* 'odd'"):
        prepared(write_windows(tmp_path / "w.parquet", rows), words)
