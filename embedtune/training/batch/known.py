"""Which texts of a batch are known positives of its rows: looked up per batch, among the texts that are in it.

A list for all rows would grow with the square of a frequent question's positives, or of a large group's members.
"""

import numpy as np
import torch
from torch import Tensor

from embedtune.data.splits.closure import Closure
from embedtune.losses.shared.identity import match


class DirectPositives:
    """Positives that form a pair with the anchor, given as (P, 2) int64: anchor text id and positive text id."""

    def __init__(self, pairs: np.ndarray) -> None:
        known = np.unique(pairs.reshape(-1, 2), axis=0)
        self._anchors = torch.from_numpy(known[:, 0].copy())  # (P,)
        self._positives = torch.from_numpy(known[:, 1].copy())  # (P,)

    def pairs(self, anchors: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """Where a candidate (C,) is a known positive of an anchor (B,): positions of anchors, and candidate ids."""
        asked = anchors.unique()
        first = torch.searchsorted(self._anchors, asked)
        counts = torch.searchsorted(self._anchors, asked, right=True) - first
        starts = (first - counts.cumsum(0) + counts).repeat_interleave(counts)  # (X,)
        of_asked = starts + torch.arange(len(starts))  # (X,) places among all pairs
        here = of_asked[torch.isin(self._positives[of_asked], candidates)]
        row, pair = match(torch.arange(len(anchors)), anchors, self._anchors[here])
        return row, self._positives[here][pair]


class ClosurePositives:
    """Positives that a chain of pairs connects with the anchor."""

    def __init__(self, closure: Closure) -> None:
        self._closure = closure

    def pairs(self, anchors: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
        """The same, for candidates in the same group of linked texts as the anchor."""
        candidates = candidates.unique()
        groups = torch.from_numpy(self._closure.group_of(candidates.numpy()))
        candidates, groups = candidates[groups >= 0], groups[groups >= 0]
        own = torch.from_numpy(self._closure.group_of(anchors.numpy()))
        row, place = match(torch.arange(len(anchors)), own, groups)
        return row, candidates[place]
