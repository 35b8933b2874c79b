"""Known positives by closure: texts connected by chains of pairs count as positives of each other.

Right for pairs made from classes (two questions of one intent); wrong where one document answers unrelated questions.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedtune.data.splits.groups import text_components
from embedtune.findings import Finding, counted

NEARLY_EVERYTHING = 0.5
"""Share of the texts in one group from which closure masks at least as much of every batch."""


@dataclass(frozen=True)
class Closure:
    """The groups of texts that pairs connect.

    Args:
        ids: (T,) text ids in ascending order.
        groups: (T,) the group number of each.
    """

    ids: np.ndarray
    groups: np.ndarray

    def group_of(self, text_ids: np.ndarray) -> np.ndarray:
        """The group of each of these texts (n,), -1 for one that is not in any pair."""
        place = np.minimum(np.searchsorted(self.ids, text_ids), len(self.ids) - 1)  # (n,)
        return np.where(self.ids[place] == text_ids, self.groups[place], -1)  # (n,)

    @cached_property
    def sizes(self) -> np.ndarray:
        """(groups,) number of texts in each."""
        return np.bincount(self.groups)

    @property
    def sentence(self) -> str:
        """The groups and their sizes, in a sentence."""
        largest = counted(int(self.sizes.max()), "text")
        return f"known positives by closure: {counted(len(self.sizes), 'group')}, the largest with {largest}"

    def findings(self) -> list[Finding]:
        """A warning where one group is so large that hardly any negative is left."""
        share = self.sizes.max() / len(self.ids)
        if share <= NEARLY_EVERYTHING:
            return []
        message = (
            f"chains of pairs connect {share:.0%} of the texts, and closure treats these as positives of each other."
        )
        return [Finding("closure-too-wide", "warning", int(self.sizes.max()), message, "Use --known-positives direct.")]


def closure_of(pairs: np.ndarray) -> Closure:
    """The closure of pairs (P, 2) of text ids, P > 0.

    >>> closure = closure_of(np.array([[1, 5], [2, 5], [9, 7]]))
    >>> closure.group_of(np.array([1, 2, 5, 9, 4])).tolist()
    [0, 0, 0, 1, -1]
    """
    return Closure(*text_components(pairs[:, 0], pairs[:, 1]))
