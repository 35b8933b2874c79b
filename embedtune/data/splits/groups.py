"""Splits that share no text: rows are divided by connected components, so that no test text is a training text.

Two rows belong together when they share an anchor or a positive, directly or through other rows; texts that differ only
in case, width, spacing or outer punctuation are one text. Or, where the user names a group column, when they share its
value. Groups are drawn by a hash of their smallest text id and the seed, so
that neither the order of rows, the machine nor the NumPy release changes the split.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from embedtune.data.rows import Rows
from embedtune.data.texts.same_texts import same_in
from embedtune.findings import Finding
from embedtune.identity import text_ids

HELD_OUT = 0.1  # share of the rows for dev, and the same for test
DEV_ROWS = 500  # enough to choose a model by; further rows serve training better


@dataclass(frozen=True)
class Groups:
    """Rows in groups that are never divided.

    Args:
        of_row: (rows,) the group number of each row.
        keys: (groups,) int64, one stable id per group.
    """

    of_row: np.ndarray
    keys: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """(groups,) number of rows in each."""
        return np.bincount(self.of_row, minlength=len(self.keys))


@dataclass(frozen=True)
class Division:
    """Row numbers of each part in ascending order, and the size of the largest group in rows."""

    train: list[int]
    held_out: Mapping[str, list[int]]
    largest: int

    @property
    def rows(self) -> int:
        """Number of rows in all parts."""
        return len(self.train) + sum(map(len, self.held_out.values()))


def draw(seed: int, key: int, purpose: str = "split") -> int:
    """A pseudo-random integer that depends on its arguments alone."""
    return int.from_bytes(hashlib.blake2b(f"{purpose}:{seed}:{key}".encode(), digest_size=8).digest(), "big")


def groups_of(rows: Rows) -> Groups:
    """The groups given by the user's column, or else the components of shared texts."""
    if rows.groups is not None:
        return groups_by(rows.groups)
    same = same_in(rows)
    return components(same.of(rows.anchor_ids), same.of(rows.positive_ids))


def groups_by(values: Sequence[str]) -> Groups:
    """The groups of rows that share a value."""
    keys, of_row = np.unique(text_ids(values), return_inverse=True)
    return Groups(of_row, keys)


def components(anchor_ids: np.ndarray, positive_ids: np.ndarray) -> Groups:
    """Components of the graph whose nodes are texts and whose edges are rows; the key is the smallest text id.

    >>> components(np.array([1, 2, 9]), np.array([5, 5, 7])).of_row.tolist()
    [0, 0, 1]
    """
    nodes, label = text_components(anchor_ids, positive_ids)
    # Nodes are sorted, so the first node of a label is the smallest id of its component.
    _, first = np.unique(label, return_index=True)
    return Groups(label[np.searchsorted(nodes, anchor_ids)], nodes[first])


