"""Laws that every method keeps, found by listing the folder, and single steps against recorded ones."""

import numpy as np
import pytest

from embedtune.clustering import load_method, method_names
from embedtune.clustering.fasterpam import best_medoids
from embedtune.clustering.graphs.neighbours import joined, neighbours
from embedtune.clustering.measures.agreement import agreement
from embedtune.clustering.method import ClusterItems, ClusterSettings
from embedtune.clustering.methods.dbscan import dense_regions
from embedtune.clustering.partition import centroids, partition
from embedtune.errors import ConfigError, DataError
from embedtune.search.kmeans import best_kmeans, squared_distances

SETTINGS = ClusterSettings(k=12, neighbours=10, starts=4, threshold=0.75)
ON_VECTORS = [name for name in method_names() if load_method(name).takes == "vectors"]
ON_SERIES = [name for name in method_names() if load_method(name).takes == "series"]
ON_BOTH = [name for name in method_names() if load_method(name).takes == "vectors and links"]


def fit(name, items, **changes):
    return load_method(name).fit(items, ClusterSettings(**{**SETTINGS.__dict__, **changes}))


@pytest.fixture(scope="module")
def waves():
    """Three shapes of series, shifted and noisy, and which each is."""
    draw, time = np.random.default_rng(0), np.linspace(0, 1, 40)
    shapes = [np.sin(6 * time), np.exp(-((time - 0.5) ** 2) / 0.005), np.sign(np.sin(25 * time))]
    truth = np.repeat(np.arange(3), 8)
    rows = [np.roll(shapes[one], draw.integers(-2, 3)) + 0.05 * draw.standard_normal(40) for one in truth]
    return [((row - row.mean()) / row.std())[:, None] for row in rows], truth


@pytest.mark.parametrize("name", [*ON_VECTORS, *ON_BOTH])
def test_clear_groups_are_found_and_numbered_by_size(name, blobs):
    vectors, truth = blobs
    items = ClusterItems(vectors, links=joined(*neighbours(vectors, 5)))
    found = fit(name, items)
    assert found.labels.dtype == np.int64
    assert agreement(truth, found.labels).ari >= 0.85
    assert (np.diff(found.sizes) <= 0).all() and found.sizes.min() > 0
    np.testing.assert_array_equal(found.labels, fit(name, items).labels)


@pytest.mark.parametrize("name", ON_SERIES)
def test_shapes_of_series_are_found(name, waves):
    series, truth = waves
    found = fit(name, ClusterItems(series=series), k=3)
    assert agreement(truth, found.labels).ari >= 0.85
    assert found.objective is not None and found.objective >= 0


@pytest.mark.parametrize("name", [name for name in ON_VECTORS if not load_method(name).seeded])
def test_another_order_of_the_rows_changes_nothing_but_the_order(name, blobs):
    vectors, _ = blobs
    order = np.random.default_rng(1).permutation(len(vectors))
    one, other = fit(name, ClusterItems(vectors)), fit(name, ClusterItems(vectors[order]))
    assert agreement(one.labels[order], other.labels).ari == 1


@pytest.mark.parametrize("name", ON_VECTORS)
def test_few_equal_and_single_vectors_are_no_mistake(name):
    for vectors, k in ((np.tile([[0.6, 0.8]], (9, 1)), 2), (np.array([[1.0, 0.0]]), 1)):
        found = fit(name, ClusterItems(vectors.astype(np.float32)), k=k)
        assert len(found.labels) == len(vectors)


@pytest.mark.parametrize("name", ON_VECTORS)
def test_vectors_that_are_no_numbers_are_refused(name):
    vectors = np.full((20, 3), np.nan, dtype=np.float32)
    with pytest.raises(Exception, match="NaN or infinity"):
        fit(name, ClusterItems(vectors), k=2)


@pytest.mark.parametrize("name", [name for name in method_names() if load_method(name).needs_k])
def test_a_method_that_needs_k_says_so(name, blobs, waves):
    items = ClusterItems(blobs[0], series=waves[0])
    with pytest.raises(ConfigError, match="how many clusters"):
        fit(name, items, k=None)


def test_a_method_says_what_it_lacks_and_what_is_too_much():
    with pytest.raises(DataError, match="needs links"):
        fit("smooth", ClusterItems(np.eye(3, dtype=np.float32)))
    with pytest.raises(ConfigError, match="at most 20,000") as raised:
        load_method("ward").demand(20_001)
    assert raised.value.next == "use --method kmeans"
    with pytest.raises(ConfigError, match="there is no method 'kmean'"):
        load_method("kmean")


def test_labels_are_numbered_by_size_then_by_first_member():
    found = partition(np.array([5, 9, 9, 5, 2, -1]))
    assert found.labels.tolist() == [0, 1, 1, 0, 2, -1]
    assert (found.k, found.noise, found.sizes.tolist()) == (3, 1, [2, 2, 1])


def test_a_spherical_step(reference):
    case = reference("kmeans/spherical_step")
    points = np.array(case.inputs["X"])
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    labels = (unit @ unit[case.initial_rows].T).argmax(axis=1)
    assert labels.tolist() == case.expected["labels"]
    np.testing.assert_allclose(centroids(unit, labels, 3), case.expected["centroids"], atol=1e-6)


def test_odds_of_the_next_start(reference):
    case = reference("kmeans/one_step")
    points = np.array(case.inputs["X"])
    nearest = squared_distances(points, points[[0, 6]]).min(axis=0)
    expected = case.expected["kmeans_plus_plus_probabilities_after_two"]
    np.testing.assert_allclose(nearest / nearest.sum(), expected, rtol=1e-9, atol=1e-10)


def test_more_starts_are_never_worse(blobs):
    vectors = blobs[0]
    one, ten = (best_kmeans(vectors, 20, seed=3, starts=starts).cosine for starts in (1, 10))
    assert ten >= one


def test_medoids_are_the_best_of_all(reference):
    case = reference("kmedoids/optimum")
    points = np.array(case.inputs["X"])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    found = best_medoids(distances, 3)
    assert found.loss == pytest.approx(case.expected["loss"], rel=1e-9)
    assert found.medoids.tolist() == case.expected["medoids"]


@pytest.mark.parametrize(("name", "radius", "least"), [("eps0.6_min4", 0.6, 4), ("eps0.9_min3", 0.9, 3)])
def test_dense_regions(reference, name, radius, least):
    case = reference(f"dbscan/{name}")
    found = dense_regions(np.array(case.inputs["X"]), radius, least)
    assert partition(found).labels.tolist() == partition(np.array(case.expected["labels"])).labels.tolist()


def test_hdbscan(reference):
    case = reference("hdbscan/points")
    found = fit("hdbscan", ClusterItems(np.array(case.inputs["X"], dtype=np.float32)), least=4)
    assert found.labels.tolist() == partition(np.array(case.expected["labels"])).labels.tolist()


def test_ward_and_k_means_agree_with_the_reference(reference):
    case = reference("agglomerative/ward")
    points = np.array(case.inputs["X"], dtype=np.float32)
    assert agreement(case.expected["labels"], fit("ward", ClusterItems(points), k=4).labels).ari == 1


def test_a_mixture_is_at_least_as_likely_as_the_recorded_one(reference):
    """The recorded weights, means and shared covariance are one mixture; the best one cannot be less likely."""
    case = reference("gmm/tied")
    points = np.array(case.inputs["X"])
    found = fit("mixture", ClusterItems(points.astype(np.float32)), k=2)
    assert -found.objective * len(points) >= case.expected["log_likelihood"]
