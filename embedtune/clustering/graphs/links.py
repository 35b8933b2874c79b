"""Links between items as a graph: the directions of a link are one edge, repeated links weigh more."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class LinkCounts:
    """What was made of links.

    Args:
        edges: pairs of items that are linked, in either direction.
        repeated: links beyond the first of a pair in one direction.
        loops: links from an item to itself, left out.
        isolated: items without a link.
        pieces: connected pieces, items without a link included.
    """

    edges: int
    repeated: int
    loops: int
    isolated: int
    pieces: int


def link_graph(count: int, links: Iterable[tuple[int, int]]) -> tuple["csr_array", LinkCounts]:
    """A symmetric graph of items without loops; a pair with n links has the weight log2(1 + n).

    Args:
        count: items.
        links: their numbers, (source, target).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(links), dtype=np.int64).reshape(-1, 2)  # (links, 2)
    loops = pairs[:, 0] == pairs[:, 1]
    repeated = int((~loops).sum()) - len(np.unique(pairs[~loops], axis=0))
    low, high = np.sort(pairs[~loops], axis=1).T
    one_way = csr_array((np.ones(len(low)), (low, high)), shape=(count, count))
    one_way.sum_duplicates()
    one_way.data = np.log2(1 + one_way.data)
    graph = csr_array(one_way + one_way.T)
    graph.sort_indices()
    isolated = int((np.diff(graph.indptr) == 0).sum())
    pieces = int(connected_components(graph, directed=False)[0])
    return graph, LinkCounts(one_way.nnz, repeated, int(loops.sum()), isolated, pieces)
