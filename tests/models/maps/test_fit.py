"""Maps between spaces: exact where a map of the kind exists, and chosen by texts held out."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from embedtune.models.maps.fit import agreement, fit_map, procrustes
from embedtune.models.maps.space_map import unit


def drawn(count: int = 400, size: int = 12, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, size))).astype(np.float32)


def test_a_turn_is_found_exactly_and_is_the_one_of_scipy() -> None:
    x = drawn()
    turn = ortho_group.rvs(12, random_state=1).astype(np.float32)
    noisy = unit(x @ turn + 0.05 * drawn(seed=2)).astype(np.float32)
    found = procrustes(x, noisy)
    np.testing.assert_allclose(found.weight, orthogonal_procrustes(x, noisy)[0], atol=1e-5)
    np.testing.assert_allclose(procrustes(x, x @ turn).weight, turn, atol=1e-5)


def test_distances_stay_where_the_sizes_differ_too() -> None:
    x, y = drawn(size=8), drawn(size=12, seed=3)
    weight = procrustes(x, y).weight
    np.testing.assert_allclose(weight @ weight.T, np.eye(8), atol=1e-5)


@pytest.mark.parametrize(("kind", "expected"), [("turn", "procrustes"), ("stretch", "linear"), ("bend", "mlp")])
def test_the_simplest_map_that_fits_is_chosen(kind: str, expected: str) -> None:
    x = drawn(3000)
    rng = np.random.default_rng(5)
    turn = ortho_group.rvs(12, random_state=1)
    y = {
        "turn": x @ turn,
        "stretch": x @ turn * np.geomspace(0.5, 1.5, 12),
        "bend": x @ turn + 2.5 * np.maximum(x @ rng.normal(size=(12, 6)), 0) @ rng.normal(size=(6, 12)),
    }[kind]
    found = fit_map(x, unit(y).astype(np.float32), None, seed=0)
    assert found.found.kind == expected
    assert found.cosines[expected] > 0.9
    assert (found.fitted_on, found.held_out) == (2700, 300)


def test_the_asked_kind_is_taken_and_scored_on_held_out_texts() -> None:
    x, y = drawn(), drawn(seed=1)
    found = fit_map(x, y, "linear", seed=0)
    assert found.found.kind == "linear" and list(found.cosines) == ["linear"]
    held = np.random.default_rng(0).permutation(400)[:40]
    assert found.cosines["linear"] == pytest.approx(agreement(found.found, x[held], y[held]))
    assert found.cosines["linear"] < 0.5  # nothing leads from noise to noise
