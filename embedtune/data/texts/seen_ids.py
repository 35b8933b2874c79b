"""Which texts were seen before, in a few bytes each."""

import numpy as np


class SeenIds:
    """Ids with the number of their first appearance: 16 bytes per distinct id, where a dict takes 150."""

    def __init__(self) -> None:
        self._ids = np.empty(0, dtype=np.int64)  # (n,) sorted
        self._numbers = np.empty(0, dtype=np.int64)  # (n,)

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, ids: np.ndarray) -> np.ndarray:
        """The number of each id's (m,) first appearance, -1 for a new id: (m,)."""
        place = np.searchsorted(self._ids, ids)  # (m,)
        place[place == len(self._ids)] = 0
        if not len(self._ids):
            return np.full(len(ids), -1, dtype=np.int64)
        return np.where(self._ids[place] == ids, self._numbers[place], -1)

    def shared(self, other: "SeenIds") -> int:
        """The number of ids in both."""
        return len(np.intersect1d(self._ids, other._ids, assume_unique=True))

    def add(self, ids: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Add ids (m,) under these numbers (m,); returns the number of each id's first appearance: (m,)."""
        unique, first, inverse = np.unique(ids, return_index=True, return_inverse=True)  # (u,), (u,), (m,)
        known = self.find(unique)  # (u,)
        fresh = known < 0  # (u,)
        place = np.searchsorted(self._ids, unique[fresh])
        self._ids = np.insert(self._ids, place, unique[fresh])
        self._numbers = np.insert(self._numbers, place, numbers[first[fresh]])
        return np.where(fresh, numbers[first], known)[inverse]
