"""The training documents nearest to each anchor, as negatives: found by the encoder before it learns.

For a corpus of its own, several encoders, or a teacher's opinion there is `embedtune mine`, which writes them into a
file. These need no file, and cost one encoding of the training texts.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.findings import counted
from embedtune.identity import text_ids
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.search.dense import top_k
from embedtune.workflows.shared.talk import Talk

LOOKED_AT = 100
"""Nearest documents among which negatives are sought."""
NEARNESS = 0.95
"""Of the positive's score. A document that scores higher is often a right answer that the data do not know of."""


def with_near_negatives(
    config: TrainConfig, data: TrainingData, encoder: Encoder, store: VectorStore | None, talk: Talk
) -> TrainingData:
    """The data whose rows have as many negatives of their own as the recipe asks to find (`negatives.mined`)."""
    most = config.negatives.mined
    if not most:
        return data
    with talk.progress("finding negatives"):
        near = near_documents(data.train, data.known_positives, encoder, store, NEARNESS)
    rows = replace(data.train, negatives=[own[:most] for own in near])
    found = sum(map(len, rows.negatives))
    where = f"the nearest training documents that score at most {NEARNESS:.0%} of the positive"
    talk.say(f"{counted(found, 'negative')} found: {where}")
    return replace(data, train=rows)


def near_documents(
    rows: Rows, known: np.ndarray, encoder: Encoder, store: VectorStore | None, nearness: float
) -> list[Sequence[str]]:
    """For each row, the nearest documents that are no known positive of its anchor, the nearest first.

    Args:
        rows: the training rows.
        known: (P, 2) pairs (anchor text id, positive text id).
        encoder: that ranks.
        store: keeps its vectors.
        nearness: most score of a negative, as a share of that of the row's positive.
    """
    anchors, documents = (list(dict.fromkeys(texts)) for texts in (rows.anchors, rows.positives))
    queries = encode(encoder, anchors, role="query", store=store, normalise=True)  # (Q, D)
    vectors = encode(encoder, documents, role="document", store=store, normalise=True)  # (C, D)
    scores, places = top_k(queries, vectors, min(LOOKED_AT, len(documents)))  # (Q, K), (Q, K)
    ids = text_ids(documents)  # (C,)
    right = right_answers(known)
    row_of, column_of = ({text: number for number, text in enumerate(texts)} for texts in (anchors, documents))
    found: list[Sequence[str]] = []
    for anchor, positive, identity in zip(rows.anchors, rows.positives, rows.anchor_ids.tolist(), strict=True):
        query = row_of[anchor]
        limit = nearness * float(queries[query] @ vectors[column_of[positive]])
        taken = right.get(identity, set())
        near = zip(places[query].tolist(), scores[query].tolist(), strict=True)
        found.append([documents[place] for place, score in near if score <= limit and int(ids[place]) not in taken])
    return found


def right_answers(known: np.ndarray) -> dict[int, set[int]]:
    """Text id of an anchor -> ids of its known positives, and its own, from (P, 2) pairs of ids.

    >>> right_answers(np.array([[1, 5], [1, 6]]))
    {1: {1, 5, 6}}
    """
    right: dict[int, set[int]] = {}
    for anchor, positive in known.tolist():
        right.setdefault(anchor, {anchor}).add(positive)
    return right
