"""Reference values of other implementations, from tests/vectors."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

_VECTORS = Path(__file__).parents[1] / "vectors"


@pytest.fixture(scope="session")
def reference():
    """The case with this name: its inputs, and what is expected."""
    cases, inputs = {}, {}
    for name in ("clustering", "clustering_more"):
        content = json.loads((_VECTORS / f"{name}.json").read_text(encoding="utf-8"))
        inputs |= content["inputs"]
        cases |= {case["id"]: case for case in content["cases"]}

    def find(name):
        case = cases[name]
        given = inputs[case["inputs"]]
        partition = case.get("partition")
        while isinstance(partition, str):
            partition = cases[partition.removeprefix("see ")].get("partition")
        return SimpleNamespace(**{**case, "inputs": given, "partition": partition, "expected": case["expected"]})

    return find


@pytest.fixture(scope="session")
def graph_of():
    """A symmetric sparse matrix of the edges of a reference graph, with loops where given."""

    def build(given, loops=()):
        graph = np.zeros((given["n"], given["n"]))
        for one, other, weight in given["edges_i_j_weight"]:
            graph[one, other] = graph[other, one] = weight
        for place, weight in loops:
            graph[place, place] = weight
        return csr_array(graph)

    return build


@pytest.fixture(scope="session")
def columns():
    """Series of a reference as arrays (length, channels)."""

    def build(series):
        arrays = [np.array(one, dtype=float) for one in series]
        return [one[:, None] if one.ndim == 1 else one for one in arrays]

    return build


@pytest.fixture(scope="session")
def blobs():
    """Twelve clear groups of unit vectors in 32 dimensions, and the group of each."""
    draw = np.random.default_rng(5)
    middles = draw.standard_normal((12, 32))
    truth = np.repeat(np.arange(12), 20)
    vectors = middles[truth] + 0.3 * draw.standard_normal((240, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    order = draw.permutation(240)
    return vectors[order].astype(np.float32), truth[order]
