"""What a cross-encoder learns to put below the positives: the rows' own negatives, or the nearest documents."""

from collections.abc import Sequence

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.errors import DataError
from embedtune.findings import counted
from embedtune.identity import text_ids
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.training.reranker.lists import CandidateLists, candidate_lists
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.preparing.near_negatives import near_documents, right_answers


def lists_to_learn(
    config: TrainConfig, data: TrainingData, encoder: Encoder, store: VectorStore | None, talk: Talk
) -> CandidateLists:
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
    lists = candidate_lists(rows.anchors, rows.positives, negatives, section.negatives)
    if not lists.wrong:
        raise DataError(
            "there is no negative to learn from: every training document is a right answer",
            where=config.data.source,
            next="mine negatives from a larger corpus first (embedtune mine --corpus)",
        )
    talk.say(f"{counted(len(lists), 'pair')} and {counted(lists.wrong, 'negative')}: {said}")
    return lists


def _near_and_far(
    config: TrainConfig, rows: Rows, known: np.ndarray, encoder: Encoder, store: VectorStore | None, talk: Talk
) -> list[list[str]]:
    """For each row, training documents that are no known positive of its anchor: half of them near, half at random.

    Near ones alone hold too many unknown positives for a head that has to learn what a match is at all.
    """
    most, nearness = config.reranker.negatives, config.reranker.nearness
    draw = np.random.default_rng(config.training.seed)
    documents = list(dict.fromkeys(rows.positives))
    with talk.progress("finding negatives"):
        near = near_documents(rows, known, encoder, store, nearness)
    ids, right = text_ids(documents), right_answers(known)  # (C,)
    found = []
    for fit, identity in zip(near, rows.anchor_ids.tolist(), strict=True):
        taken = right.get(identity, set())
        some = draw.permutation(len(documents))[: most + len(taken)].tolist()
        far = [documents[place] for place in some if int(ids[place]) not in taken]
        found.append(list(dict.fromkeys([*fit[: (most + 1) // 2], *far, *fit]))[:most])
    return found
