"""Figures by mteb's protocol, against mteb's own loop."""

import random
from collections import defaultdict

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics.cluster import adjusted_mutual_info_score, v_measure_score

from embedtune.clustering.measures.mteb import mteb_measures


def evaluate_clustering_bootstrapped(embeddings, labels, n_clusters, cluster_size, kmean_batch_size, rng_state, seed):
    """mteb 2.26.24's `_evaluate_clustering_bootstrapped` (Apache-2.0) with one level of labels."""
    np_level_labels = np.array(labels)
    clustering_model = MiniBatchKMeans(
        n_clusters=np.unique(np_level_labels).size,
        batch_size=kmean_batch_size,
        init="k-means++",
        n_init=1,
        random_state=seed,
    )
    scores = defaultdict(list)
    for _ in range(n_clusters):
        cluster_indices = rng_state.choices(range(len(embeddings)), k=cluster_size)
        _labels = np_level_labels[cluster_indices]
        cluster_assignment = clustering_model.fit_predict(embeddings[cluster_indices])
        scores["v_measure"].append(float(v_measure_score(_labels, cluster_assignment)))
        scores["ami"].append(float(adjusted_mutual_info_score(_labels, cluster_assignment)))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def test_the_figures_are_those_of_mteb():
    draw = np.random.default_rng(0)
    truth = np.arange(90) % 9
    vectors = (draw.standard_normal((9, 5))[truth] + 0.8 * draw.standard_normal((90, 5))).astype(np.float32)
    told = []
    found = mteb_measures(vectors, truth, progress=lambda done, whole: told.append((done, whole)))
    names = [f"intent {number}" for number in truth.tolist()]
    expected = evaluate_clustering_bootstrapped(vectors, names, 10, 16_384, 512, random.Random(42), 42)
    assert found == pytest.approx({f"mteb_{name}": value for name, value in expected.items()}, abs=1e-12)
    assert told[-1] == (10, 10)
