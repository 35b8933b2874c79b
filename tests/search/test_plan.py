"""The plan for large corpora: its arithmetic, and the table in the documentation."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def large():
    """The benchmark, which is no part of the package."""
    spec = spec_from_file_location("large_corpus", ROOT / "benchmarks" / "large_corpus.py")
    module = module_from_spec(spec)
    sys.modules["large_corpus"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["large_corpus"]


def test_the_plan_is_the_arithmetic_of_the_documentation(large):
    speed = large.Speeds(flops=1e12, scanned=1e9, exact=1e12, rescored=1e6, read=1e9)
    found = large.plan(large.Corpus(10**8, 384, 16_384, 64, fetched=400, queries=1000), speed)
    assert found["vectors_bytes"] == 76_800_000_000  # 10^8 vectors of 768 bytes
    assert found["index_bytes"] == 4_000_000_000 + 25_165_824  # 40 bytes each, and 16,384 centres of 1,536 bytes
    assert found["build_s"] == pytest.approx(10**8 * 768 * 16_640 / 1e12 + 76.8)
    milliseconds = 768 * 16_384 / 1e9 + 10**8 * 64 / 16_384 / 1e6 + 400 / 1e3
    assert found["search_ms_per_query"] == pytest.approx(milliseconds)
    assert found["search_s"] == pytest.approx(milliseconds)


def test_the_table_of_the_documentation_is_the_plan(large):
    assert large.table() in (ROOT / "docs" / "large.md").read_text(encoding="utf-8")


def test_made_vectors_are_the_same_in_any_order(large):
    made = large.MadeVectors(10_000, 8)
    rows = np.array([[7, 9_999], [0, 7]])
    np.testing.assert_array_equal(made[rows], np.stack([made[0:10_000][row] for row in rows]))
    np.testing.assert_allclose(np.linalg.norm(made[:50], axis=1), 1, rtol=1e-6)
    assert len(np.unique(made[0:10_000], axis=0)) == 10_000
