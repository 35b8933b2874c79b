"""Texts that encoders cannot read as intended: too long, without words, or with damaged encoding."""

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded
from embedtune.data.checks.mojibake import is_garbled
from embedtune.data.formats.shared.missing import is_placeholder
from embedtune.data.rows import RawTexts
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.findings import Finding, counted
from embedtune.identity import text_id

VERY_LONG = 20_000
"""Characters; more than the 8,192 tokens that the longest common encoders read."""
_SHORT = 30  # a longer text without a letter may be a table or a drawing
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_TERMINAL = re.compile("\x1b\\[[0-9;]*[A-Za-z]")  # a full terminal command, which would otherwise leave letters behind
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|a|b|i|li|ul|td|tr|h\d)\b[^<>]{0,80}>|&(?:amp|lt|gt|quot|nbsp|#\d{2,5});", re.I
)
# code -> severity (None: decided by the share), text after the count, fix
_KINDS = {
    "very-long-texts": (
        None,
        f"longer than {VERY_LONG:,} characters; encoders read only the beginning.",
        "Split them into passages.",
    ),
    "near-empty-texts": (None, "with no letter and no digit.", "Remove their rows."),
    "garbled-texts": (
        None,
        "decoded from the wrong encoding (such as UTF-8 read as Latin-1 or CP949).",
        "Read the source again as UTF-8.",
    ),
    "replacement-characters": (
        None,
        "with U+FFFD where a character was lost in decoding.",
        "Read the source again with its own encoding.",
    ),
    "control-characters": (
        None,
        "with control characters.",
        "Remove them: `embedtune check --data SET --fix FILE` does.",
    ),
    "unnormalised-texts": (
        "note",
        "not in Unicode form NFC (such as Hangul as single jamo), which encoders read as other characters.",
        "Normalize them to NFC: `embedtune check --data SET --fix FILE` does.",
    ),
    "invisible-characters": (
        "note",
        "with invisible characters (zero-width space, byte order mark, soft hyphen), which split words.",
        "Remove them: `embedtune check --data SET --fix FILE` does.",
    ),
    "markup-in-texts": ("note", "with HTML tags or entities.", "Extract the text from the markup."),
}


class TextCheck:
    """Checks every distinct text on its own."""

    def __init__(self) -> None:
        self._found = {code: Gathered() for code in _KINDS}
        self._seen = SeenIds()
        self._rows = 0

    def feed(self, block: RowBlock) -> None:
        """Check the texts that are new."""
        self._rows += len(block.content)
        odd = [(row, text, codes) for row, text in block.texts() if (codes := list(oddities(text)))]
        ids = np.fromiter((text_id(text) for _, text, _ in odd), dtype=np.int64, count=len(odd))  # (n,)
        numbers = np.arange(len(self._seen), len(self._seen) + len(odd))  # (n,)
        first = self._seen.add(ids, numbers)  # (n,)
        for (row, text, codes), is_first in zip(odd, first == numbers, strict=True):
            if is_first:
                for code in codes:
                    self._found[code].add(f"{block.places[row]} ({len(text):,} characters)", text)

    def findings(self) -> list[Finding]:
        """One per kind."""
        return [
            finding
            for (code, (severity, what, fix)), found in zip(_KINDS.items(), self._found.values(), strict=True)
            for finding in found.finding(
                code,
                severity or graded(found.count, self._rows),
                f"{found.count:,} {'text' if found.count == 1 else 'texts'} {what}",
                fix,
            )
        ]


class PlaceholderCheck:
    """Counts rows with such a text; those of a CSV are left out while it is read and do not come here."""

    def __init__(self) -> None:
        self._rows = 0
        self._found = Gathered()

    def feed(self, block: RowBlock) -> None:
        """Look at texts that belong to others; a line of a corpus is left as it is."""
        if isinstance(block.content, RawTexts):
            return
        self._rows += len(block.content)
        last = -1
        for row, text in block.texts():
            if row != last and is_placeholder(text):
                last = row
                self._found.add(block.places[row], text)

    def findings(self) -> list[Finding]:
        """One for all words."""
        rows = counted(self._found.count, "row")
        return self._found.finding(
            "placeholder-texts",
            graded(self._found.count, self._rows),
            f"{rows} with a text such as 'nan' or 'None', which may stand for a missing value; training leaves out "
            "those that repeat one in a column.",
            "Remove the rows, or write null in place of the text; a true answer can stay.",
        )


def oddities(text: str) -> Iterator[str]:
    """The codes of a text's faults.

    >>> list(oddities("Caf\\u00c3\\u00a9")), list(oddities("\\u1112\\u1161\\u11ab"))
    (['garbled-texts'], ['unnormalised-texts'])
    """
    if len(text) > VERY_LONG:
        yield "very-long-texts"
    if len(text) < _SHORT and not any(letter.isalnum() for letter in text):
        yield "near-empty-texts"
    if ("<" in text or "&" in text) and _MARKUP.search(text):
        yield "markup-in-texts"
    if _CONTROLS.search(text):
        yield "control-characters"
    if text.isascii():
        return
    if is_garbled(text):
        yield "garbled-texts"
    elif "\ufffd" in text:
        yield "replacement-characters"
    if not unicodedata.is_normalized("NFC", text):
        yield "unnormalised-texts"
    if _INVISIBLE.search(text):
        yield "invisible-characters"


def cleaned(text: str) -> str:
    """The text in NFC, without control and invisible characters: repairs that need no guess.

    >>> cleaned("\\x1b[31ma\\x00b \\u1112\\u1161\\u11ab\\ufeff")
    'ab 한'
    """
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _CONTROLS.sub("", _TERMINAL.sub("", text))))
