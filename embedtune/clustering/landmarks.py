"""A map in two dimensions: some items laid out by t-SNE, the others put next to the items they are nearest to.

t-SNE of scikit-learn gives the same map on every machine; UMAP would not, and brings 190 MB.
Source: van der Maaten and Hinton 2008; landmarks as in Kobak and Berens 2019.
"""

from collections.abc import Sequence

import numpy as np

from embedtune.clustering.principal import reduced

NEAREST = 5
PERPLEXITY = 30
_ROWS = 16_384


def mapped(vectors: np.ndarray, *, pca: bool = False, points: int = 3000, seed: int = 0) -> np.ndarray:
    """A place for each item, both coordinates from 0 to 1: float32 (n, 2).

    Args:
        vectors: (n, D) of length 1.
        pca: the two directions of largest variance in place of t-SNE.
        points: items that t-SNE lays out.
        seed: of their choice, and of t-SNE.
    """
    count = len(vectors)
    chosen = np.arange(count)
    if count > points:
        chosen = np.sort(np.random.default_rng(seed).choice(count, points, replace=False))
    marks = np.ascontiguousarray(vectors[chosen], dtype=np.float32)  # (m, D)
    if len(marks) < 4:
        return _scaled(np.stack([np.arange(count), np.zeros(count)], axis=1))
    if pca:
        return _scaled(_on_directions(vectors, marks))
    laid = _tsne(reduced(marks), "euclidean", seed)
    return _scaled(laid if len(chosen) == count else _beside(vectors, marks, laid))


def mapped_by_distance(distances: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """The same from distances (n, n) alone: float32 (n, 2)."""
    if len(distances) < 4:
        return _scaled(np.stack([np.arange(len(distances)), np.zeros(len(distances))], axis=1))
    return _scaled(_tsne(distances, "precomputed", seed))


def _tsne(points: np.ndarray, metric: str, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    start = "random" if metric == "precomputed" else "pca"
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, metric=metric, init=start, random_state=seed, n_jobs=1)
    found: np.ndarray = model.fit_transform(points)
    return found


def _on_directions(vectors: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """All items on the two main directions of some of them."""
    from sklearn.decomposition import PCA

    model = PCA(2, svd_solver="full").fit(marks)
    parts = [
        model.transform(np.asarray(vectors[one : one + _ROWS], dtype=np.float32))
        for one in range(0, len(vectors), _ROWS)
    ]
    return np.concatenate(parts)


def _beside(vectors: np.ndarray, marks: np.ndarray, laid: np.ndarray) -> np.ndarray:
    """Each item at the mean place of its nearest landmarks, by similarity."""
    import faiss

    index = faiss.IndexFlatIP(marks.shape[1])
    index.add(marks)
    places: list[np.ndarray] = []
    for start in range(0, len(vectors), _ROWS):
        part = np.ascontiguousarray(vectors[start : start + _ROWS], dtype=np.float32)
        scores, near = index.search(part, NEAREST)  # (b, 5), (b, 5)
        weights = np.maximum(scores, 1e-6) ** 8  # the nearest counts most, so that a landmark stays where it is
        places.append((laid[near] * weights[..., None]).sum(axis=1) / weights.sum(axis=1, keepdims=True))
    return np.concatenate(places)


def _scaled(places: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
    found = np.asarray(places, dtype=np.float64)
    low, high = found.min(axis=0), found.max(axis=0)
    return ((found - low) / np.where(high > low, high - low, 1)).astype(np.float32)
