"""Vectors averaged over links and learned from them, against loops and torch-geometric's values, as recorded."""

import numpy as np
import pytest
import torch

from embedtune.clustering.graphs.links import link_graph
from embedtune.clustering.nodes.infomax import as_sparse, infomax_loss, learned
from embedtune.clustering.nodes.smoothing import gcn_adjacency, mean_adjacency, smoothed


def test_adjacencies(reference, graph_of):
    for name, build in (("gcn_adjacency", gcn_adjacency), ("mean_adjacency", mean_adjacency)):
        case = reference(f"message_passing/{name}")
        found = build(graph_of(case.inputs)).toarray()
        np.testing.assert_allclose(found, case.expected["matrix"], rtol=1e-9, atol=1e-10)


def test_a_restart_of_one_changes_nothing_and_copies_stay_apart_from_strangers():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1.0]], dtype=np.float32)
    graph, _ = link_graph(3, [(0, 1)])
    np.testing.assert_allclose(smoothed(vectors, graph, restart=1.0), vectors, atol=1e-6)
    moved = smoothed(vectors, graph)
    assert moved[0] @ moved[1] > vectors[0] @ vectors[1]
    np.testing.assert_allclose(moved[2], vectors[2], atol=1e-6)  # no link, no change


def test_the_loss_of_deep_graph_infomax_and_its_gradients(reference):
    case = reference("dgi/loss_and_gradients")
    given = case.inputs
    count = len(given["features"])
    dense = np.zeros((count, count))
    for one, other in given["edges"]:
        dense[one, other] = dense[other, one] = 1
    from scipy.sparse import csr_array

    adjacency = as_sparse(gcn_adjacency(csr_array(dense)), double=True)
    names = ("gcn_weight_out_in", "gcn_bias", "prelu", "bilinear", "bilinear_bias")
    weights = [torch.tensor(np.atleast_1d(given[name]), requires_grad=True) for name in names]
    features = torch.tensor(given["features"], dtype=torch.float64)
    loss, nodes = infomax_loss(weights, adjacency, features, torch.tensor(given["permutation"]))
    loss.backward()
    np.testing.assert_allclose(nodes.detach().numpy(), case.expected["embeddings"], rtol=1e-9, atol=1e-10)
    assert loss.item() == pytest.approx(case.expected["loss"], rel=1e-9)
    expected = case.expected.get("gradients", {})
    for name, weight in zip(names, weights, strict=True):
        if name in expected:
            np.testing.assert_allclose(weight.grad.numpy(), np.atleast_1d(expected[name]), rtol=1e-8, atol=1e-9)


def test_the_same_seed_learns_the_same():
    draw = np.random.default_rng(0)
    graph, _ = link_graph(12, [(one, (one + 1) % 6 + 6 * (one // 6)) for one in range(12)])
    vectors = draw.standard_normal((12, 5)).astype(np.float32)
    one, other = (learned(vectors, graph, seed=2, epochs=5) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)
