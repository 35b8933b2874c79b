"""What is odd about data, told without any model: over the training rows, and over what the test shares with them."""

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np

from embedtune.data.leakage import overlap
from embedtune.data.problems import SHOWN
from embedtune.data.rows import Finding, RetrievalSet, Rows
from embedtune.data.words import counted

FEW_QUERIES = 50
VERY_LONG = 20_000  # characters; more than the 8,192 tokens that the longest common encoders read
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")  # Latin and Hangul, full width, Arabic
# code -> severity, what it says after the count, what to do
_ODD = {
    "very-long-texts": (
        "warning",
        f"longer than {VERY_LONG:,} characters; encoders read the beginning only.",
        "Divide them into passages.",
    ),
    "near-empty-texts": ("warning", "with no letter and no digit.", "Remove their rows."),
    "unnormalised-texts": (
        "note",
        "not in Unicode form NFC (such as Hangul in single jamo), which encoders read as other characters.",
        "Normalise them to NFC.",
    ),
}


def drop_duplicates(rows: Rows) -> tuple[Rows, list[Finding]]:
    """The rows without those that repeat an earlier one's anchor, positive and negatives.

    >>> drop_duplicates(Rows(["a", "a"], ["b", "b "]))[0].positives
    ['b']
    """
    negatives = [tuple(ids.tolist()) for ids in rows.negative_ids] or [()] * len(rows)
    labels = rows.labels or [""] * len(rows)
    seen: dict[tuple, int] = {}
    repeats = []
    for row, key in enumerate(
        zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), negatives, labels, strict=True)
    ):
        if seen.setdefault(key, row) != row:
            repeats.append(row)
    if not repeats:
        return rows, []
    message = f"{counted(len(repeats), 'row')} left out of training for repeating an earlier row."
    finding = Finding("duplicate-rows", "note", len(repeats), message, examples=_examples(rows, repeats, rows.anchors))
    return rows.take(list(seen.values())), [finding]


def check_rows(rows: Rows) -> list[Finding]:
    """Findings over training rows alone."""
    findings = [
        _same_text(rows),
        _contradictions(rows),
        _swapped_roles(rows),
        *_odd_texts(rows),
    ]
    return [finding for finding in findings if finding]


def _examples(rows: Rows, numbers: Iterable[int], texts: Sequence[str]) -> tuple[str, ...]:
    places = _places(rows)
    return tuple(f"{places[number]}: {_shown(texts[number])}" for number in list(numbers)[:SHOWN])


def _places(rows: Rows) -> Sequence[str]:
    return rows.places or [f"row {number + 1}" for number in range(len(rows))]


def _shown(text: str) -> str:
    return " ".join(text[:80].split())


def _same_text(rows: Rows) -> Finding | None:
    same = np.flatnonzero(rows.anchor_ids == rows.positive_ids)
    if not len(same):
        return None
    message = f"in {counted(len(same), 'row')} anchor and positive are the same text, which teaches nothing."
    return Finding(
        "anchor-equals-positive", "warning", len(same), message, "Remove them.", _examples(rows, same, rows.anchors)
    )


def _contradictions(rows: Rows) -> Finding | None:
    if not rows.has_negatives:
        return None
    positives = set(zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), strict=True))
    found = [
        row
        for row, (anchor, ids) in enumerate(zip(rows.anchor_ids.tolist(), rows.negative_ids, strict=True))
        if any((anchor, negative) in positives for negative in ids.tolist())
    ]
    if not found:
        return None
    message = (
        f"in {counted(len(found), 'row')} a negative is elsewhere a positive of the same anchor; it is not used as one."
    )
    fix = "Remove these negatives."
    return Finding("positive-also-negative", "warning", len(found), message, fix, _examples(rows, found, rows.anchors))


def _swapped_roles(rows: Rows) -> Finding | None:
    """Questions are short and end in question marks; answers are not and do not."""
    asking = [
        sum(text.rstrip().endswith(_QUESTION_MARKS) for text in texts) for texts in (rows.anchors, rows.positives)
    ]
    lengths = [
        float(np.median([len(text) for text in texts])) if texts else 0.0 for texts in (rows.anchors, rows.positives)
    ]
    if not (asking[1] > len(rows) / 2 and asking[0] < asking[1] / 4 and lengths[0] > 1.5 * lengths[1]):
        return None
    message = (
        f"anchors and positives look swapped: {asking[1]:,} of {len(rows):,} positives are questions, "
        f"and anchors are longer (median {lengths[0]:.0f} against {lengths[1]:.0f} characters)."
    )
    fix = "If so, name the columns the other way round: --columns anchor=COLUMN,positive=COLUMN."
    return Finding("roles-look-swapped", "warning", len(rows), message, fix, _examples(rows, range(3), rows.positives))


def _odd_texts(rows: Rows) -> list[Finding]:
    """Very long, near-empty and unnormalised texts, each distinct text once."""
    found: dict[str, list[str]] = {code: [] for code in _ODD}
    seen: set[str] = set()
    negatives = rows.negatives or [()] * len(rows)
    for place, anchor, positive, more in zip(_places(rows), rows.anchors, rows.positives, negatives, strict=True):
        for text in (anchor, positive, *more):
            if text not in seen:
                seen.add(text)
                for code in _oddities(text):
                    found[code].append(f"{place}: {_shown(text)} ({len(text):,} characters)")
    return [
        Finding(code, severity, len(texts), f"{counted(len(texts), 'text')} {what}", fix, tuple(texts[:SHOWN]))
        for (code, (severity, what, fix)), texts in zip(_ODD.items(), found.values(), strict=True)
        if texts
    ]


def _oddities(text: str) -> list[str]:
    codes = []
    if len(text) > VERY_LONG:
        codes.append("very-long-texts")
    if len(text) < 30 and not any(letter.isalnum() for letter in text):
        codes.append("near-empty-texts")
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        codes.append("unnormalised-texts")
    return codes


def check_overlap(rows: Rows, dev: RetrievalSet | None, test: RetrievalSet | None) -> list[Finding]:
    """What the test queries share with training, and whether there are enough of them."""
    if test is None:
        return []
    weak = _weak(test)
    return [*([weak] if weak else []), *overlap(rows, test, dev)]


def _weak(test: RetrievalSet) -> Finding | None:
    if len(test) >= FEW_QUERIES:
        return None
    message = f"only {counted(len(test), 'test query')}: weak evidence."
    return Finding("weak-test", "warning", len(test), message, f"Give at least {FEW_QUERIES}, better a few hundred.")
