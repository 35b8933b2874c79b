"""tevatron: {query_id, query, positive_passages, negative_passages}, one record a query; {docid, title, text} each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedtune.data.layouts import Mined
from embedtune.data.splits.judged import key_of
from embedtune.identity import text_id

NEEDS = 1


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {
        "query_id": "text",
        "query": "text",
        "positive_passages": "passages",
        "negative_passages": "passages",
    }


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record, all positives in it. The layout has no place for scores."""
    yield {
        "query_id": key_of(text_id(mined.anchor)),
        "query": mined.anchor,
        "positive_passages": _passages(mined.positives),
        "negative_passages": _passages(mined.negatives),
    }


def _passages(texts: Sequence[str]) -> list[dict[str, str]]:
    # Known by text, so that one passage has one id on either side and in every file.
    return [{"docid": key_of(text_id(text)), "title": "", "text": text} for text in texts]
