"""Rows whose text is a placeholder that its column repeats, such as "nan" in the strings of a JSON file."""

from collections.abc import Callable, Sequence
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
    said = repeated_placeholders(every.columns)
    for row in range(len(every)):
        if (why := said(row)) is not None:
            left_out.add(every.places[row], why)
    content = part.content
    if part.scored is None:
        kept = _kept(said, len(content))
        return part if len(kept) == len(content) else replace(part, content=content.take(kept))
    kept = _kept(said, len(every))
    if len(kept) == len(every):
        return part
    places = {every.places[row] for row in kept}
    own = [row for row, place in enumerate(content.places) if place in places]
    return replace(part, content=content.take(own), scored=part.scored.take(kept))


def _kept(said: Callable[[int], str | None], rows: int) -> Sequence[int]:
    return [row for row in range(rows) if said(row) is None]
