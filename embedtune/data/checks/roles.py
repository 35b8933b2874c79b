"""Anchors and positives that look swapped, in all rows or in some."""

import re
from array import array

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded
from embedtune.data.rows import Rows
from embedtune.findings import Finding
from embedtune.signals import is_signal

# Question marks (Latin, full width, Arabic), and the endings with which Korean asks without one.
_ASKS = re.compile(
    "[?\uff1f\u061f]\\s*$|(?:주세요|주십시오|주실래요|[나까가]요|습니까|싶어요|싶습니다|궁금합니다|궁금해요)[.!~]*\\s*$"
)
LONGER = 4.0
"""Ratio of median lengths, anchors to positives, from which anchors look like answers."""
FEWEST_ROWS = 20
"""With fewer rows, nothing is usual for a column."""
_APART = 1.0  # median lengths this many spreads apart distinguish the columns
_MISPLACED = 5.0  # log odds from which a row counts as swapped
_SURE = 4.0  # the most log odds that the length of one text adds: lengths have long tails


class RoleCheck:
    """Remembers the length of each text and whether it is a question: 10 bytes per row."""

    def __init__(self) -> None:
        self._lengths = array("i"), array("i")
        self._asks = bytearray(), bytearray()
        self._block: RowBlock | None = None

    def feed(self, block: RowBlock) -> None:
        """Look at pairs; other content has no roles."""
        if isinstance(block.content, Rows) and not any(map(is_signal, block.content.anchors[:1])):
            self._block = block
            for side, texts in enumerate((block.content.anchors, block.content.positives)):
                self._lengths[side].extend(map(len, texts))
                self._asks[side].extend(bool(_ASKS.search(text, max(0, len(text) - 20))) for text in texts)

    def findings(self) -> list[Finding]:
        """All rows swapped, or some."""
        if self._block is None or not len(self._lengths[0]):
            return []
        lengths = np.array([np.frombuffer(side, dtype=np.int32) for side in self._lengths])  # (2, n)
        asks = np.array([np.frombuffer(side, dtype=np.uint8) for side in self._asks]).astype(bool)  # (2, n)
        return _all_swapped(lengths, asks) or self._some_swapped(lengths, asks)

    def _some_swapped(self, lengths: np.ndarray, asks: np.ndarray) -> list[Finding]:
        if lengths.shape[1] < FEWEST_ROWS:
            return []
        odds = odds_of_swap(lengths, asks)  # (n,)
        found = Gathered()
        for row in np.flatnonzero(odds > _MISPLACED).tolist():
            sizes = f"anchor of {lengths[0, row]:,} characters, positive of {lengths[1, row]:,}"
            question = ", a question" if asks[1, row] else ""
            found.add(f"{self._block.places[row] if self._block else row}: {sizes}{question}")
        verb = "row looks" if found.count == 1 else "rows look"
        return found.finding(
            "rows-look-swapped",
            graded(found.count, len(odds)),
            f"{found.count:,} {verb} as if anchor and positive were swapped.",
            "Look at them (`embedtune check --data SET` lists them); no repair can tell which are right.",
        )


def _all_swapped(lengths: np.ndarray, asks: np.ndarray) -> list[Finding]:
    """Questions are short and end in question marks; answers are not and do not."""
    rows = lengths.shape[1]
    asking = asks.sum(axis=1).tolist()
    middle = np.median(lengths, axis=1).tolist()
    questions = asking[1] > rows / 2 and asking[0] < asking[1] / 4 and middle[0] > 1.5 * middle[1]
    long = middle[0] > LONGER * middle[1] and asking[0] <= asking[1]
    if not (questions or long):
        return []
    asked = f"{asking[1]:,} of {rows:,} positives are questions, and " if questions else ""
    message = (
        f"anchors and positives look swapped: {asked}"
        f"anchors are longer (median {middle[0]:.0f} against {middle[1]:.0f} characters)."
    )
    fix = "If so, name the columns the other way around: --columns anchor=COLUMN,positive=COLUMN."
    return [Finding("roles-look-swapped", "warning", rows, message, fix)]


def odds_of_swap(lengths: np.ndarray, asks: np.ndarray) -> np.ndarray:
    """How likely each row is swapped, as log odds from lengths (2, n) of anchors and positives and from question marks.

    Lengths count where the columns have different typical lengths, question marks where only one column asks; both are
    estimated from the data, most rows of which are assumed to be right. Returns (n,).
    """
    logs = np.log(np.maximum(lengths, 1))  # (2, n)
    middle = np.median(logs, axis=1)  # (2,)
    spread = np.maximum(1.48 * np.median(np.abs(logs - middle[:, None]), axis=1), 0.1)  # (2,)
    odds = np.zeros(lengths.shape[1])  # (n,)
    if abs(middle[1] - middle[0]) > _APART * spread.mean():
        for side in (0, 1):
            right = (((logs[side] - middle[side]) / spread[side]) ** 2) / 2 + np.log(spread[side])  # (n,)
            other = (((logs[side] - middle[1 - side]) / spread[1 - side]) ** 2) / 2 + np.log(spread[1 - side])  # (n,)
            odds += np.clip(right - other, -_SURE, _SURE)
    share = (asks.sum(axis=1) + 0.5) / (asks.shape[1] + 1)  # (2,)
    for side in (0, 1):
        chance = np.where(asks[side], share[1 - side] / share[side], (1 - share[1 - side]) / (1 - share[side]))  # (n,)
        odds += np.log(chance)
    return odds
