"""What may not reach a screen as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtune.reports.document.printable import printable


@pytest.mark.parametrize("text", ["비밀번호 재설정", "naïve café", "日本語 🙂", "שלום", "a\u00a0b", "한"])
def test_writing_of_any_language_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\rb\n", "a\\rb\\n"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202etxt", "\\u202etxt"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\x00", "\\x00"),
    ],
)
def test_what_acts_on_a_screen_is_written_out(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_remains_can_act(text):
    shown = printable(text)
    assert shown.encode("utf-8").decode() == shown and not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)


def test_what_is_kept_on_purpose():
    assert printable("a\tb\nc", keep="\t\n") == "a\tb\nc"
