"""Choices among descriptions, scored: the accuracy that chooses a model on dev, and the set that the verdict is on."""

import numpy as np

from embedtune.data.sets.choices import Choices
from embedtune.evaluation.tasks.candidates import CandidateSet
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.search.pairwise import pair_scores


def candidates_of(choices: Choices) -> CandidateSet:
    """The choices as items that are scored one by one; those of one group count as one in tests."""
    groups = QueryGroups.by(choices.column, choices.groups) if choices.groups else None
    return CandidateSet.of(choices.queries, choices.labels, choices.wordings, groups=groups)


def right(encoder: Encoder, items: CandidateSet, *, learns: bool = False) -> dict[str, np.ndarray]:
    """Whether each query has the nearest description in its own class, or among the nearest few: name -> (n,)."""
    queries = encode(encoder, items.queries, role="query", learns=learns)  # (n, D)
    documents = encode(encoder, items.documents, role="document", learns=learns)  # (W, D)
    return items.values(pair_scores(queries, documents, items.positions))


def accuracy(encoder: Encoder, choices: Choices) -> float:
    """The share of queries whose own class has the nearest description, while the encoder learns."""
    return float(right(encoder, candidates_of(choices), learns=True)["accuracy"].mean())
