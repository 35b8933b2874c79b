"""triplet: {anchor, positive, negative, scores}, as in sentence-transformers.

`scores` is [score of the positive, score of the negative].
"""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined

NEEDS = 1


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"anchor": "text", "positive": "text", "negative": "text", "scores": "numbers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record per positive and negative."""
    for positive, score in zip(mined.positives, mined.positive_scores, strict=True):
        for negative, other in zip(mined.negatives, mined.negative_scores, strict=True):
            yield {"anchor": mined.anchor, "positive": positive, "negative": negative, "scores": [score, other]}
