"""What a cross-encoder learns to put below the positives: the rows' own negatives, or the nearest documents."""

from collections.abc import Sequence

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.errors import DataError
from embedtune.findings import counted
from embedtune.identity import text_ids
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.search.dense import top_k
from embedtune.training.reranker.labelled import LabelledPairs, labelled
from embedtune.workflows.shared.talk import Talk

LOOKED_AT = 100
"""Nearest documents among which negatives are sought."""


def pairs_to_learn(
    config: TrainConfig, data: TrainingData, encoder: Encoder, store: VectorStore | None, talk: Talk
) -> LabelledPairs:
    """The training pairs, each with negatives of its own, or with those that the encoder finds.

    Raises:
        DataError: there is no text that could be a negative.
    """
    rows, section = data.train, config.reranker
    negatives: Sequence[Sequence[str]] = rows.negatives
    if rows.has_negatives:
        said = "the rows' own negatives"
    else:
        negatives = _near_and_far(config, rows, data.known_positives, encoder, store, talk)
        said = f"the nearest training documents that score at most {section.nearness:.0%} of the positive, and others"
    pairs = labelled(rows.anchors, rows.positives, negatives, section.negatives)
    found = len(pairs) - len(rows)
    if not found:
        raise DataError(
            "there is no negative to learn from: every training document is a right answer",
            where=config.data.source,
            next="mine negatives from a larger corpus first (embedtune mine --corpus)",
        )
    talk.say(f"{counted(len(rows), 'pair')} and {counted(found, 'negative')}: {said}")
    return pairs


def _near_and_far(
    config: TrainConfig, rows: Rows, known: np.ndarray, encoder: Encoder, store: VectorStore | None, talk: Talk
) -> list[list[str]]:
    """For each row, training documents that are no known positive of its anchor: half of them near, half at random.

    Near ones alone hold too many unknown positives for a head that has to learn what a match is at all.
    """
    most, nearness = config.reranker.negatives, config.reranker.nearness
    draw = np.random.default_rng(config.training.seed)
    documents = list(dict.fromkeys(rows.positives))
    anchors = list(dict.fromkeys(rows.anchors))
    with talk.progress("finding negatives"):
        queries = encode(encoder, anchors, role="query", store=store, normalise=True)  # (Q, D)
        vectors = encode(encoder, documents, role="document", store=store, normalise=True)  # (C, D)
        scores, places = top_k(queries, vectors, min(LOOKED_AT, len(documents)))  # (Q, K), (Q, K)
    ids = text_ids(documents)  # (C,)
    right: dict[int, set[int]] = {}
    for anchor, positive in known.tolist():
        right.setdefault(anchor, {anchor}).add(positive)
    row_of = {text: number for number, text in enumerate(anchors)}
    column_of = {text: number for number, text in enumerate(documents)}
    found = []
    for anchor, positive, identity in zip(rows.anchors, rows.positives, rows.anchor_ids.tolist(), strict=True):
        query = row_of[anchor]
        limit = nearness * float(queries[query] @ vectors[column_of[positive]])
        taken = right.get(identity, set())
        near = zip(places[query].tolist(), scores[query].tolist(), strict=True)
        fit = [documents[place] for place, score in near if score <= limit and int(ids[place]) not in taken]
        some = draw.permutation(len(documents))[: most + len(taken)].tolist()
        far = [documents[place] for place in some if int(ids[place]) not in taken]
        found.append(list(dict.fromkeys([*fit[: (most + 1) // 2], *far, *fit]))[:most])
    return found
