"""Rows of an evaluation, their comparison with the first, and the names of their files."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.workflows.evaluate.result import compare_with_first, means_over_sets, row_of
from embedtune.workflows.evaluate.systems import Scored
from embedtune.workflows.shared.evaluation_folder import file_name

NOTHING = Ranking(np.zeros((0, 1)), np.zeros((0, 1), dtype=np.int64))


def scored(label: str, values: np.ndarray) -> Scored:
    ids = tuple(f"q{i}" for i in range(len(values)))
    return Scored(label, label, None, NOTHING, RetrievalScores(ids, {"ndcg@10": values}, documents=9))


def test_each_is_compared_with_the_first_and_p_values_are_adjusted() -> None:
    rng = np.random.default_rng(0)
    first = rng.random(200)
    shifts = (0.2, 0.012, 0.0)
    rows = [scored("first", first), *(scored(str(s), first + s + 0.1 * rng.normal(size=200)) for s in shifts)]
    found = compare_with_first(rows, "set", "ndcg@10", seed=0)
    raw = [one["p_value"] for one in found]
    ranks = stats.rankdata(raw, method="ordinal")
    scaled = [min(1, max(p * (3 - r + 1) for p, r in zip(raw, ranks, strict=True) if r <= own)) for own in ranks]
    assert [one["p_holm"] for one in found] == pytest.approx(scaled)
    assert [one["b"] for one in found] == [str(s) for s in shifts]
    assert found[0]["verdict"] == "better"
    for one in found:
        assert (one["verdict"] == "no difference shown") == (one["p_holm"] >= 0.05)


def test_a_verdict_needs_the_adjusted_p_value() -> None:
    rng = np.random.default_rng(4)
    noise = 0.1 * rng.normal(size=100)
    gain = noise - noise.mean() + 0.022  # alone, p is near 0.03
    rows = [scored("a", np.zeros(100)), *(scored(name, gain) for name in "bcd")]
    found = compare_with_first(rows, "set", "ndcg@10", seed=0)
    assert all(one["p_value"] < 0.05 < one["p_holm"] for one in found)
    assert {one["verdict"] for one in found} == {"no difference shown"}


def test_a_row_alone_is_compared_with_nothing() -> None:
    assert compare_with_first([scored("a", np.ones(3))], "set", "ndcg@10", seed=0) == []


def test_the_interval_is_about_the_mean(tmp_path) -> None:
    row = row_of(scored("a", np.array([0.0, 1.0] * 100)), "set", tmp_path / "a.trec", seed=0)
    low, high = row["intervals"]["ndcg@10"]
    half = 1.96 * 0.5 / np.sqrt(200)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.01)
    assert row["documents"] == 9


def test_means_count_every_set_the_same() -> None:
    rows = [{"task": "retrieval", "model": "a", "label": "a", "metrics": {"m": value}} for value in (0.2, 0.6)]
    assert means_over_sets(rows)[0]["metrics"]["m"] == pytest.approx(0.4)
    assert means_over_sets(rows[:1]) == []


@pytest.mark.parametrize(
    ("label", "name"),
    [("../x/model/", "x"), ("model", "model"), ("a b/c:d", "c-d"), ("..", "model"), ("C:\\runs\\x\\model@8", "x@8")],
)
def test_file_names_hold_nothing_that_leads_elsewhere(label: str, name: str) -> None:
    assert file_name(label) == name


def test_cut_vectors_are_compared_with_whole_ones_of_the_same_model() -> None:
    rng = np.random.default_rng(1)
    values = {label: rng.random(60) for label in ("a", "a@64", "a@int8", "b", "b@64/int8")}
    rows = [replace(scored(label, own), model=label[0]) for label, own in values.items()]
    found = compare_with_first(rows, "set", "ndcg@10", seed=0)
    assert [(one["a"], one["b"]) for one in found] == [("a", "b"), ("a", "a@64"), ("a", "a@int8"), ("b", "b@64/int8")]
    assert found[0]["p_holm"] == found[0]["p_value"]
    assert found[1]["difference"] == pytest.approx((values["a@64"] - values["a"]).mean())


def test_comparisons_rest_on_unseen_queries_where_there_are_any() -> None:
    rng = np.random.default_rng(2)
    first, other = rng.random(80), rng.random(80)
    rows, unseen = [scored("a", first), scored("b", other)], frozenset(f"q{i}" for i in range(0, 80, 2))
    (found,) = compare_with_first(rows, "set", "ndcg@10", seed=0, unseen=unseen)
    assert (found["on"], found["queries"]) == ("unseen", 40)
    assert found["difference"] == pytest.approx((other - first)[::2].mean())
    (on_all,) = compare_with_first(rows, "set", "ndcg@10", seed=0, unseen=frozenset())
    assert (on_all["on"], on_all["queries"]) == ("all", 80)


def test_a_row_tells_the_unseen_part_apart(tmp_path) -> None:
    one = scored("a", np.array([1.0, 0.0, 0.5, 1.0]))
    row = row_of(one, "set", tmp_path / "a.trec", seed=0, unseen={"q1", "q2"})
    assert (row["queries"], row["queries_unseen"]) == (4, 2)
    assert row["metrics_unseen"]["ndcg@10"] == 0.25
    assert row_of(one, "set", tmp_path / "a.trec", seed=0)["queries_unseen"] is None
    none = row_of(one, "set", tmp_path / "a.trec", seed=0, unseen=frozenset())
    assert (none["queries_unseen"], none["metrics_unseen"]) == (0, None)


@given(st.text() | st.lists(st.sampled_from(["..", "/", "\\", "@64", "~", "\0", "모델", ".", "int8"])).map("".join))
def test_no_name_of_a_model_leads_out_of_the_folder(label: str) -> None:
    name = file_name(label)
    assert name not in ("", ".", "..") and not set(name) & set("/\\\0\n\r")
