"""How many clusters: the curve against recorded chords, and an honest sentence on blobs and on noise."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.clustering import load_method
from embedtune.clustering.method import ClusterItems, ClusterSettings
from embedtune.clustering.number.elbow import chord_distances, elbow, farthest_below
from embedtune.clustering.number.rules import choose_k

CURVES = ["clear", "smooth", "straight", "bump"]


@pytest.mark.parametrize("curve", CURVES)
def test_distances_below_the_chord(reference, curve):
    case = reference(f"elbow/{curve}")
    k, inertia = (np.array(case.inputs[curve][name], dtype=float) for name in ("k", "inertia"))
    np.testing.assert_allclose(chord_distances(k, inertia), case.expected["distances"], rtol=1e-9, atol=1e-10)
    assert farthest_below(k, inertia)[0] == case.expected["farthest_below_chord"]
    _, on_logs = farthest_below(np.log(k), np.log(inertia))
    assert max(on_logs, 0) == pytest.approx(case.expected["largest_distance_log_log"], abs=1e-10)


def test_a_power_law_and_a_line_have_no_elbow(reference):
    found = {}
    for curve in CURVES:
        given = reference(f"elbow/{curve}").inputs[curve]
        found[curve] = elbow(np.array(given["k"]), np.array(given["inertia"]))
    assert found == {"clear": 4, "smooth": None, "straight": None, "bump": 5}


def chosen(vectors, numbers):
    method, settings = load_method("kmeans"), ClusterSettings(starts=3, neighbours=8)
    found, _ = choose_k(ClusterItems(vectors), method.fit, settings, numbers, with_k=lambda k: replace(settings, k=k))
    return found


def test_clear_groups_have_an_elbow_that_all_rules_see(blobs):
    found = chosen(blobs[0], [2, 4, 6, 8, 10, 12, 15, 20, 30])
    assert found.elbow == found.k == found.silhouette == found.eigengap == 12
    assert "elbow at 12" in found.said


def test_noise_has_no_elbow():
    vectors = np.random.default_rng(0).standard_normal((300, 32)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = chosen(vectors, [2, 4, 8, 16, 32])
    assert found.elbow is None
    assert "no elbow" in found.said
