"""A graph in several pieces has as many parts as pieces, however alike these are."""

import numpy as np
import pytest
from scipy.sparse import block_diag, csr_array

from embedtune.clustering.graphs.laplacian import eigengap


@pytest.mark.parametrize("pieces", [3, 12, 20])
def test_equal_pieces_are_all_counted(pieces):
    clique = np.ones((25, 25)) - np.eye(25)
    graph = csr_array(block_diag([clique] * pieces))
    assert eigengap(graph, 30) == pieces


def test_a_piece_too_large_for_all_eigenvalues_counts_once():
    ring = csr_array(np.roll(np.eye(300), 1, axis=1) + np.roll(np.eye(300), -1, axis=1))
    clique = np.ones((25, 25)) - np.eye(25)
    graph = csr_array(block_diag([clique] * 4))
    both = csr_array(block_diag([graph, np.ones((300, 300)) - np.eye(300) + ring.toarray()]))
    assert eigengap(both, 12) == 5
