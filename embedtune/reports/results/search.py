"""What a search finds."""

from collections.abc import Mapping
from dataclasses import dataclass

from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class FoundDocument:
    """A document found for a query; `others` says at which rank the other systems have it, None where they do not."""

    rank: int
    score: float
    document: str
    text: str
    others: Mapping[str, int | None]


@dataclass(frozen=True)
class SearchAnswer(VerbResult):
    """What each system found for one query, best first."""

    query: str
    results: Mapping[str, tuple[FoundDocument, ...]]


@dataclass(frozen=True)
class SearchResult(VerbResult):
    """The outcome of `embedtune search`; the field names are the `--json` keys and do not change.

    Args:
        data: what was searched, in words.
        models: the systems, in order.
        top: documents shown per system.
        queries: each with what every system found.
    """

    data: str
    models: tuple[str, ...]
    top: int
    queries: tuple[SearchAnswer, ...]
