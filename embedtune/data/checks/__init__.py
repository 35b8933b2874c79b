"""Checks of data, one file per family; each is fed blocks of rows and then reports its findings.

Memory is a few bytes per row whatever the texts are, so that a file of any size can be checked in one pass. Examples
are the first that were found, each with its file and line.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

import numpy as np

from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.data.sources.problems import SHOWN
from embedtune.findings import Finding
from embedtune.signals import is_signal

Content = Rows | LabelledTexts | RawTexts | ScoredPairs
FEW = 0.005
"""Share of the rows from which damage is a warning."""


class Places:
    """File and line of every row so far, at 12 bytes per row."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._file_of = array("i")
        self._lines = array("q")

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, content: Content) -> None:
        """Add the rows of the next block."""
        for number, place in enumerate(content.places or [""] * len(content), len(self) + 1):
            file, _, line = place.rpartition(":")
            known = line.isascii() and line.isdigit()
            self._file_of.append(self._files.setdefault(file if known else place, len(self._files)))
            self._lines.append(int(line) if known else -number)

    def __getitem__(self, row: int) -> str:
        name, line = list(self._files)[self._file_of[row]], self._lines[row]
        return f"{name}:{line}" if line >= 0 else name or f"row {-line}"


@dataclass(frozen=True)
class RowBlock:
    """Some rows, and the places of these and all earlier rows.

    Args:
        content: the rows.
        start: the number of earlier rows.
        places: of all rows so far.
    """

    content: Content
    start: int
    places: Places

    def texts(self) -> Iterator[tuple[int, str]]:
        """Row number and text of every text, negatives included; a name of a signal is none."""
        return ((row, text) for row, text in self.inputs() if not is_signal(text))

    def inputs(self) -> Iterator[tuple[int, str]]:
        """Row number and text, or name of a signal, of every input."""
        content = self.content
        lists: Iterable[Iterable[str]] = zip(*content.columns.values(), strict=True)
        if isinstance(content, Rows) and content.negatives:
            lists = (chain(two, more) for two, more in zip(lists, content.negatives, strict=True))
        for row, texts in enumerate(lists, self.start):
            for text in texts:
                yield row, text


class Check(Protocol):
    """What a family of checks offers. It ignores content that it does not apply to."""

    def feed(self, block: RowBlock) -> None:
        """Look at the next rows."""

    def findings(self) -> list[Finding]:
        """The findings over all rows so far."""


@dataclass
class Gathered:
    """One kind of fault while it is counted."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, place: str, text: str = "") -> None:
        """Count one more; the first ones are kept as examples."""
        self.count += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{place}: {shown(text)}" if text else place)

    def finding(self, code: str, severity: str, message: str, fix: str = "") -> list[Finding]:
        """The finding in a list; an empty list where nothing was found."""
        return [Finding(code, severity, self.count, message, fix, tuple(self.examples))] if self.count else []


def run_checks(checks: Sequence[Check], contents: Iterable[Content]) -> list[Finding]:
    """Feed all rows to all checks, block by block, and collect their findings."""
    places = Places()
    for content in contents:
        block = RowBlock(content, len(places), places)
        places.add(content)
        for check in checks:
            check.feed(block)
    return [finding for check in checks for finding in check.findings()]


def paired_ids(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One id for each two ids (n,), (n,): (n,) int64."""
    with np.errstate(over="ignore"):
        return (first * np.int64(-7046029254386353131) + second) * np.int64(-4417276706812531889)


def graded(count: int, rows: int) -> str:
    """The severity of damage: a note in a few rows of many, a warning in more."""
    return "warning" if count >= max(3.0, FEW * rows) else "note"


def shown(text: str) -> str:
    """The beginning of a text on one line."""
    return " ".join(text[:80].split())
