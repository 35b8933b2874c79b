"""Data on stdout, talk on stderr: bars on a terminal, plain lines in a log, nothing when asked to be quiet.

Text that came from a user or a file is escaped before it is printed: a control character in a document must not be able
to move the cursor, recolour the screen or hide what was written before it.
"""

import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from embedtune.reports.document.printable import printable as escaped

if TYPE_CHECKING:
    from embedtune.config.section import RecipeSection
    from embedtune.reports.results.base import VerbResult
    from embedtune.workflows.shared.talk import Tell

SECONDS_BETWEEN_LINES = 10.0


def printable(text: str) -> str:
    """The text with control, bidirectional and broken characters written as escapes; line ends and tabs stay."""
    return escaped(text, keep="\n\t")


def print_text(text: str) -> None:
    """Print a result on stdout, as it stands apart from what `printable` escapes."""
    print(printable(text))


def print_renderable(renderable: Any) -> None:
    """Print a rich table or text on stdout, without colours where nobody would see them."""
    from rich.console import Console

    Console(highlight=False).print(renderable, crop=False)  # a path may be wider than the terminal


def print_result(result: "VerbResult", *, as_json: bool, told: Collection[str] = ()) -> None:
    """Print the result of a verb on stdout, as its table or as JSON."""
    print_json(result.as_json()) if as_json else print_renderable(result.table(told))


def print_recipe(config: "RecipeSection", *, as_json: bool) -> None:
    """Print a resolved recipe, as YAML that a command reads back or as JSON."""
    from embedtune.config.recipe.load import dump_config

    print_json(config.model_dump()) if as_json else print_text(dump_config(config).rstrip("\n"))


def print_json(value: Any) -> None:
    """Print a result as one JSON object on stdout: Hangul as Hangul where the stream can hold it, no NaN, no numpy."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a narrow console, or a lone surrogate that came with the user's text
        text = json.dumps(_plain(value), indent=2, allow_nan=False)
    print(text)


def _plain(value: Any) -> Any:
    """The value in JSON's own types; a number that is not finite becomes null, which every reader of JSON accepts."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return _plain(value.tolist())
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return str(value) if isinstance(value, Path) else value


class StreamTalk:
    """Speaks on stderr while a command works (the `StreamTalk` that workflows expect).

    A reader of stderr that has gone away is no reason to end hours of work, so failing to speak is not an error.

    Args:
        quiet: say nothing at all.
        stream: where to speak; stderr as it is now when None.
        clock: seconds, for the pace of plain progress lines.

    `told` holds what was said, so that a result need not say it again.
    """

    def __init__(
        self, *, quiet: bool = False, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._clock = clock
        self._terminal = not quiet and self._stream.isatty()
        self._bars: Any = None
        self.told: set[str] = set()

    def say(self, text: str) -> None:
        """A fact worth knowing."""
        self._tell(text)

    def warn(self, text: str) -> None:
        """Something that may make the result mean something else."""
        self._tell(text, "warning: ", style="yellow")

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Iterator["Tell"]:
        """A long piece of work; the callable is told how much of `total` is done."""
        if self._quiet:
            yield lambda done, note="": None
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
    def _bar(self, description: str, total: int | None) -> Iterator["Tell"]:
        if self._bars is None:
            self._bars = _new_bars(self._stream)
            self._bars.start()
        bars = self._bars
        task = bars.add_task(printable(description), total=total, much=_much(0, total), note="")
        try:
            yield lambda done, note="": bars.update(task, completed=done, much=_much(done, total), note=printable(note))
        finally:
            bars.remove_task(task)
            if not bars.tasks:
                bars.stop()
                self._bars = None

    def _paced_lines(self, description: str, total: int | None) -> "Tell":
        last = self._clock()

        def tell(done: int, note: str = "") -> None:
            nonlocal last
            if self._clock() - last >= SECONDS_BETWEEN_LINES:
                last = self._clock()
                much = f"{description}: {done:,}" + (f" of {total:,}" if total else "") + (note and f", {note}")
                self._line(printable(much))

        return tell


def _between_words(text: str, width: int) -> str:
    """The text in lines of at most so many cells; a longer word stays whole, since a path is there to be copied.

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
    """How much is done; nothing where there is nothing to count.

    >>> _much(10, 12_345), _much(8_192, None), _much(0, None)
    ('10/12,345', '8,192', '')
    """
    return f"{done:,}/{total:,}" if total else f"{done:,}" if done else ""


def _new_bars(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    texts = ("{task.description}", "{task.fields[much]}", "{task.fields[note]}")
    what, much, note = (TextColumn(text, markup=False) for text in texts)
    bar = BarColumn(None, table_column=Column(max_width=40))  # gives way where there is little room
    columns = (what, bar, much, note, TimeRemainingColumn())
    return Progress(*columns, console=Console(file=stream), transient=True)
