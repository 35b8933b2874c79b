"""What a score answers, as short marks: which text was asked, what is relevant to it, and which documents were ranked.

Scores of two systems can be compared only where both answered the same question. Marks depend on texts and grades,
never on ids or on the order of files, so one set read from two places has the same marks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.identity import normalise

_BYTES = 8
_WHOLE = 2 ** (8 * _BYTES)


@dataclass(frozen=True)
class Questions:
    """The marks of a judged set.

    Args:
        queries: one mark per query, of its text and what is relevant to it.
        candidates: the number of documents and the mark of all of them, such as "300:0f3c...".
    """

    queries: Sequence[str]
    candidates: str

    def of(self, place: int) -> dict[str, str]:
        """What a line of values per query says of the query with this number."""
        return {"question": self.queries[place], "candidates": self.candidates}


def questions_of(judged: JudgedSet) -> Questions:
    """The marks of a retrieval set."""
    count = len(judged.documents)
    relevant: list[list[str]] = [[] for _ in judged.query_ids]
    for pair, grade in zip(judged.pairs.tolist(), judged.grades.tolist(), strict=True):
        if grade > 0:
            relevant[pair // count].append(f"{grade} {_mark(judged.documents[pair % count]):x}")
    grades = [sorted(own[own > 0].tolist()) for own in judged.judged]  # those of documents outside the corpus too
    marks = [
        _hex(_mark("\n".join([text, str(own), *sorted(found)])))
        for text, own, found in zip(judged.queries, grades, relevant, strict=True)
    ]
    return Questions(marks, candidates_mark(judged.documents))


def questions_of_items(texts: Sequence[str], expected: Sequence[object], documents: Iterable[str]) -> Questions:
    """The marks of items that are scored one by one, with what people said of each where that is known."""
    said = [str(one) for one in expected] or [""] * len(texts)
    marks = [_hex(_mark(f"{text}\n{own}")) for text, own in zip(texts, said, strict=True)]
    return Questions(marks, candidates_mark(documents))


def candidates_mark(documents: Iterable[str]) -> str:
    """How many documents there are, and a mark of all of them in any order.

    >>> candidates_mark(["a", "b"]) == candidates_mark(["b", " a"]), candidates_mark(["a"]) == candidates_mark(["A"])
    (True, False)
    """
    count, total = 0, 0
    for text in documents:
        count, total = count + 1, (total + _mark(text)) % _WHOLE
    return f"{count}:{_hex(total)}"


def _mark(text: str) -> int:
    """The mark of a text, without spaces at its ends and with single ones within."""
    data = normalise(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=_BYTES).digest(), "little")


def _hex(mark: int) -> str:
    return f"{mark:0{2 * _BYTES}x}"
