"""What is kept of a domain, to be learned again with the domains after it (replay)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Literal

import numpy as np

from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.data.sets.several import joined_rows

Choice = Literal["reservoir", "balanced"]


def kept_rows(rows: Rows, count: int, choice: Choice, seed: Sequence[int]) -> Rows:
    """So many rows of a domain, in their order; all where there are not more.

    Source: Vitter 1985: a reservoir is a sample without replacement, which is drawn at once here, since all rows of the
    domain are known. `balanced` takes rows of each class in turn (Chaudhry et al. 2019, arXiv:1902.10486, the ring
    buffer); rows without classes count as those of their positive.

    >>> rows = Rows(["a", "b", "c", "d"], ["x"] * 4, labels=["1", "1", "1", "2"])
    >>> kept_rows(rows, 2, "balanced", [0]).labels
    ['1', '2']
    """
    if count >= len(rows):
        return rows
    order = np.random.default_rng(list(seed)).permutation(len(rows)).tolist()
    if choice == "balanced":
        order = _in_turn(order, rows.labels or rows.positive_ids.tolist())
    return rows.take(sorted(order[:count]))


def _in_turn(order: Sequence[int], classes: Sequence[object]) -> list[int]:
    """Row numbers, one of each class after the other, as often as there are any."""
    members: dict[object, list[int]] = {}
    for row in order:
        members.setdefault(classes[row], []).append(row)
    return [row for row in chain.from_iterable(zip_longest(*members.values())) if row is not None]


def with_replay(data: TrainingData, kept: Sequence[Rows], share: float, known: np.ndarray) -> TrainingData:
    """The data of a domain, its rows joined by those that were kept of the domains before it.

    Kept rows are ordinary rows: known positives, classes and the guide hold for them as for all others.

    Args:
        data: of the domain.
        kept: of each domain before it.
        share: of a batch that comes from kept rows.
        known: (P, 2) known positives of the whole run.
    """
    if not any(map(len, kept)):
        return data
    parts = [data.train, *kept]
    rows = joined_rows(parts)
    rows = replace(rows, sources=[0] * len(data.train) + [1] * (len(rows) - len(data.train)))
    if all(one.labels is not None for one in parts):
        rows = replace(rows, labels=[label for one in parts for label in one.labels or ()])  # one class in all domains
    return replace(data, train=rows, known_positives=known_of(rows, known), replay_share=share)


def known_of(rows: Rows, known: np.ndarray) -> np.ndarray:
    """(P, 2) int64 pairs of text ids (anchor, positive) that belong together: these rows, and what is known of their
    anchors besides, such as every description of the class of a signal."""
    own = np.stack([rows.anchor_ids, rows.positive_ids], axis=1)  # (R, 2)
    return np.unique(np.concatenate([own, known[np.isin(known[:, 0], rows.anchor_ids)]]), axis=0)
