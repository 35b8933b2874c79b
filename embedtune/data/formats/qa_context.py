"""Reading comprehension as in SQuAD: {question, context, answers}; the context is what a search has to find.

With one `answer` in place of `answers`, people mean either; so they are asked.
"""

from collections.abc import Sequence
from typing import Any

from embedtune.data.formats import Part
from embedtune.data.formats.shared.cells import cells_of
from embedtune.data.formats.shared.rowlist import RowList
from embedtune.data.sources.columns import Columns
from embedtune.data.sources.layouts.column_words import spellings
from embedtune.data.sources.problems import SHOWN
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import Finding, counted

UNIT = "questions with contexts and answers"
ROLES = {
    "anchor": ("anchor", "query", "question"),
    "positive": ("context", "passage"),
    "answers": ("answers", "answer"),
    "title": ("title",),
}
REQUIRED = ("anchor", "positive", "answers")


def read(table: RecordTable, columns: Columns) -> Part:
    """One row per record: the question and its context, whose title is left out, as it often names the answer.

    A question with an empty list of answers is one that its context does not answer (SQuAD 2), and is left out.

    Raises:
        DataError: it is not said whether the answer or the context is the positive.
    """
    answers, context = columns.one("answers"), columns.one("positive")
    if "answers" not in spellings(answers) and "positive" not in columns.chosen:
        raise table.problems.stop(
            table.name,
            f"{answers!r} and {context!r} could both be the positive of {columns.one('anchor')!r}",
            hint=f"name it: --columns positive={context} to find contexts, or --columns positive={answers}",
        )
    rows, unanswered = RowList(columns), list[str]()
    for cells in cells_of(table, columns):
        if _is_unanswered(cells.value("answers")):
            unanswered.append(cells.place)
        else:
            rows.append(cells.place, cells.text("anchor"), cells.text("positive"), group=cells.group)
    said = (
        f"{table.name}: {context!r} is the positive of {columns.one('anchor')!r}; {answers!r} is not learned "
        f"(to learn it: --columns positive={answers})"
    )
    return Part(rows.build(), "pairs of questions and contexts", (said,), _left_out(unanswered))


def _is_unanswered(answers: Any) -> bool:
    texts = answers.get("text", [None]) if isinstance(answers, dict) else answers
    return isinstance(texts, list) and not texts


def _left_out(places: Sequence[str]) -> tuple[Finding, ...]:
    if not places:
        return ()
    message = f"{counted(len(places), 'question')} without an answer in the context left out."
    return (Finding("unanswered-questions", "note", len(places), message, examples=tuple(places[:SHOWN])),)
