"""Agreement with labels against scikit-learn's values, loops and an exhaustive matching, as recorded."""

import numpy as np
import pytest
from sklearn import metrics

from embedtune.clustering.measures.agreement import agreement, b_cubed, codes, each_alone, noise_as_one
from embedtune.clustering.partition import NOISE

PAIRS = ["five_found", "independent", "unbalanced", "both_all_one", "both_all_distinct", "one_against_distinct"]


@pytest.mark.parametrize("pair", PAIRS)
def test_reference_pairs(reference, pair):
    case = reference(f"external_more/pair_{pair}")
    truth, found = np.array(case.inputs["truth"]), np.array(case.inputs["found"])
    own = agreement(truth, found)
    names = {"v_measure", "homogeneity", "completeness", "ari", "ami", "nmi", "purity"}
    got = {name: getattr(own, name) for name in names} | {"accuracy_hungarian": own.accuracy}
    got |= dict(zip(("bcubed_precision", "bcubed_recall", "bcubed_f1"), b_cubed(codes(truth), found), strict=True))
    for name, value in got.items():
        assert value == pytest.approx(case.expected[name], rel=1e-9, abs=1e-10), name


@pytest.mark.parametrize("pair", ["true_vs_noisy", "permuted_names", "all_one", "all_distinct", "merged"])
def test_more_reference_pairs(reference, pair):
    case = reference(f"external/{pair}")
    own = agreement(np.array(case.inputs["a"]), np.array(case.inputs["b"]))
    expected = case.expected
    assert own.ari == pytest.approx(expected["ari"], abs=1e-10)
    assert own.ami == pytest.approx(expected["ami_arithmetic"], abs=1e-10)
    for name in ("v_measure", "homogeneity", "completeness"):
        assert getattr(own, name) == pytest.approx(expected[name], abs=1e-10), name
    assert own.nmi == pytest.approx(expected["nmi_arithmetic"], abs=1e-10)
    assert own.purity == pytest.approx(expected["purity_b_clusters"], abs=1e-10)


def test_one_item_agrees_with_itself():
    own = agreement(["a"], np.array([3]))
    assert (own.ari, own.ami, own.v_measure) == (1, 1, 1)


def test_noise_is_read_in_three_ways(reference):
    case = reference("external_more/noise")
    truth, found = np.array(case.inputs["truth"]), np.array(case.inputs["found"])
    clustered = found != NOISE
    readings = {
        "noise_each_alone": (truth, each_alone(found)),
        "noise_as_one_cluster": (truth, noise_as_one(found)),
        "clustered_only": (truth[clustered], found[clustered]),
    }
    for name, (one, other) in readings.items():
        own = agreement(one, other)
        for measure in ("v_measure", "ari", "ami"):
            assert getattr(own, measure) == pytest.approx(case.expected[name][measure], abs=1e-10), (name, measure)
    assert agreement(truth, found) == agreement(truth, each_alone(found))


def test_noise_alone_makes_many_clusters_and_the_matching_stays_right():
    truth = np.repeat(np.arange(30), 20)
    found = np.full(600, NOISE)
    found[:20] = 0
    # 20 items of one label in their cluster, and one item alone for each of the 29 other labels.
    assert agreement(truth, found).accuracy == pytest.approx(49 / 600)


def test_names_and_order_of_items_do_not_matter():
    draw = np.random.default_rng(0)
    truth, found, order = draw.integers(5, size=80), draw.integers(7, size=80), draw.permutation(80)
    own = agreement([f"label {one}" for one in truth], found)
    again = agreement(truth[order], (found[order] + 3) % 7)
    assert own.ami == pytest.approx(again.ami, abs=1e-12)
    assert own.ari == pytest.approx(metrics.adjusted_rand_score(truth, found), abs=1e-12)
    assert own.accuracy == pytest.approx(again.accuracy)
