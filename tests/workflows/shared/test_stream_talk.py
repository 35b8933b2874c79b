"""Data on stdout, talk on stderr: lines in a log, bars on a terminal, or nothing."""

import io
import re
from contextlib import nullcontext

import pytest

from embedtune.cli.shared.output import print_text
from embedtune.workflows.shared.stream_talk import SECONDS_BETWEEN_LINES, StreamTalk


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_data_and_talk_go_their_own_ways(capsys: pytest.CaptureFixture[str]) -> None:
    talk = StreamTalk()
    talk.say("read 3 pairs")
    talk.warn("few pairs \x1b[31m")
    print_text("the result")
    assert talk.told == {"read 3 pairs", "few pairs \x1b[31m"}
    out, err = capsys.readouterr()
    assert out == "the result\n"
    assert err == "read 3 pairs\nwarning: few pairs \\x1b[31m\n"


def test_quiet_is_quiet() -> None:
    stream = Terminal()
    talk = StreamTalk(quiet=True, stream=stream)
    talk.say("a")
    talk.warn("b")
    with talk.progress("c", 10) as tell:
        tell(10)
    assert stream.getvalue() == "" and not talk.told


def test_progress_in_a_log_is_a_line_now_and_then() -> None:
    stream, now = io.StringIO(), [0.0]
    talk = StreamTalk(stream=stream, clock=lambda: now[0])
    with talk.progress("encoding", 5000) as tell:
        for done in range(0, 5000, 100):
            now[0] += SECONDS_BETWEEN_LINES / 20
            tell(done)
    # A hundred in half a second.
    assert stream.getvalue().splitlines() == [
        "encoding: 1,900 of 5,000, 16 s left",
        "encoding: 3,900 of 5,000, 6 s left",
    ]


def test_what_is_said_beside_progress_stands_at_the_end_of_the_line() -> None:
    stream = io.StringIO()
    with StreamTalk(stream=stream, clock=iter(range(0, 1000, 100)).__next__).progress("training", 340) as tell:
        tell(120, None, "1,234 tokens/s \x1b[31m")
    assert stream.getvalue() == "training: 120 of 340, 1,234 tokens/s \\x1b[31m\n"


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_a_narrow_terminal_costs_the_bar_and_not_the_words(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    talk = StreamTalk(stream=stream)
    with talk.progress("훈련", 12345) as tell:
        tell(10, None, "1,234 tokens/s [31 %]")
        talk._bars.refresh()  # which a thread does ten times a second
    assert all(words in stream.getvalue() for words in ("훈련", "10/12,345", "1,234 tokens/s [31 %]"))


def test_the_time_left_of_slow_steps_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, now = Terminal(), [0.0]
    talk = StreamTalk(stream=stream, clock=lambda: now[0])
    with talk.progress("training", 10) as tell:
        for done in range(1, 4):
            now[0] += 40.0
            tell(done, None, "loss 3.142")
        talk._bars.refresh()
    assert "3/10" in stream.getvalue() and "5 min left" in stream.getvalue()


def test_short_work_leaves_no_line_in_a_log() -> None:
    stream = io.StringIO()
    with StreamTalk(stream=stream, clock=lambda: 0.0).progress("reading") as tell:
        tell(1)
    assert stream.getvalue() == ""


def test_bars_on_a_terminal_end_clean_and_words_stand_above_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    talk = StreamTalk(stream=stream)
    with talk.progress("outer [bold]", 2) as outer, talk.progress("inner") as inner:
        outer(1)
        inner(5)
        talk.say("in the middle")
    talk.say("after")
    shown = stream.getvalue()
    assert "outer [bold]" in shown
    assert "in the middle" in shown
    assert shown.endswith("after\n")
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") == 1, "the cursor was hidden once and shown again"


@pytest.mark.parametrize("with_bar", [False, True])
def test_a_terminal_breaks_lines_between_words_and_no_word(monkeypatch: pytest.MonkeyPatch, with_bar: bool) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream, path = Terminal(), "실행/" + "a" * 60
    talk = StreamTalk(stream=stream)
    with talk.progress("x") if with_bar else nullcontext():
        talk.say("시작 인코더는 데이터의 글만 압니다 사전 학습된 모델이 낫습니다 :key: [b]")
        talk.say(f"run folder: {path}")
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).strip() for line in stream.getvalue().splitlines()]
    first = lines.index("시작 인코더는 데이터의 글만 압니다 사전")  # 40 cells, Hangul being two wide
    assert lines[first + 1] == "학습된 모델이 낫습니다 :key: [b]"
    assert path in lines


def test_a_bar_ends_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with pytest.raises(ZeroDivisionError), StreamTalk(stream=stream).progress("x", 2):
        raise ZeroDivisionError
    assert stream.getvalue().count("\x1b[?25h") == 1


def test_nobody_listening_does_not_stop_the_work() -> None:
    talk = StreamTalk(stream=Gone(), clock=iter(range(0, 1000, 100)).__next__)
    talk.say("a")
    talk.warn("b")
    with talk.progress("c", 3) as tell:
        tell(1)
