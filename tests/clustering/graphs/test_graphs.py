"""Modularity, cuts, Laplacians, neighbours and communities against networkx, scipy, loops and all partitions."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from embedtune.clustering.graphs.laplacian import normalised_laplacian, spectral_labels
from embedtune.clustering.graphs.links import link_graph
from embedtune.clustering.graphs.louvain import louvain, split_pieces
from embedtune.clustering.graphs.modularity import cuts, modularity
from embedtune.clustering.graphs.neighbours import joined, neighbours
from embedtune.clustering.measures.agreement import agreement

PARTITIONS = ["louvain_best_of_200", "greedy", "singletons", "one", "parity"]


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_modularity_of_the_karate_club(reference, graph_of, partition, gamma):
    case = reference(f"modularity/{partition}/gamma{gamma}")
    found = modularity(graph_of(case.inputs), np.array(case.partition), gamma)
    assert found == pytest.approx(case.expected["modularity"], rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("name", ["planted", "isolated_joined", "two", "shuffled"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_modularity_with_weights(reference, graph_of, name, gamma):
    case = reference(f"modularity_weighted/{name}")
    found = modularity(graph_of(case.inputs), np.array(case.partition), gamma)
    assert found == pytest.approx(case.expected[f"gamma{gamma}"], rel=1e-9, abs=1e-10)


def test_modularity_with_loops(reference, graph_of):
    case = reference("modularity_weighted/self_loops")
    graph = graph_of(case.inputs, [(int(one), weight) for one, weight in case.self_loops])
    assert modularity(graph, np.array(case.partition)) == pytest.approx(case.expected["modularity"], rel=1e-9)


def test_gain_of_a_move(reference, graph_of):
    case = reference("louvain/gain_of_a_move")
    graph, before = graph_of(case.inputs), np.array(case.partition)
    for move in case.expected["moves"]:
        after = before.copy()
        after[move["node"]] = move["to"]
        gain = modularity(graph, after) - modularity(graph, before)
        assert gain == pytest.approx(move["gain"], rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("name", ["planted", "two", "shuffled"])
def test_cuts(reference, graph_of, name):
    case = reference(f"cuts/{name}")
    found = cuts(graph_of(case.inputs), np.array(case.partition))._asdict()
    for key, value in case.expected.items():
        np.testing.assert_allclose(
            found["normalised_cut" if key == "normalised_cut" else key], value, rtol=1e-9, atol=1e-10, err_msg=key
        )


def test_louvain_reaches_the_best_of_all_partitions(reference, graph_of):
    case = reference("louvain/optimum")
    graph = graph_of(case.inputs)
    best = max(modularity(graph, louvain(graph, seed=seed)) for seed in range(20))
    assert best == pytest.approx(case.expected["highest_modularity"], abs=1e-9)


def test_louvain_on_the_karate_club(reference, graph_of):
    case = reference("louvain/quality")
    graph = graph_of(case.inputs)
    values = [modularity(graph, louvain(graph, seed=seed)) for seed in range(20)]
    assert min(values) >= case.expected["modularity_min"] - 1e-9
    assert max(values) >= 0.4188


def test_laplacian_eigenvalues(reference, graph_of):
    case = reference("laplacian/eigenvalues")
    found = np.linalg.eigvalsh(normalised_laplacian(graph_of(case.inputs)))
    np.testing.assert_allclose(found, case.expected["symmetric_normalised"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["rbf", "cosine01"])
def test_spectral_parts(reference, name):
    case = reference(f"spectral/{name}")
    affinity = csr_array(np.array(case.inputs["affinity"]))
    values = np.linalg.eigvalsh(normalised_laplacian(affinity))
    expected = case.expected["normalised_laplacian_smallest_eigenvalues"]
    np.testing.assert_allclose(values[: len(expected)], expected, atol=1e-9)
    assert agreement(case.expected["labels"], spectral_labels(affinity, 4)).ari == 1


def test_spectral_on_the_karate_club_and_a_graph_in_pieces(reference, graph_of):
    graph = graph_of(reference("louvain/quality").inputs)
    club = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0] + [1] * 12  # Zachary 1977
    assert agreement(club, spectral_labels(graph, 2)).ari >= 0.77
    alone = csr_array((graph.data, graph.indices, np.append(graph.indptr, [graph.indptr[-1]] * 3)), shape=(37, 34))
    alone.resize((37, 37))
    sizes = np.bincount(spectral_labels(alone, 2))
    assert sizes.min() > 10  # three nodes without an edge take no part for themselves


def test_spectral_parts_do_not_depend_on_how_eigenvectors_are_found(blobs):
    vectors, truth = blobs
    graph = joined(*neighbours(vectors, 10))
    assert agreement(truth, spectral_labels(graph, 12)).ari == 1


def test_nearest_neighbours(reference):
    case = reference("knn_graph/cosine_k3")
    points = np.array(case.inputs["X"])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    places, scores = neighbours(points, 3)
    for name, mutual in (("union", False), ("mutual", True)):
        found = joined(places, scores, mutual=mutual).toarray()
        np.testing.assert_allclose(found, case.expected[name], rtol=1e-6, atol=1e-7)


def test_copies_are_neighbours_of_each_other_and_not_of_themselves():
    vectors = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (9, 1))
    places, scores = neighbours(vectors, 3)
    assert not (places == np.arange(9)[:, None]).any()
    np.testing.assert_allclose(scores, 1)
    assert neighbours(vectors[:1], 3)[0].shape == (1, 0)


def test_every_community_is_connected():
    draw = np.random.default_rng(4)
    dense = np.triu(draw.random((60, 60)) < 0.06, 1).astype(float)
    graph = csr_array(dense + dense.T)
    for labels in (louvain(graph, 0.3), split_pieces(graph, np.zeros(60, dtype=np.int64))):
        for one in np.unique(labels):
            part = graph[labels == one][:, labels == one]
            assert connected_components(part, directed=False)[0] == 1
    before = np.zeros(60, dtype=np.int64)
    assert modularity(graph, split_pieces(graph, before)) >= modularity(graph, before)


def test_links_are_counted():
    graph, counts = link_graph(5, [(0, 1), (1, 0), (0, 1), (2, 2), (2, 3)])
    assert (counts.edges, counts.repeated, counts.loops, counts.isolated, counts.pieces) == (2, 1, 1, 1, 3)
    assert graph[1, 0] == graph[0, 1] == pytest.approx(2)
    assert graph[2, 2] == 0
