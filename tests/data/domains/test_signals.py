"""Domains of signals: each with its own windows and its own choices, and every description of a class known for it."""

from pathlib import Path

import pytest
from signal_data import WORDS, records, write_windows, write_words

from embedtune.config.recipe.load import load
from embedtune.config.sections.domains import DomainsSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.domains.cut import domains_of
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.several import prepare_sets
from embedtune.errors import DataError
from embedtune.identity import text_ids
from embedtune.signals import KNOWN

MACHINES = ("mill", "펌프")


def windows(machine=lambda number: MACHINES[number % 2], recordings: int = 4) -> list[dict[str, object]]:
    """Rows whose recordings are of the machines in turn."""
    rows = records(recordings, windows=4)
    return [{**row, "machine": machine(int(str(row["recording"]).rpartition("-")[2]))} for row in rows]


def cut(folder: Path):
    options = {"data": [str(folder)], "descriptions": str(write_words(folder / "../words.jsonl")), "group": "recording"}
    section = load(TrainConfig, options=options).data
    data = prepare_sets(section, 0)
    return data, domains_of(data, section, DomainsSection(by="machine"), 0)


def put(folder: Path, **parts: list[dict[str, object]]) -> Path:
    for name, rows in parts.items():
        write_windows(folder / f"{name}.parquet", rows)
    return folder


def test_windows_and_choices_are_in_the_domain_of_their_machine(tmp_path: Path) -> None:
    rows = windows()
    train, test = ([row for row in rows if str(row["recording"])[-1] in which] for which in ("01", "23"))
    data, domains = cut(put(tmp_path / "set", train=train, test=test))
    assert [one.name for one in domains] == list(MACHINES)
    words = {label: set(text_ids(own).tolist()) for label, own in WORDS.items()}
    for one in domains:
        assert isinstance(one.test, Choices)
        for name in (*one.data.train.anchors, *one.test.queries):
            assert KNOWN[name].facts["machine"] == one.name
        assert one.test.groups == [KNOWN[name].facts["recording"] for name in one.test.queries]
        assert one.test.labels == [KNOWN[name].facts["label"] for name in one.test.queries]
        assert one.test.wordings == {label: tuple(own) for label, own in WORDS.items()}
        known: dict[int, set[int]] = {}
        for signal, text in one.data.known_positives.tolist():
            known.setdefault(signal, set()).add(text)
        of = dict(zip(one.data.train.anchor_ids.tolist(), one.data.train.labels, strict=True))
        assert known == {signal: words[label] for signal, label in of.items()}
    assert sum(len(one.data.train) for one in domains) == len(data.train) == 24
    assert sum(len(one.test.queries) for one in domains) == 24


def test_a_domain_of_one_class_or_without_a_test_is_refused(tmp_path: Path) -> None:
    rows = windows()
    lone = [row for row in rows if row["machine"] == MACHINES[0] or row["label"] == "low"]
    with pytest.raises(DataError, match="'펌프' are all of the class 'low'"):
        cut(put(tmp_path / "lone", train=lone, test=rows))
    with pytest.raises(DataError, match="'펌프' has no test signals") as caught:
        cut(put(tmp_path / "none", train=rows, test=[row for row in rows if row["machine"] == MACHINES[0]]))
    assert "recordings" in str(caught.value.next) and "pairs" not in str(caught.value.next)


def test_signals_without_the_column_are_refused_by_their_place(tmp_path: Path) -> None:
    rows = windows()
    with pytest.raises(DataError, match="machine"):
        cut(put(tmp_path / "set", train=rows, test=records(2, windows=2)))
