"""Click logs turned into preferences: what was clicked was chosen over what was shown above it and skipped.

A user reads a list from the top, so texts below the click may never have been seen; they count as skipped only when
asked for. Preferences in opposite directions cancel each other; the difference is the weight.

Source: Joachims 2002, "Optimizing search engines using clickthrough data", section 3 ("click > skip above").
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from embedtune.data.sources.columns import field_of, text_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import counted, kind_of

Skipped = Literal["above", "all"]
ANCHORS = ("anchor", "query", "question")


@dataclass
class Preferences:
    """Preferences counted over clicks.

    Args:
        counts: (anchor, chosen, rejected) -> how often.
        clicks: number of clicks.
        first: clicks that skipped nothing, such as those on the first text.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    clicks: int = 0
    first: int = 0

    def add(self, anchor: str, shown: list[str], clicked: set[int], skipped: Skipped) -> None:
        """Count the preferences of one list."""
        liked = {shown[place] for place in clicked}  # a text may have been shown twice
        for place in clicked:
            others = range(len(shown)) if skipped == "all" else range(place)
            passed = {shown[other] for other in others} - liked
            self.clicks += 1
            self.first += not passed
            self.counts.update((anchor, shown[place], other) for other in passed)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Rows of anchor, chosen, rejected and weight, in the order of first appearance."""
        for (anchor, chosen, rejected), count in self.counts.items():
            left = count - self.counts[anchor, rejected, chosen]
            if left > 0:
                yield {"anchor": anchor, "chosen": chosen, "rejected": rejected, "weight": left}

    @property
    def contradicted(self) -> int:
        """The number of preferences that cancelled each other out: two for each opposite pair."""
        return sum(
            min(count, self.counts.get((anchor, rejected, chosen), 0))
            for (anchor, chosen, rejected), count in self.counts.items()
        )

    def said(self, rows: int) -> tuple[str, ...]:
        """What became of the clicks, in sentences, where this many preferences were written."""
        found = [f"{counted(rows, 'preference')} from {counted(self.clicks, 'click')}"]
        if self.first:
            found.append(f"{counted(self.first, 'click')} skipped nothing and gave no preference")
        if self.contradicted:
            found.append(f"{counted(self.contradicted, 'preference')} cancelled each other out")
        return tuple(found)


def read_clicks(table: RecordTable, skipped: Skipped = "above") -> Preferences:
    """The preferences in rows of {anchor, shown, clicked}.

    `shown` is a list of texts from the top; `clicked` is one of them, its position from 0, or a list of either.

    Raises:
        DataError: rows have faults (all of them reported at once).
    """
    found = Preferences()
    for number, record in table.records:
        place = table.place(number)
        name = next((name for name in ANCHORS if name in record), ANCHORS[0])
        anchor = field_of(record, name, place, table.problems)
        shown = _shown(record.get("shown"), place, table.problems)
        clicked = _clicked(record.get("clicked"), shown, place, table.problems)
        if anchor is not None and shown:
            found.add(anchor, shown, clicked, skipped)
    table.problems.raise_if_any()
    return found


def _shown(value: Any, place: str, problems: Problems) -> list[str]:
    if value == []:
        problems.add(place, "'shown' is an empty list; it must name what was shown")
        return []
    if not isinstance(value, list):
        problems.add(place, f"'shown' must be a list of texts, got {kind_of(value)}")
        return []
    texts = [text_of(one, "shown", place, problems) for one in value]
    return [one for one in texts if one is not None] if None not in texts else []


def _clicked(value: Any, shown: list[str], place: str, problems: Problems) -> set[int]:
    """Positions among the shown texts; no click (null, an empty list) is not a fault."""
    if value is None or not shown:
        return set()
    several = value if isinstance(value, list) else [value]
    return {found for one in several if (found := _place_of(one, shown, place, problems)) is not None}


def _place_of(one: Any, shown: list[str], place: str, problems: Problems) -> int | None:
    if isinstance(one, str) and one in shown:
        return shown.index(one)
    if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(shown):
        return one
    problems.add(place, f"'clicked' must be a text that was shown, or its position from 0, got {kind_of(one)}")
    return None
