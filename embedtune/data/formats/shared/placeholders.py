"""Rows whose text is a placeholder that its column repeats, such as "nan" in the strings of a JSON file."""

from dataclasses import replace

from embedtune.data.formats import Part
from embedtune.data.formats.shared.missing import repeated_placeholders
from embedtune.data.left_out import LeftOut
from embedtune.data.rows import RawTexts


def without_placeholders(part: Part, left_out: LeftOut) -> Part:
    """The part without such rows, which are noted; lines of a corpus are never placeholders."""
    every = part.scored or part.content
    if isinstance(every, RawTexts):
        return part
    odd = repeated_placeholders(every.columns)
    if not odd:
        return part
    for row, why in odd.items():
        left_out.add(every.places[row], why)
    rest = [row for row in range(len(every)) if row not in odd]
    if part.scored is None:
        return replace(part, content=part.content.take(rest))
    gone = {every.places[row] for row in odd}
    alike = [row for row, place in enumerate(part.content.places) if place not in gone]
    return replace(part, content=part.content.take(alike), scored=part.scored.take(rest))
