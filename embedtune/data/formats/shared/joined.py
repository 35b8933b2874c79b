"""The rows of several files, such as the shards of a split, as one."""

from collections.abc import Sequence
from typing import Any, TypeVar

from embedtune.data.formats import Part
from embedtune.data.rows import LabelledTexts, RawTexts, Rows, ScoredPairs
from embedtune.errors import DataError

SameContent = TypeVar("SameContent", Rows | LabelledTexts | RawTexts, ScoredPairs)


def joined(parts: list[Part]) -> Part:
    """Several files of one split as one.

    Raises:
        DataError: they hold different things.
    """
    if len(parts) == 1:
        return parts[0]
    kinds = {(type(part.content), part.scored is None) for part in parts}
    if len(kinds) > 1:
        raise DataError(
            "the files of one split hold different things: " + ", ".join(sorted(part.unit for part in parts))
        )
    said, findings = sum((part.said for part in parts), ()), sum((part.findings for part in parts), ())
    scored = [part.scored for part in parts if part.scored is not None]
    content = _one_after_another([part.content for part in parts])
    return Part(content, parts[0].unit, said, findings, _one_after_another(scored) if scored else None)


def _one_after_another(contents: Sequence[SameContent]) -> SameContent:
    """Columns of one kind joined."""
    first = contents[0]
    columns: dict[str, Any] = {}
    for name in first.__dataclass_fields__:
        values = [getattr(content, name) for content in contents]
        if name == "negatives" and any(values):
            values = [value or [()] * len(content) for value, content in zip(values, contents, strict=True)]
        columns[name] = None if any(value is None for value in values) else [v for value in values for v in value]
    return type(first)(**columns)
