"""Questions to the network that end in time, and the settings that forbid it."""

import threading

import pytest

from embedtune.network import is_offline, within


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("ON", True), ("0", False), ("", False)])
def test_a_setting_forbids_the_network(monkeypatch, value: str, offline: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    monkeypatch.delenv("HF_DATASETS_OFFLINE", raising=False)
    assert is_offline("HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE") == offline
    assert not is_offline("HF_DATASETS_OFFLINE")


def test_an_answer_and_an_error_are_passed_on() -> None:
    assert within(5, lambda: 3) == 3
    assert within(5, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 / 0)


def test_no_answer_is_given_up() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError, match="no answer within"):
        within(0.01, never.wait)
    never.set()
