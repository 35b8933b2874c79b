"""labelled-pair: {sentence1, sentence2, label}, 1 for a positive and 0 for a negative, for pairwise classifiers.

The columns are named so that `embedtune train` uses the pairs with label 1 and leaves the others out; `text` and
`label` would be read as texts in two classes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from embedtune.data.formats import Mined

NEEDS = 0


def fields(negatives: int) -> Mapping[str, str]:
    """Field name -> kind."""
    return {"sentence1": "text", "sentence2": "text", "label": "integer"}


def records(mined: Mined) -> Iterator[dict[str, Any]]:
    """The positives of the query, then its negatives, each once."""
    for label, texts in ((1, mined.positives), (0, mined.negatives)):
        for text in texts:
            yield {"sentence1": mined.anchor, "sentence2": text, "label": label}
