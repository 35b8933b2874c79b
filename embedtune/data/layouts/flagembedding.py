"""flagembedding: {query, pos: [], neg: [], pos_scores: [], neg_scores: []}, one record a query."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.layouts import Mined

NEEDS = 1


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"query": "text", "pos": "texts", "neg": "texts", "pos_scores": "numbers", "neg_scores": "numbers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record, all positives in it."""
    yield {
        "query": mined.anchor,
        "pos": list(mined.positives),
        "neg": list(mined.negatives),
        "pos_scores": list(mined.positive_scores),
        "neg_scores": list(mined.negative_scores),
    }
