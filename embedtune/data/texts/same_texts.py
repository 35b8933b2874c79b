"""Text ids by which texts of one normal form are one text: for splits, known positives and masks.

Each text gets the smallest id of the texts with its form. Where no two texts share a form, every id stays as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.data.rows import Rows
from embedtune.data.texts.normal_form import near_ids


@dataclass(frozen=True)
class SameTexts:
    """Texts and the id that each shares with those of the same form.

    Args:
        ids: (T,) text ids in ascending order.
        shared: (T,) the smallest id of the texts with the same form.
    """

    ids: np.ndarray
    shared: np.ndarray

    def of(self, ids: np.ndarray) -> np.ndarray:
        """The shared ids of these texts, of any shape; an id that is not known stays as it is."""
        if not len(self.ids):
            return ids
        place = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[place] == ids, self.shared[place], ids)


def same_texts(columns: Iterable[tuple[np.ndarray, Sequence[str]]]) -> SameTexts:
    """The shared ids of texts, given in columns of ids (n,) and texts.

    >>> same = same_texts([(np.array([7, 3, 5]), ["Yes!", "yes", "no"])])
    >>> same.of(np.array([3, 5, 7, 9])).tolist()
    [3, 5, 3, 9]
    """
    text_of: dict[int, str] = {}
    for ids, texts in columns:
        text_of.update(zip(ids.tolist(), texts, strict=True))
    known = np.array(sorted(text_of), dtype=np.int64)  # (T,)
    forms = near_ids(text_of[one] for one in known.tolist())  # (T,)
    _, first, of_form = np.unique(forms, return_index=True, return_inverse=True)
    return SameTexts(known, known[first][of_form])


def same_in(rows: Rows, *, negatives: bool = False) -> SameTexts:
    """The shared ids of anchors and positives, and of negatives where wanted."""
    columns = [(rows.anchor_ids, rows.anchors), (rows.positive_ids, rows.positives)]
    if negatives:
        columns += zip(rows.negative_ids, rows.negatives, strict=True)
    return same_texts(columns)
