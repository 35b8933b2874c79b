"""Signals as names: the name is the content."""

import hashlib

import numpy as np
import pytest

from embedtune.errors import DataError
from embedtune.identity import text_id
from embedtune.signals import Signals, is_signal, name_of, only_texts

SINE = np.sin(np.arange(64) / 3).astype(np.float32)


def test_a_name_is_a_hash_of_shape_and_samples() -> None:
    digest = hashlib.blake2b(b"(1, 64)", digest_size=16)
    digest.update(SINE.astype("<f4").tobytes())
    assert name_of(SINE[None]) == f"signal:{digest.hexdigest()}"


def test_equal_samples_have_one_name_whatever_their_type() -> None:
    known = Signals()
    whole = np.arange(8)
    assert len({known.add(whole.astype(kind)) for kind in (np.int16, np.float16, np.float64)}) == 1
    assert known.add(whole) != known.add(whole.reshape(2, 4))


def test_names_are_told_from_texts() -> None:
    name = name_of(SINE[None])
    assert is_signal(name)
    assert not any(map(is_signal, ("signal: " + "0" * 31, "signal:abc", "Signal:" + "0" * 32, "")))
    assert only_texts([name, "a ball fault", name]) == ["a ball fault"]


def test_a_name_keeps_its_identity_as_a_text() -> None:
    name = name_of(SINE[None])
    assert text_id(name) == text_id(f"  {name} ") != text_id(name_of(-SINE[None]))


def test_samples_and_facts_come_back() -> None:
    known = Signals()
    name = known.add(SINE, rate_hz=12_000.0, place="a.parquet:3", facts={"recording": "r1"})
    np.testing.assert_array_equal(known.samples(name), SINE[None])
    assert (known[name].rate_hz, known.shown(name), known.shown("text")) == (12_000.0, "a.parquet:3", "text")
    assert known.values([name, name], "recording") == ["r1", "r1"]


def test_data_that_is_read_again_is_as_it_is_now() -> None:
    known = Signals()
    name = known.add(SINE, place="first")
    assert known.add(SINE.copy(), place="second") == name
    assert known[name].place == "second"


def test_unknown_names_and_columns_are_refused() -> None:
    known = Signals()
    with pytest.raises(DataError, match="has not been read"):
        known.samples(name_of(SINE[None]))
    name = known.add(SINE, place="a.jsonl:1", facts={"label": "ball"})
    with pytest.raises(DataError, match="no value in the column 'recording'; this row has label"):
        known.values([name], "recording")


def test_samples_that_changed_on_disk_are_refused() -> None:
    known, now = Signals(), [SINE]
    name = known.add(SINE, read=lambda: now[0])
    np.testing.assert_array_equal(known.samples(name)[0], SINE)
    now[0] = SINE + 1
    with pytest.raises(DataError, match="not what they were"):
        known.samples(name)
