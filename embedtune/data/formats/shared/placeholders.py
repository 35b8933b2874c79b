"""Rows and negatives that are a placeholder which their column repeats, such as "nan" in the strings of a JSON file."""

from dataclasses import replace

from embedtune.data.formats import Part, preferences
from embedtune.data.formats.shared.missing import repeated_placeholders
from embedtune.data.left_out import FURTHER, LeftOut
from embedtune.data.rows import RawTexts, Rows


def without_placeholders(part: Part, left_out: LeftOut) -> Part:
    """The part without such rows and negatives, which are noted; lines of a corpus are never placeholders."""
    every = part.scored or part.content
    if isinstance(every, RawTexts):
        return part
    part = _without_rows(part, repeated_placeholders(every.columns), left_out)
    if isinstance(part.content, Rows) and part.content.has_negatives:
        return _without_negatives(part, part.content, left_out)
    return part


def _without_rows(part: Part, odd: dict[int, str], left_out: LeftOut) -> Part:
    if not odd:
        return part
    every = part.scored or part.content
    for row, why in odd.items():
        left_out.add(every.places[row], why)
    rest = [row for row in range(len(every)) if row not in odd]
    if part.scored is None:
        return replace(part, content=part.content.take(rest))
    gone = {every.places[row] for row in odd}
    alike = [row for row, place in enumerate(part.content.places) if place not in gone]
    return replace(part, content=part.content.take(alike), scored=part.scored.take(rest))


def _without_negatives(part: Part, rows: Rows, left_out: LeftOut) -> Part:
    """The part without negatives of this kind, and their scores; a preference without a rejected text goes too."""
    every = [(row, number) for row, texts in enumerate(rows.negatives) for number in range(len(texts))]
    found = repeated_placeholders({"negative": [rows.negatives[row][number] for row, number in every]})
    if not found:
        return part
    gone = {every[one]: why for one, why in found.items()}
    kept = [[n for n in range(len(texts)) if (row, n) not in gone] for row, texts in enumerate(rows.negatives)]
    negatives = [tuple(rows.negatives[row][n] for n in numbers) for row, numbers in enumerate(kept)]
    scores = rows.teacher_scores and [
        [own[0], *(own[1 + n] for n in numbers)] if own else own
        for own, numbers in zip(rows.teacher_scores, kept, strict=True)
    ]
    useless = {row for row, texts in enumerate(negatives) if not texts} if part.unit == preferences.UNIT else set()
    for (row, _), why in gone.items():
        left_out.add(rows.places[row], why, *(() if row in useless else (FURTHER,)))
    content = replace(rows, negatives=negatives, teacher_scores=scores)
    return replace(part, content=content.take([row for row in range(len(rows)) if row not in useless]))
