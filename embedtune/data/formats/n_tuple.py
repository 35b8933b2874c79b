"""n-tuple: {anchor, positive, negative_1 ... negative_n, scores}, as sentence-transformers has.

`scores` is [score of the positive, scores of the negatives...]. Queries short of negatives are left out: what reads
this layout wants every column filled.
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
    """One record a positive."""
    numbered = {f"negative_{number}": text for number, text in enumerate(mined.negatives, start=1)}
    for positive, score in zip(mined.positives, mined.positive_scores, strict=True):
        scores = [score, *mined.negative_scores]
        yield {"anchor": mined.anchor, "positive": positive, **numbered, "scores": scores}
