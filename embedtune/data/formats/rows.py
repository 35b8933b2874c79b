"""rows: a pair with its negatives in a list, and scores; the default, and the fullest that `embedtune train` reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined

NEEDS = 0
PROVENANCE = "provenance"


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {
        "anchor": "text",
        "positive": "text",
        "negatives": "texts",
        "positive_score": "number",
        "negative_scores": "numbers",
        PROVENANCE: "facts",
    }


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record per positive; a query with fewer negatives has a shorter list."""
    for positive, score in zip(mined.positives, mined.positive_scores, strict=True):
        yield {
            "anchor": mined.anchor,
            "positive": positive,
            "negatives": list(mined.negatives),
            "positive_score": score,
            "negative_scores": list(mined.negative_scores),
            PROVENANCE: dict(mined.provenance),
        }
