"""Which columns were probably meant, for a command that a person confirms by giving it. Nothing is read by a guess."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from embedtune.data.sources.columns import Roles
from embedtune.data.sources.layouts.column_words import KOREAN, spellings

_SHORT = {
    "q": "question",
    "ques": "question",
    "request": "question",
    "prompt": "query",
    "search": "query",
    "a": "answer",
    "ans": "answer",
    "response": "answer",
    "reply": "answer",
    "doc": "document",
    "description": "document",
    "body": "document",
    "content": "document",
    "회신": "answer",
    "답글": "answer",
    "요청": "question",
}
"""Words in the names of columns that alone would not decide a role."""
_SHORTEST_TEXT = 6  # characters, on average; shorter are codes and categories
_APART = 2.0  # how many times longer than the third column the two of a pair must be


def guessed_columns(
    missing: Sequence[str], roles: Roles, free: Sequence[str], records: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Role -> column for the roles that no column plays by its name; empty where there is no good guess.

    Args:
        missing: the roles, in the order of their format.
        roles: role -> usual names.
        free: the columns without a role.
        records: some of the table's rows.

    >>> roles = {"anchor": ("query", "question"), "positive": ("answer", "document")}
    >>> guessed_columns(("anchor", "positive"), roles, ["id", "Customer question", "Agent answer"], [])
    {'anchor': 'Customer question', 'positive': 'Agent answer'}
    """
    by_word = {role: [column for column in free if words_of(column) & set(roles[role])] for role in missing}
    found = {role: columns[0] for role, columns in by_word.items() if len(columns) == 1}
    if len(found) == len(missing) == len(set(found.values())):
        return found
    return _by_length(missing, free, records)


def words_of(column: str) -> set[str]:
    """The words of a column's name as usual names, Korean ones also where they are joined to others.

    >>> sorted(words_of("customerQuestion_text")), sorted(words_of("질문내용"))
    (['customer', 'question', 'text'], ['question', 'text'])
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    plain = {one for word in re.split(r"[\W_]+", apart) if word for one in spellings(word)}
    korean = {english for word, english in KOREAN.items() if len(word) > 1 and word in column}
    inside = plain if not korean else {word for word in plain if word.isascii()}
    return {_SHORT.get(word, word) for word in inside} | korean


def _by_length(missing: Sequence[str], free: Sequence[str], records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The columns of the longest texts; of two, the shorter ones are asked and the longer ones answer."""
    lengths = {column: _mean_length([record.get(column) for record in records]) for column in free}
    texts = sorted((column for column in free if lengths[column]), key=lambda column: -lengths[column])
    wanted = texts[: len(missing)]
    rest = [lengths[column] for column in texts[len(missing) :]]
    if len(wanted) < len(missing) or (rest and lengths[wanted[-1]] < _APART * max(rest)):
        return {}
    return dict(zip(missing, sorted(wanted, key=lambda column: lengths[column]), strict=True))


def _mean_length(values: Sequence[Any]) -> float:
    """The mean length of texts; 0 for anything else, such as numbers, dates, codes, and a few categories."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if len(texts) < 0.5 * len(values) or not texts or len(set(texts)) < 0.3 * len(texts):
        return 0.0
    worded = sum(bool(re.search(r"[^\W\d_]{2}", text)) for text in texts) > 0.8 * len(texts)
    mean = fmean(map(len, texts))
    return mean if worded and mean >= _SHORTEST_TEXT else 0.0
