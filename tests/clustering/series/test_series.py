"""Warped distances, barycentres and shapes against tslearn's and dtaidistance's values, as recorded."""

import numpy as np
import pytest

from embedtune.clustering.series.barycentre import barycentre_step
from embedtune.clustering.series.shape import extract_shape, padded, shape_distances, shifted, znormalised
from embedtune.clustering.series.warping import (
    PaddedSeries,
    accumulated,
    all_distances,
    distances_to,
    path_steps,
    warped,
)


def one_block(series):
    lengths = np.array([len(one) for one in series])
    return PaddedSeries(padded(series), lengths)


def banded(series, radius):
    """All pairs under a band of so many steps."""
    rows, columns = np.triu_indices(len(series), 1)
    one, other = (one_block([series[place] for place in places]) for places in (rows, columns))
    found = np.zeros((len(series), len(series)))
    found[rows, columns] = warped(one, other, np.full(len(rows), radius))
    return found + found.T


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("dtw/unconstrained", "matrix"),
        ("dtw/multivariate_dependent", "matrix"),
        ("dtw_more/multivariate_unequal", "dependent"),
        ("dtw_more/silhouette_of_precomputed", "dtw_matrix"),
    ],
)
def test_warped_distances(reference, columns, case, key):
    case = reference(case)
    found = all_distances(columns(case.inputs["series"]))
    np.testing.assert_allclose(found, case.expected[key], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("radius", [0, 1, 2, 4])
def test_bands_of_unequal_lengths(reference, columns, radius):
    case = reference(f"dtw_more/sakoe_chiba_unequal_{radius}")
    found = banded(columns(case.inputs["series"]), radius)
    np.testing.assert_allclose(found, case.expected["matrix"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("radius", [2, 4])
def test_bands_of_equal_lengths(reference, columns, radius):
    case = reference(f"dtw/sakoe_chiba_{radius}")
    size = len(case.expected["matrix"])
    found = banded(columns(case.inputs["series"]), radius)[:size, :size]
    np.testing.assert_allclose(found, case.expected["matrix"], rtol=1e-9, atol=1e-9)


def test_the_path_and_its_costs(reference, columns):
    case = reference("dtw_more/path")
    one, other = (columns(case.inputs["series"])[place] for place in case.series)
    table = accumulated(one_block([one]), one_block([other]))
    np.testing.assert_allclose(table[0], case.expected["accumulated_squared_costs"], rtol=1e-9)
    steps = list(path_steps(table, np.array([len(one)]), np.array([len(other)])))
    assert [[int(i[0]), int(j[0])] for _, i, j in reversed(steps)] == case.expected["path"]


def slow_warped(one, other):
    costs = np.full((len(one) + 1, len(other) + 1), np.inf)
    costs[0, 0] = 0
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            own = ((one[i - 1] - other[j - 1]) ** 2).sum()
            costs[i, j] = own + min(costs[i - 1, j], costs[i, j - 1], costs[i - 1, j - 1])
    return np.sqrt(costs[-1, -1])


def test_laws_of_warped_distances():
    draw = np.random.default_rng(0)
    series = [draw.standard_normal((length, 2)) for length in (5, 9, 1, 14, 9)]
    found = all_distances(series)
    np.testing.assert_allclose(found, [[slow_warped(one, other) for other in series] for one in series], atol=1e-9)
    np.testing.assert_allclose(found, found.T)
    assert (all_distances(series, band=0.1) >= found - 1e-12).all()
    np.testing.assert_allclose(all_distances(series, band=1.0), found)
    np.testing.assert_allclose(distances_to(series[1], series), found[1], atol=1e-12)


@pytest.mark.parametrize("name", ["one_update_equal", "one_update_unequal", "one_update_multivariate"])
def test_a_step_of_the_barycentre(reference, columns, name):
    case = reference(f"dba/{name}")
    series = columns(case.inputs["series"])
    members, before = [series[place] for place in case.members], series[case.initial]
    after = barycentre_step(before, members)
    expected = columns([case.expected["barycentre"]])[0]
    np.testing.assert_allclose(after, expected, rtol=1e-8, atol=1e-9)
    inertia = [(distances_to(middle, members) ** 2).sum() for middle in (before, after)]
    np.testing.assert_allclose(inertia, [case.expected["inertia_before"], case.expected["inertia_after"]], rtol=1e-8)


@pytest.mark.parametrize("name", ["kshape/sbd", "kshape_more/sbd_with_shifts"])
def test_distances_by_shape(reference, columns, name):
    case = reference(name)
    rows = padded(columns(case.inputs["series"]))
    found, shifts = shape_distances(rows, rows)
    np.testing.assert_allclose(found, case.expected["matrix"], rtol=1e-9, atol=1e-9)
    if "shifts" in case.expected:
        assert shifts.T.tolist() == case.expected["shifts"]


def test_distances_by_shape_of_channels_and_unequal_lengths(reference, columns):
    case = reference("kshape_more/sbd_multivariate")
    rows = padded(columns(case.inputs["series"]))
    found, _ = shape_distances(rows[:1], rows[1:2])
    assert found[0, 0] == pytest.approx(case.expected["one_shift_for_all_channels"], rel=1e-9)
    case = reference("kshape_more/sbd_unequal")
    rows = padded(columns(case.inputs["series"]))
    np.testing.assert_allclose(shape_distances(rows, rows)[0], case.expected["matrix"], rtol=1e-9, atol=1e-9)


def test_extracting_a_shape(reference, columns):
    case = reference("kshape_more/shape_extraction")
    rows = padded(columns(case.inputs["series"]))
    members, before = rows[case.members], rows[case.previous_centroid]
    _, shifts = shape_distances(members, before[None])
    np.testing.assert_allclose(shifted(members, shifts[:, 0])[..., 0], case.expected["aligned_members"], atol=1e-9)
    np.testing.assert_allclose(extract_shape(members, before)[:, 0], case.expected["centroid"], rtol=1e-6, atol=1e-7)
    shapes = np.stack([extract_shape(members, before), rows[4]])
    expected = reference("kshape_more/assignment").expected
    found, _ = shape_distances(rows, shapes)
    np.testing.assert_allclose(found, expected["distances"], rtol=1e-6, atol=1e-7)
    assert found.argmin(axis=1).tolist() == expected["labels"]


def test_constant_series_are_no_mistake():
    rows = znormalised(np.ones((2, 7, 1)))
    assert not rows.any()
    np.testing.assert_allclose(shape_distances(rows, rows)[0], 1)
