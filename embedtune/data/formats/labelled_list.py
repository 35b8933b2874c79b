"""labelled-list: {anchor, documents: [...], labels: [1, 0, ...]}, for listwise rankers; embedtune does not read it."""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined

NEEDS = 1


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"anchor": "text", "documents": "texts", "labels": "integers"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """One record per positive: the positive, then all negatives."""
    for positive in mined.positives:
        documents, labels = [positive, *mined.negatives], [1] + [0] * len(mined.negatives)
        yield {"anchor": mined.anchor, "documents": documents, "labels": labels}
