"""Findings about documents that are the query itself: left out of rankings, or still ranked first."""

from collections.abc import Sequence

import numpy as np

from embedtune.data.texts.copies.index import LEAST
from embedtune.data.texts.copies.windows import windows_of
from embedtune.data.texts.normal_form import near_form
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.findings import Finding, counted

MANY = 0.05
"""Share of the queries from which it is a warning that their first document holds their text."""
_SHOWN = 10


def left_out(judged: JudgedSet) -> list[Finding]:
    """How many documents are left out of the ranking of a query, being its own text."""
    count = len(judged.self_pairs)
    if not count:
        return []
    message = f"{counted(count, 'document')} with the text of a query left out of that query's ranking."
    return [Finding("own-texts", "note", count, message)]


def own_text_first(label: str, ranking: Ranking, judged: JudgedSet) -> list[Finding]:
    """A warning where the first document of many queries holds the query's text and is not judged relevant."""
    grades = judged.grades_of(ranking.positions[:, :1])[:, 0]  # (Q,)
    first = ranking.positions[:, 0]  # (Q,)
    found = [row for row in np.flatnonzero((grades <= 0) & (first >= 0)).tolist() if _holds(judged, row, first)]
    if len(found) < MANY * len(judged.query_ids) or not found:
        return []
    message = (
        f"{label} ranks a document first that holds the query's text, and is not judged relevant, for "
        f"{counted(len(found), 'query')} of {len(judged.query_ids):,}."
    )
    fix = "If these documents are the queries themselves, give them the queries' ids, and they are left out."
    examples = tuple(f"query {judged.query_ids[row]}: document {judged.document_ids[first[row]]}" for row in found)
    return [Finding("own-text-first", "warning", len(found), message, fix, examples[:_SHOWN])]


def _holds(judged: JudgedSet, row: int, first: np.ndarray | Sequence[int]) -> bool:
    query = judged.queries[row]
    held = near_form(query) in near_form(judged.documents[int(first[row])])
    return held and int(windows_of([query]).sizes[0]) >= LEAST
