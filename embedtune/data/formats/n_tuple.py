"""n-tuple: {anchor, positive, negative_1 ... negative_n, scores}, as in sentence-transformers.

`scores` is [score of the positive, scores of the negatives...]. Queries with too few negatives are left out: readers
of this format need every column filled.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined

NEEDS = None


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    numbered = {f"negative_{number}": "text" for number in range(1, negatives + 1)}
    return {"anchor": "text", "positive": "text", **numbered, "scores": "numbers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record per positive."""
    numbered = {f"negative_{number}": text for number, text in enumerate(mined.negatives, start=1)}
    for positive, score in zip(mined.positives, mined.positive_scores, strict=True):
        scores = [score, *mined.negative_scores]
        yield {"anchor": mined.anchor, "positive": positive, **numbered, "scores": scores}
