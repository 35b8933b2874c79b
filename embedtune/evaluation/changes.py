"""Queries that changed between two systems, with the documents that changed places."""

from collections.abc import Mapping
from dataclasses import dataclass

DOCUMENTS = 4
"""How many documents of a query are shown."""
TEXT = 600
"""How many characters of a document are kept."""
_RELEVANT = 2

Places = Mapping[str, int]
"""Document -> rank, from 1."""


@dataclass(frozen=True)
class PlacedDocument:
    """Where a document is in two rankings.

    Args:
        document: its id.
        text: its beginning; None where that is not known.
        grade: its relevance to the query; None where it is not known.
        rank_a, rank_b: from 1; None where the ranking does not hold it.
    """

    document: str
    text: str | None
    grade: int | None
    rank_a: int | None
    rank_b: int | None


@dataclass(frozen=True)
class Change:
    """What two systems scored on one query.

    Args:
        query: its id.
        text: None where it is not known.
        a, b: the score of each.
        documents: those that changed places.
    """

    query: str
    text: str | None
    a: float
    b: float
    documents: tuple[PlacedDocument, ...] = ()


def changed_places(
    places_a: Places, places_b: Places, grades: Mapping[str, int] | None, texts: Mapping[str, str]
) -> tuple[PlacedDocument, ...]:
    """The documents whose moves explain a change: relevant ones, and wrong ones that were above them.

    A move is measured by the change of 1 / rank, so that one from 1 to 2 outweighs one from 50 to 100.

    Args:
        places_a: of the documents ranked by A.
        places_b: of those ranked by B.
        grades: of the judged documents; None where they are not known: then any document may be shown.
        texts: of documents, as far as they are known.

    >>> [one.document for one in changed_places({"wrong": 1, "right": 2}, {"right": 1, "other": 2}, {"right": 1}, {})]
    ['right', 'wrong']
    """
    moves = {d: abs(_weight(places_a.get(d)) - _weight(places_b.get(d))) for d in {**places_a, **places_b}}
    moved = sorted((d for d, move in moves.items() if move > 0), key=lambda d: (-moves[d], d))
    if grades is None:
        shown = moved[:DOCUMENTS]
    else:
        relevant = [d for d in moved if grades.get(d, 0) > 0]
        wrong = _above(moved, places_a, relevant) | _above(moved, places_b, relevant)
        shown = relevant[:_RELEVANT]
        shown += [d for d in moved if d in wrong][: DOCUMENTS - len(shown)]
    return tuple(
        PlacedDocument(
            document,
            texts[document][:TEXT] if document in texts else None,
            None if grades is None else grades.get(document, 0),
            places_a.get(document),
            places_b.get(document),
        )
        for document in shown
    )


def _weight(rank: int | None) -> float:
    return 1 / rank if rank else 0.0


def _above(documents: list[str], places: Places, relevant: list[str]) -> set[str]:
    """The documents that rank above all relevant ones."""
    best = min((places[d] for d in relevant if d in places), default=len(places) + 1)
    return {d for d in documents if d not in relevant and places.get(d, best) < best}
