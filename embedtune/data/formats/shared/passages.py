"""Passages as several training formats hold them: texts, or objects with a text and perhaps a title."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.data.formats.shared.cells import Cells
from embedtune.data.rows import titled
from embedtune.data.sources.columns import text_of
from embedtune.data.sources.problems import SHOWN
from embedtune.findings import Finding, counted, kind_of

_TEXT = ("text", "contents", "content", "passage")


def passages_in(cells: Cells, role: str) -> list[str]:
    """The texts of a role, which has one passage or a list of them; none where it is absent. Faults are noted."""
    value = cells.value(role)
    if value is None:
        return []
    found = [_text(cells, role, one) for one in (value if isinstance(value, list) else [value])]
    return [one for one in found if one is not None]


def _text(cells: Cells, role: str, passage: Any) -> str | None:
    column = cells.columns.one(role)
    if isinstance(passage, str) and re.fullmatch(r"\s*\[\s*(['\"{].*)?\]\s*", passage, re.DOTALL):
        cells.fault(role, "contains a list written as text; use JSONL, where it can be a list")
        return None
    if isinstance(passage, str):
        return text_of(passage, column, cells.place, cells.problems)
    if not isinstance(passage, Mapping):
        cells.fault(role, f"must hold passages, got {kind_of(passage)}")
        return None
    name = next((name for name in _TEXT if name in passage), None)
    if name is None:
        hint = None
        what = f"holds passages without a text, with {', '.join(map(repr, passage)) or 'nothing'}"
        if "id" in passage:
            what = "names passages by id; their texts are needed"
            hint = "put the texts into the file, or make a BEIR folder of the passages (corpus, queries, qrels/)"
        cells.problems.add(cells.place, f"{column!r} {what}", hint=hint)
        return None
    text = text_of(passage[name], f"{column}.{name}", cells.place, cells.problems)
    return None if text is None else titled(passage.get("title"), text)


def without_positive(places: Sequence[str]) -> tuple[Finding, ...]:
    """The finding about queries that were left out for having no positive passage."""
    if not places:
        return ()
    message = f"{counted(len(places), 'query')} without a positive passage left out."
    fix = "Add a positive passage to each, or remove them."
    return (Finding("queries-without-positive", "warning", len(places), message, fix, tuple(places[:SHOWN])),)