def text_components(anchor_ids: np.ndarray, positive_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct text ids in ascending order, and the component of each: (T,), (T,)."""
    nodes, ends = np.unique(np.concatenate([anchor_ids, positive_ids]), return_inverse=True)
    starts, stops = ends[: len(anchor_ids)], ends[len(anchor_ids) :]
    graph = coo_array((np.ones(len(starts), np.int8), (starts, stops)), shape=(len(nodes), len(nodes)))
    _, label = connected_components(graph, directed=False)
    return nodes, label


def rows_left(rows: int, parts: Sequence[str]) -> int:
    """About how many rows stay in train when these parts are held out of them; exact where no two rows share a text.

    >>> rows_left(300, ("test", "dev")), rows_left(300, ("dev",)), rows_left(20_000, ("dev",)), rows_left(300, ())
    (240, 270, 19500, 300)
    """
    most = DEV_ROWS if tuple(parts) == ("dev",) else rows
    return max(min(rows, 2), rows - len(parts) * min(max(1, round(rows * HELD_OUT)), most))


def divide(groups: Groups, seed: int, parts: Sequence[str] = ("test", "dev"), most: int | None = None) -> Division:
    """Hold out about `HELD_OUT` of the rows for each part, in complete groups.

    The largest group stays in train, and train keeps at least two rows; in small data each part gets one group while
    there are enough. Bounds: a part misses its share by less than the largest group outside train.

    Args:
        groups: the rows' groups.
        seed: decides which groups are drawn.
        parts: names of the parts to hold out, the most wanted first.
        most: the most rows that a part needs. It is then filled from small groups first, so that training does not lose
            a large topic to a dev set.
    """
    sizes = groups.sizes
    share = HELD_OUT if most is None else min(HELD_OUT, most / int(sizes.sum()))
    large = share * int(sizes.sum()) / 10 if most is not None else np.inf
    order = sorted(range(len(sizes)), key=lambda g: (sizes[g] > large, draw(seed, int(groups.keys[g]))))
    chosen = _fill(sizes, order, parts, share)
    part_of_row = np.array([chosen.get(g, "") for g in range(len(sizes))])[groups.of_row]
    held_out = {part: np.flatnonzero(part_of_row == part).tolist() for part in parts}
    train = np.flatnonzero(part_of_row == "").tolist()
    return Division(train, held_out, int(sizes.max()))


def _fill(sizes: np.ndarray, order: Sequence[int], parts: Sequence[str], share: float) -> dict[int, str]:
    """Group number -> the part it goes to; groups not named stay in train."""
    total = int(sizes.sum())
    largest = max(order, key=lambda g: int(sizes[g]))
    free = max(0, min(total - int(sizes[largest]), total - 2))
    goals: dict[str, int] = {}
    for left, part in zip(range(len(parts), 0, -1), parts, strict=True):
        # Where one group has nearly all rows, the parts share the rest evenly.
        goals[part] = min(max(1, round(total * share)), -(-free // left))
        free -= goals[part]
    chosen: dict[int, str] = {}
    filled = dict.fromkeys(parts, 0)
    for group in order:
        if group == largest:
            continue
        for part in parts:
            # Taken when that brings the part closer to its goal.
            if int(sizes[group]) <= 2 * (goals[part] - filled[part]):
                chosen[group] = part
                filled[part] += int(sizes[group])
                break
    for part in parts:
        spare = [group for group in order if group != largest and group not in chosen]
        if goals[part] and not filled[part] and spare:
            chosen[min(spare, key=lambda g: int(sizes[g]))] = part
    return chosen


def kept_together(division: Division, forms: np.ndarray) -> Division:
    """The division with rows of the same form (rows,) in one part: the first of the held-out parts that has any."""
    part_of: dict[int, str] = {}
    for part, rows in division.held_out.items():
        for form in forms[rows].tolist():
            part_of.setdefault(form, part)
    parts: dict[str, list[int]] = {part: [] for part in ("", *division.held_out)}
    for row in range(division.rows):
        parts[part_of.get(int(forms[row]), "")].append(row)
    return Division(parts.pop(""), parts, division.largest)


def group_findings(division: Division, by_column: bool) -> list[Finding]:
    """What the user should know about how the rows are connected."""
    what = "share one group" if by_column else "are connected through shared texts"
    if not any(division.held_out.values()):
        message = f"the rows {what} or are too few, so no dev or test queries can be held out."
        fix = "Provide separate test queries (--eval-data), or a column to group by (--group)."
        return [Finding("cannot-split", "warning", len(division.train), message, fix)]
    if division.largest > division.rows / 2:
        message = (
            f"{division.largest / division.rows:.0%} of the rows {what}; they all stay in train, "
            "and the held-out queries come from the rest, which may differ in kind."
        )
        fix = "Look for an answer that many rows share, or name a column to group by (--group)."
        return [Finding("giant-group", "warning", division.largest, message, fix)]
    return []
