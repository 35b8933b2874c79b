"""JSON text that is decoded value by value, so that only one value and a piece of the text are in memory."""

import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST_VALUE = 64 * 2**20
"""Characters of one entry of an array."""
_FIRST = 2**16  # characters that are taken in at a time, and as many again each time a value does not end within them
_BLANKS = re.compile(r"[ \t\r\n]*")
_BARE_NAME = re.compile(r"\w+\s*:")
_PYTHON = re.compile(r"\b(None|True|False)\b|[{\[,:]\s*'")


def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's fields.

    Raises:
        ValueError: a name appears twice.
    """
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"the field {twice!r} appears twice in one object")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=unrepeated)


def json_fault(error: Exception, column: int | None = None) -> str:
    """What is wrong with JSON text, in words; `column` where the error itself does not know it."""
    if isinstance(error, json.JSONDecodeError):
        at = f"column {column or error.colno}" if error.pos < len(error.doc) else "the end of the line"
        return f"invalid JSON at {at}: {error.msg[0].lower()}{error.msg[1:]}"
    return f"invalid JSON: {error}"


def json_advice(text: str, error: Exception) -> str | None:
    """What to do about JSON that is nearly right; None where nobody can tell.

    >>> json_advice('{"a": 1},', json.JSONDecodeError("Extra data", '{"a": 1},', 8))
    'remove the comma at the end of each line, or put all lines into one array: [ ... ]'
    """
    if not isinstance(error, json.JSONDecodeError):
        return None
    rest = text[error.pos :].strip()
    if error.msg == "Extra data":
        if rest == ",":
            return "remove the comma at the end of each line, or put all lines into one array: [ ... ]"
        if rest == ";":
            return "remove the semicolon at the end of each line"
        return "write one object per line" if rest.startswith(("{", ",")) else None
    if text[: error.pos].rstrip().endswith(",") and rest.startswith(("}", "]")):
        return "remove the comma before the closing bracket"
    if any(sign in rest[:1] for sign in "“”‘’"):
        return "use plain double quotes, not typographic ones"
    if _PYTHON.search(text[max(0, error.pos - 2) : error.pos + 8]):
        return "this is how Python prints objects, not JSON: write each row with json.dumps"
    if _BARE_NAME.match(rest) and error.msg.startswith("Expecting property name"):
        return "put the names of the fields in double quotes"
    if not text.lstrip().startswith(("{", "[")):
        return "a .jsonl file has one JSON object per line; give tables the suffix .csv or .tsv, and plain texts .txt"
    return None


class JsonText:
    """Text and a position in it.

    Args:
        pieces: numbers of lines, and the text that begins in them.
    """

    def __init__(self, pieces: Iterator[tuple[int, str]]) -> None:
        self._pieces = pieces
        self._text, self._at, self._kept = "", 0, False
        self._dropped = 0  # characters of the current line that are no longer in `_text`
        self.line = 1
        self._first = True

    def ended(self) -> bool:
        """Whether nothing but blanks remains; skips these."""
        return self.next() == ""

    def next(self) -> str:
        """The next character after any blanks, which are skipped; "" at the end."""
        while True:
            match = _BLANKS.match(self._text, self._at)
            self._move(match.end() if match else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_FIRST):
                return ""

    def skip(self, letter: str) -> None:
        """Go behind this character, which is the next one."""
        self._move(self._at + len(letter))

    def value(self) -> Any:
        """The value that begins here; goes behind it.

        Raises:
            ValueError: it is broken, or longer than `LONGEST_VALUE`.
            RecursionError: it is nested too deeply.
        """
        complete = False
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # A value that is cut at the end of the text fails there, or where its last string begins.
                cut = error.pos >= len(self._text) - 12 or error.msg.startswith("Unterminated string")
                left = len(self._text) - self._at
                if cut and left > LONGEST_VALUE:
                    raise ValueError(f"a value is longer than {LONGEST_VALUE:,} characters") from error
                if complete or not cut:
                    raise
                complete = not self._more(max(_FIRST, left))
            else:
                self._move(end)
                return found

    def enter(self, field: str) -> None:
        """Go behind the bracket of the array in this field of the object that begins here."""
        self.skip("{")
        while True:
            self.next()
            name = self.value()
            self.next()
            self.skip(":")
            self.next()
            if name == field:
                self.skip("[")
                return
            self.value()
            self.next()
            self.skip(",")

    def mark(self) -> tuple[int, int]:
        """The place here, for `back_to`; the text from here on stays in memory."""
        self._kept = False
        self._drop()
        self._kept = True
        return self.line, self._dropped

    def back_to(self, mark: tuple[int, int]) -> None:
        """Return to the last mark."""
        self._at, (self.line, self._dropped) = 0, mark
        self._kept = False

    def fault(self, error: Exception) -> str:
        """What is wrong with the value that begins here."""
        column = None
        if isinstance(error, json.JSONDecodeError):
            before = self._text.rfind("\n", 0, error.pos)
            column = error.pos - before if before >= 0 else self._dropped + error.pos + 1
        return json_fault(error, column)

    def advice(self, error: Exception) -> str | None:
        """What to do about it."""
        return json_advice(self._text, error)

    def _move(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self, length: int) -> bool:
        """Take in at least so many more characters, or all there are; False where there are none."""
        self._drop()
        found, parts = 0, [self._text]
        for number, piece in self._pieces:
            if self._first:
                self.line, self._first = number, False
            parts.append(piece)
            found += len(piece)
            if found >= length:
                break
        self._text = "".join(parts)
        return found > 0

    def _drop(self) -> None:
        if self._at and not self._kept:
            before = self._text.rfind("\n", 0, self._at)
            self._dropped = self._at - before - 1 if before >= 0 else self._dropped + self._at
            self._text, self._at = self._text[self._at :], 0
