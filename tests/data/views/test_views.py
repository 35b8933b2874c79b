"""Views by name, composed, and drawn from seed, epoch and row alone."""

from pathlib import Path

import numpy as np
import pytest

import embedtune.data.views as views
from embedtune.data.rows import RawTexts
from embedtune.data.views import name_of, pairing_named, parse_views, view_names
from embedtune.errors import ConfigError
from embedtune.signals import Signals

TEXT = "복지 서비스는 주민센터에서 신청하며 처리에는 보통 열흘쯤 걸립니다 문의는 전화로 받습니다"


def test_the_names_are_the_files_and_each_is_of_one_kind() -> None:
    files = {path.stem for path in Path(views.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(view_names()) == files
    for name in view_names():
        module = views._module(name)
        assert sum(hasattr(module, kind) for kind in ("pairs", "change", "alter")) == 1
        assert "Source: " in module.__doc__


def test_changes_alone_take_each_text_twice() -> None:
    found = parse_views("crop+delete:0.2")
    assert name_of(found.pairing) == "dropout"
    assert [(name_of(module), strength) for module, strength in found.changes] == [("crop", 0.5), ("delete", 0.2)]
    rows = found.pairs(RawTexts(["가", "나"], ["f:1", "f:2"]))
    assert (rows.anchors, rows.positives, rows.places) == (["가", "나"], ["가", "나"], ["f:1", "f:2"])


def test_views_of_signals_leave_texts_alone_and_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Signals()
    monkeypatch.setattr(views, "KNOWN", known)
    monkeypatch.setattr("embedtune.signals.PASSING", 3)
    name = known.add(np.arange(50.0))
    found = parse_views("roll+jitter:0.5", seed=1)
    anchor, positive = found.of(name, TEXT, row=0, epoch=0)
    assert positive == TEXT
    assert anchor != name
    assert found.of(name, TEXT, row=0, epoch=0)[0] == anchor
    assert known.samples(anchor).shape == (1, 50)
    others = {found.of(name, TEXT, row=0, epoch=epoch)[0] for epoch in range(1, 4)}
    assert len(others) == 3
    assert known.is_passing(max(others))
    assert not known.is_passing(anchor)  # three others have followed
    assert not known.is_passing(name)


def test_words_and_signals_are_not_changed_at_once() -> None:
    with pytest.raises(ConfigError, match="words and signals at once"):
        parse_views("delete+jitter")


def test_dropout_alone_needs_dropout() -> None:
    assert parse_views("dropout").needs_dropout
    assert not parse_views("dropout+delete").needs_dropout
    assert not parse_views("neighbour").needs_dropout


def test_views_depend_on_seed_epoch_and_row_alone() -> None:
    found = parse_views("crop", seed=3)
    first = found.of(TEXT, TEXT, row=5, epoch=1)
    found.of(TEXT, TEXT, row=6, epoch=1)
    assert found.of(TEXT, TEXT, row=5, epoch=1) == first
    others = [found.of(TEXT, TEXT, row=5, epoch=2), found.of(TEXT, TEXT, row=6, epoch=1)]
    others.append(parse_views("crop", seed=4).of(TEXT, TEXT, row=5, epoch=1))
    assert all(one != first for one in others)
    assert first[0] != first[1]


def test_without_changes_a_text_stays_as_it_was_written() -> None:
    assert parse_views("dropout").of("a  b\n", "c", row=0, epoch=0) == ["a  b\n", "c"]


def test_further_views_are_of_both_texts_in_turn() -> None:
    found = parse_views("title+delete:0.5", further=3).of("a " * 9, "b " * 9, row=0, epoch=0)
    assert [set(one.split()) for one in found] == [{"a"}, {"b"}, {"a"}, {"b"}, {"a"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corp", r"there is no view 'corp'; did you mean 'crop'\?"),
        ("crop+title", "must be first and the only pairing"),
        ("neighbour+title", "must be first and the only pairing"),
        ("title:0.5", "takes no strength"),
        ("crop:0", "must be a number above 0 and at most 1"),
        ("crop:절반", "must be a number above 0 and at most 1"),
        ("", "there is no view ''"),
    ],
)
def test_what_cannot_be_made_out_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_views(text)


def test_the_pairing_of_a_text_of_views() -> None:
    assert [pairing_named(one) for one in ("neighbour+crop", "dropout", "delete:0.2")] == ["neighbour", "dropout", None]
