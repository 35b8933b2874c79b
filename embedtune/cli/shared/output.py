"""Results on stdout, as text, as tables and as JSON.

Text from a user or a file is escaped before it is printed: a control character in a document must not be able to move
the cursor, change colors or hide what was written before it.
"""

import json
import shutil
import sys
from collections.abc import Collection
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.workflows.shared.stream_talk import StreamTalk, printable

if TYPE_CHECKING:
    from embedtune.reports.results.base import VerbResult

NARROWEST, WIDEST = 40, 100
"""Columns of text; a terminal, or COLUMNS, may say anything, even 0."""


def readable_width() -> int:
    """The width to fill with sentences: that of the terminal, where it is neither too narrow nor too wide to read."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def print_text(text: str) -> None:
    """Print a result on stdout as it is, except for what `printable` escapes."""
    print(printable(text))


def print_renderable(renderable: Any) -> None:
    """Print a rich table or text on stdout, without colors where the output is not a terminal."""
    from rich.console import Console

    Console(highlight=False).print(renderable, crop=False)  # a path may be wider than the terminal


def print_result(result: "VerbResult", *, as_json: bool, told: Collection[str] = ()) -> None:
    """Print the result of a verb on stdout, as its table or as JSON."""
    print_json(result.as_json() | asked_endpoints()) if as_json else print_renderable(result.table(told))


def asked_endpoints() -> dict[str, Any]:
    """What endpoints were asked, under the key `endpoints`; empty where none was."""
    from embedtune.models.endpoints.bill import bills

    found = [bill.as_dict() for bill in bills()]
    return {"endpoints": found} if found else {}


def say_bills(talk: StreamTalk) -> None:
    """Say what endpoints were asked, and what that cost."""
    from embedtune.models.endpoints.bill import bills

    for bill in bills():
        talk.say(bill.described())


def print_json(value: Any) -> None:
    """Print a result as one JSON object on stdout: Hangul as Hangul where the stream can hold it, no NaN, no numpy."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a narrow console, or a lone surrogate in the user's text
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
