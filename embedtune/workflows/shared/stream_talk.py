"""A `Talk` on stderr: bars on a terminal, plain lines in a log, nothing when asked to be quiet."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from embedtune.reports.document.printable import printable as escaped

if TYPE_CHECKING:  # what it brings along would slow every --help
    from embedtune.progress import Progress, TimeLeft

SECONDS_BETWEEN_LINES = 10.0


def printable(text: str) -> str:
    """The text with control, bidirectional and broken characters written as escapes; line ends and tabs stay."""
    return escaped(text, keep="\n\t")


class StreamTalk:
    """Reports on stderr while a command works (the `Talk` that workflows expect).

    A reader of stderr that has gone away must not end hours of work, so failing to print there is not an error.

    Args:
        quiet: print nothing at all.
        stream: where to print; stderr as it is now when None.
        clock: seconds, for the pace of plain progress lines.

    `told` holds what was printed, so that a result need not repeat it.
    """

    def __init__(
        self, *, quiet: bool = False, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet or self._stream is None  # Python has no stderr where the process began with it closed
        self._clock = clock
        self._terminal = not self._quiet and self._stream.isatty()
        self._bars: Any = None
        self.told: set[str] = set()

    def say(self, text: str) -> None:
        """A fact worth knowing."""
        self._tell(text)

    def warn(self, text: str) -> None:
        """Something that may change what the result means."""
        self._tell(text, "warning: ", style="yellow")

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Iterator["Progress"]:
        """A long piece of work; the callable takes how much of `total` is done."""
        if self._quiet:
            yield lambda *_: None
        elif self._terminal:
            with self._bar(description, total) as tell:
                yield tell
        else:
            yield self._paced_lines(description, total)

    def _tell(self, text: str, label: str = "", style: str = "") -> None:
        if not self._quiet:
            self.told.add(text)
        self._line(f"{label}{printable(text)}", style)

    def _line(self, text: str, style: str = "") -> None:
        if self._quiet:
            return
        with suppress(OSError):
            if self._terminal:
                self._wrapped(text, style)
            else:
                print(text, file=self._stream, flush=True)

    def _wrapped(self, text: str, style: str) -> None:
        from rich.console import Console

        # Above the bars, not through them.
        console = Console(file=self._stream) if self._bars is None else self._bars.console
        lines = _between_words(text, console.width)
        console.print(lines, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)

    @contextmanager
    def _bar(self, description: str, total: int | None) -> Iterator["Progress"]:
        if self._bars is None:
            self._bars = _new_bars(self._stream)
            self._bars.start()
        bars, left = self._bars, self._time_left()
        task = bars.add_task(printable(description), total=total, much=_much(0, total), note="", left=left)
        try:

            def tell(done: int, of: int | None = None, note: str = "", /) -> None:
                known = total or of  # what was announced counts: work may report on a part of itself
                left.mark(done)
                bars.update(task, completed=done, total=known, much=_much(done, known), note=printable(note))

            yield tell
        finally:
            bars.remove_task(task)
            if not bars.tasks:
                bars.stop()
                self._bars = None

    def _paced_lines(self, description: str, total: int | None) -> "Progress":
        last, left = self._clock(), self._time_left()

        def tell(done: int, of: int | None = None, note: str = "", /) -> None:
            nonlocal last
            left.mark(done)
            if self._clock() - last >= SECONDS_BETWEEN_LINES:
                last = self._clock()
                known = total or of
                much = f"{description}: {done:,}" + (f" of {known:,}" if known else "")
                self._line(printable(", ".join(filter(None, (much, note, _time(left.seconds(known)))))))

        return tell

    def _time_left(self) -> "TimeLeft":
        from embedtune.progress import TimeLeft

        return TimeLeft(self._clock)


def _between_words(text: str, width: int) -> str:
    """The text in lines of at most `width` cells; a longer word is not broken, since a path is there to be copied.

    >>> _between_words("run folder: 실행/20261122", 12)
    'run folder:\\n실행/20261122'
    """
    from rich.cells import cell_len

    lines: list[str] = []
    for line in text.split("\n"):
        first, *words = line.split(" ")
        lines.append(first)
        for word in words:
            joined = f"{lines[-1]} {word}"
            lines[-1:] = [joined] if cell_len(joined) <= width else [lines[-1], word]
    return "\n".join(lines)


def _much(done: int, total: int | None) -> str:
    """How much is done; empty where there is nothing to count.

    >>> _much(10, 12_345), _much(8_192, None), _much(0, None)
    ('10/12,345', '8,192', '')
    """
    return f"{done:,}/{total:,}" if total else f"{done:,}" if done else ""


def _time(seconds: float | None) -> str:
    """The time left in words; empty where it is not known.

    >>> _time(None), _time(4.4), _time(59.7), _time(190), _time(9_000)
    ('', '4 s left', '1 min left', '4 min left', '2 h 30 min left')
    """
    if seconds is None:
        return ""
    minutes = math.ceil(seconds / 60)
    if seconds < 59.5:
        return f"{seconds:.0f} s left"
    return f"{minutes} min left" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min left"


def _new_bars(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.table import Column
    from rich.text import Text

    class TimeLeftColumn(ProgressColumn):
        """The time left as we reckon it: rich's own knows nothing of steps that take longer than 30 seconds."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            return Text(_time(task.fields["left"].seconds(task.total)), style="cyan", no_wrap=True)

    texts = ("{task.description}", "{task.fields[much]}", "{task.fields[note]}")
    what, much, note = (TextColumn(text, markup=False) for text in texts)
    bar = BarColumn(None, table_column=Column(max_width=40))  # shrinks where there is little room
    columns = (what, bar, much, note, TimeLeftColumn())
    return Progress(*columns, console=Console(file=stream), transient=True)
