"""Deep Graph Infomax: vectors of nodes that a summary of the whole graph can tell from those of a shuffled graph.

Source: Velickovic et al. 2019, arXiv:1809.10341: one graph convolution, PReLU, the mean as the readout, a bilinear
score, the mean of 2 n logits. torch alone; torch-geometric would bring a dozen packages for this one file.
"""

from typing import TYPE_CHECKING

import numpy as np

from embedtune.clustering.nodes.smoothing import gcn_adjacency

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from torch import Tensor

WIDTH = 512
RATE = 1e-3
PATIENCE = 20
EPOCHS = 1000


def learned(vectors: np.ndarray, graph: "csr_array", *, seed: int = 0, epochs: int = EPOCHS) -> np.ndarray:
    """Vectors of nodes, of length 1: float32 (n, 512); those of the epoch with the lowest loss.

    Args:
        vectors: (n, D), what is known of each node without its links.
        graph: (n, n) symmetric weights.
        seed: of the first weights and the shuffles.
        epochs: at most; training ends after 20 that bring nothing.
    """
    import torch

    draw = torch.Generator().manual_seed(seed)
    features = torch.from_numpy(np.ascontiguousarray(vectors, dtype=np.float32))  # (n, D)
    adjacency = as_sparse(gcn_adjacency(graph))  # (n, n)
    weights = first_weights(features.shape[1], draw)
    optimiser = torch.optim.Adam(weights, lr=RATE)
    lowest, found, waited = float("inf"), features, 0
    for _ in range(epochs):
        order = torch.randperm(len(features), generator=draw)
        optimiser.zero_grad()
        loss, nodes = infomax_loss(weights, adjacency, features, order)
        if loss.item() < lowest:
            lowest, found, waited = loss.item(), nodes.detach().clone(), 0
        elif (waited := waited + 1) == PATIENCE:
            break
        loss.backward()
        optimiser.step()
    unit = torch.nn.functional.normalize(found, dim=1)  # (n, 512)
    return np.asarray(unit.numpy())


def first_weights(dimensions: int, draw: "object") -> "list[Tensor]":
    """What is learned: matrix (512, D) and bias of the convolution, slope of PReLU, bilinear form and its bias."""
    import torch

    def uniform(*shape: int, bound: float) -> "Tensor":
        return (torch.rand(*shape, generator=draw) * 2 - 1).mul_(bound)  # type: ignore[call-overload]

    matrix = uniform(WIDTH, dimensions, bound=(6 / (WIDTH + dimensions)) ** 0.5)
    form = uniform(WIDTH, WIDTH, bound=(6 / (WIDTH * WIDTH + WIDTH)) ** 0.5)  # Xavier of (1, 512, 512), as its authors
    weights = [matrix, torch.zeros(WIDTH), torch.full((1,), 0.25), form, torch.zeros(1)]
    return [weight.requires_grad_() for weight in weights]


def infomax_loss(
    weights: "list[Tensor]", adjacency: "Tensor", features: "Tensor", order: "Tensor"
) -> "tuple[Tensor, Tensor]":
    """The loss, a scalar, and the vectors of the nodes (n, H).

    Bounds: ln 2 when real and shuffled nodes score alike.

    Args:
        weights: as `first_weights` lists them.
        adjacency: (n, n), see `gcn_adjacency`.
        features: (n, D).
        order: (n,) which node's features each node of the shuffled graph gets.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    *layer, form, form_bias = weights
    real, shuffled = convolved(layer, adjacency, features), convolved(layer, adjacency, features[order])  # (n, H)
    summary = torch.sigmoid(real.mean(dim=0))  # (H,); the gradient flows through it
    logits = torch.cat([real, shuffled]) @ (form @ summary) + form_bias  # (2 n,)
    truth = torch.cat([torch.ones(len(real)), torch.zeros(len(shuffled))]).to(logits)  # (2 n,)
    return cross_entropy(logits, truth), real


def convolved(layer: "list[Tensor]", adjacency: "Tensor", features: "Tensor") -> "Tensor":
    """One graph convolution and PReLU: (n, H)."""
    import torch

    matrix, bias, slope = layer
    mixed = torch.sparse.mm(adjacency, features @ matrix.T) + bias  # (n, H)
    return torch.where(mixed >= 0, mixed, slope * mixed)


def as_sparse(graph: "csr_array", *, double: bool = False) -> "Tensor":
    """A sparse matrix for torch: float32, or float64."""
    import torch

    edges = graph.tocoo()
    places = torch.from_numpy(np.stack(edges.coords).astype(np.int64))  # (2, edges)
    values = torch.from_numpy(edges.data.astype(np.float64 if double else np.float32))
    return torch.sparse_coo_tensor(places, values, graph.shape, check_invariants=False).coalesce()
