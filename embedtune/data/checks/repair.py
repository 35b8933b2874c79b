"""A cleaned copy of rows: texts repaired where the repair is certain, harmful rows removed, each with its reason.

What needs a person's judgment stays: swapped roles, scores outside their scale, lost characters, classes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.data.checks import Content
from embedtune.data.checks.contradictions import PairCheck
from embedtune.data.checks.mojibake import ungarbled
from embedtune.data.checks.text_faults import cleaned
from embedtune.data.rows import LabelledTexts, Rows, ScoredPairs
from embedtune.data.sources.write import row_records
from embedtune.data.texts.normal_form import near_form
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.identity import text_id, text_ids

RowRecord = dict[str, Any]
MENDED = "texts mended (wrong encoding, control and invisible characters, Unicode form NFC)"
NEGATIVES = "negatives removed (the row's own text, or a positive of the same anchor)"
EMPTY = "empty"
SAME = "anchor and positive are the same text"
LEAKED = "a test query, or nearly one"
REPEATED = "repeats an earlier row"
MENDED_CODES = ("garbled-texts", "control-characters", "unnormalised-texts", "invisible-characters")
"""Codes of findings that are repaired by changing texts."""
REMOVED_CODES = (
    "empty-texts",
    "unlabelled-rows",
    "unreadable-rows",
    "anchor-equals-positive",
    "negative-equals-own",
    "positive-also-negative",
    "duplicate-rows",
    "near-duplicate-rows",
    "test-queries-seen-in-training",
    "test-queries-near-copies",
    "test-queries-negated",
)
"""Codes of findings that are repaired by leaving something out."""


@dataclass(frozen=True)
class Repaired:
    """A block after repair: the records kept, and those removed with place and reason."""

    kept: list[RowRecord]
    removed: list[RowRecord]


class Repair:
    """Repairs blocks in order and counts what it does.

    Args:
        pairs: has seen all rows, so it knows all positives.
        leaked: ids of the training texts that are test queries.
        preferences: whether negatives are rejected texts, which may be preferred to others and so are kept.
    """

    def __init__(self, pairs: PairCheck, leaked: set[int], *, preferences: bool = False) -> None:
        self._pairs = pairs
        self._preferences = preferences
        self._leaked = np.fromiter(leaked, dtype=np.int64, count=len(leaked))  # (l,)
        self._seen = SeenIds()
        self._rows = 0
        self.changed: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()

    def apply(self, content: Content, besides: Sequence[Mapping[str, Any]] = ()) -> Repaired:
        """Repair the texts of a block and remove rows from it.

        Args:
            content: the block.
            besides: further fields of each row's record, kept as they are.
        """
        leaked = np.any([np.isin(ids, self._leaked) for ids in content.column_ids], axis=0)  # (n,)
        lists = self._negatives(content)
        records = list(_records(content, lists))
        self.changed[MENDED] += sum(map(_mend, records))
        keys = text_ids("\n".join(map(near_form, _texts_of(record))) for record in records)  # (n,)
        numbers = np.arange(self._rows, self._rows + len(records))  # (n,)
        first = self._seen.add(keys, numbers)  # (n,)
        self._rows += len(records)
        kept, removed = [], []
        for row, record in enumerate(records):
            reason = _reason(record) or (LEAKED if leaked[row] else REPEATED if first[row] < numbers[row] else None)
            if besides:
                record |= _named_apart(besides[row], record)
            if reason is None:
                kept.append(record)
            else:
                self.removed[reason] += 1
                place = content.places[row] if content.places else f"row {numbers[row] + 1}"
                removed.append(removed_record(place, reason, record))
        return Repaired(kept, removed)

    def _negatives(self, content: Content) -> Sequence[Sequence[int]]:
        """The numbers of the negatives to keep in each row."""
        if self._preferences or not isinstance(content, Rows) or not content.has_negatives:
            return ()
        kept = []
        for row, ids in enumerate(content.negative_ids):
            anchors = np.full(len(ids), content.anchor_ids[row])  # (m,)
            wrong = (ids == anchors) | self._pairs.is_positive(anchors, ids)  # (m,)
            self.changed[NEGATIVES] += int(wrong.sum())
            kept.append(np.flatnonzero(~wrong).tolist())
        return kept


def _records(content: Content, kept: Sequence[Sequence[int]]) -> Iterator[RowRecord]:
    if isinstance(content, Rows):
        for row, record in enumerate(row_records(content)):
            for name in ("negatives", "negative_scores"):
                if kept and name in record:
                    record[name] = [record[name][number] for number in kept[row]]
            yield record
    elif isinstance(content, ScoredPairs):
        for first, second, score in zip(content.first, content.second, content.scores, strict=True):
            yield {"sentence1": first, "sentence2": second, "score": score}
    elif isinstance(content, LabelledTexts):
        yield from ({"text": text, "label": label} for text, label in zip(content.texts, content.labels, strict=True))
    else:
        yield from ({"text": text} for text in content.texts)


def removed_record(place: str, reason: str, record: Mapping[str, Any]) -> RowRecord:
    """What is written about a row that is left out."""
    why = {"place": place, "reason": reason}
    return why | _named_apart(record, why)


def _named_apart(others: Mapping[str, Any], record: RowRecord) -> RowRecord:
    """Further columns of a row, with `_` after names that a row's own fields have.

    >>> _named_apart({"id": 7, "anchor": "a heading"}, {"anchor": "q", "positive": "p"})
    {'id': 7, 'anchor_': 'a heading'}
    """
    return {f"{name}_" if name in record else name: value for name, value in others.items()}


def _mend(record: RowRecord) -> int:
    """Repair the texts of a record in place; returns the number of changes."""
    changed = 0
    for name, value in record.items():
        if isinstance(value, str) and name != "label":
            record[name] = _mended(value)
            changed += record[name] != value
        elif name == "negatives":
            record[name] = [_mended(text) for text in value]
            changed += sum(new != old for new, old in zip(record[name], value, strict=True))
    return changed


def _mended(text: str) -> str:
    return cleaned(ungarbled(text))


def _texts_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Everything that identifies a row, as texts."""
    for name, value in record.items():
        if name in ("positive_score", "negative_scores", "score"):
            continue
        yield from value if isinstance(value, list) else (str(value),)


def _reason(record: Mapping[str, Any]) -> str | None:
    """Why a row cannot be used, judged by itself."""
    texts = [value for name, value in record.items() if isinstance(value, str) and name != "label"]
    if not all(text.strip() for text in texts):
        return EMPTY
    # Equal sentences with a score are not a mistake: somebody rated them.
    if "anchor" in record and text_id(record["anchor"]) == text_id(record["positive"]):
        return SAME
    return None
