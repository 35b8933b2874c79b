"""`embedtune compare` as people give it: verdicts, seeds, exit codes, and what it refuses."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.workflows.shared.scoring import PRIMARY, judge

Compare = Callable[..., dict[str, Any]]
QUERIES = 80


@pytest.fixture
def compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Compare) -> Compare:
    """Compares with these arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(call, "compare")


@pytest.fixture
def base() -> np.ndarray:
    return np.random.default_rng(0).random(QUERIES).round(3)


def trained(path: str, before: np.ndarray, after: np.ndarray, unseen: range = range(QUERIES)) -> None:
    """What `train` leaves for comparisons."""
    ids = tuple(f"질문{i}" for i in range(len(before)))
    scores = [RetrievalScores(ids, {PRIMARY: values}) for values in (before, after)]
    folder = Path(path)
    folder.mkdir(parents=True)
    lines = judge(*scores, {f"질문{i}" for i in unseen}, seed=0).lines({one: f"{one}?" for one in ids})
    (folder / "per_query.jsonl").write_text(lines, encoding="utf-8")


def evaluated(path: str, name: str = "set", **systems: np.ndarray) -> None:
    """What `evaluate` leaves for comparisons."""
    folder = Path(path)
    folder.mkdir(parents=True)
    rows = [
        {
            "data": name,
            "query": f"q{i}",
            "text": f"질문 {i}?",
            "scores": {label: {"ndcg@10": float(values[i]), "map@5": 0.5} for label, values in systems.items()},
        }
        for i in range(QUERIES)
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "per_query.jsonl").write_text(text, encoding="utf-8")


def test_training_runs_are_compared_by_their_tuned_models_on_what_both_had_not_seen(
    compare: Compare, base: np.ndarray
) -> None:
    rng = np.random.default_rng(1)
    other = (base + 0.1 + 0.1 * rng.normal(size=QUERIES)).round(4)
    trained("a", base / 2, base, range(60))
    trained("b", base / 3, other, range(10, QUERIES))
    result = compare("a", "b")
    part = slice(10, 60)
    difference = (other - base)[part]
    assert (result["queries"], result["on"], result["metric"]) == (50, "unseen", "ndcg@10")
    assert result["a"] == pytest.approx(base[part].mean())
    assert result["difference"] == pytest.approx(difference.mean())
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert result["minimum_detectable_effect"] == pytest.approx(z * stats.sem(difference))
    assert result["verdict"] == "better" and result["p_value"] < 0.01
    assert (result["won"], result["lost"]) == (int((difference > 0).sum()), int((difference < 0).sum()))
    assert result["most_won"][0]["query"] == f"질문{10 + int(difference.argmax())}"
    assert compare("a#before", "a")["difference"] == pytest.approx((base / 2)[:60].mean(), abs=1e-5)


def test_p_is_that_of_scipys_permutation_test(compare: Compare, base: np.ndarray) -> None:
    other = (base + 0.02 + 0.1 * np.random.default_rng(2).normal(size=QUERIES)).round(4)
    evaluated("both", a=base, b=other)
    result = compare("both#a", "both#b")
    theirs = stats.permutation_test(
        (other - base,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(0)
    )
    assert result["p_value"] == pytest.approx(theirs.pvalue, abs=0.02)
    assert result["most_won"][0]["text"].startswith("질문")


def test_seeds_are_averaged_query_by_query_and_shown(compare: Compare, base: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    seeds = [(base + shift + 0.05 * rng.normal(size=QUERIES)).round(4) for shift in (0.0, 0.02, 0.01, 0.015)]
    for name, values in zip(("a1", "a2", "b1", "b2"), seeds, strict=True):
        trained(name, base, values)
    result = compare("a1,a2", "b1,b2")
    assert result["seeds"]["a"] == pytest.approx([seeds[0].mean(), seeds[1].mean()])
    assert result["difference"] == pytest.approx(((seeds[2] + seeds[3]) / 2 - (seeds[0] + seeds[1]) / 2).mean())
    theirs = stats.ttest_ind(result["seeds"]["b"], result["seeds"]["a"], equal_var=False)
    assert result["over_seeds"]["p_value"] == pytest.approx(theirs.pvalue)
    assert result["p_value"] >= result["over_seeds"]["p_both"] and result["verdict"] == "no difference shown"
    assert "2 against 2 seeds, over seeds alone p = " in result["sentence"]
    (pair,) = result["evidence"][0]["pairs"]
    assert pair["minimum_detectable_effect"] == result["minimum_detectable_effect"]
    assert "each seed has its own ranking" in result["described"][0]
    assert compare("a1,a1", "b1", code=2)["error"]["message"].startswith("a1 is named twice")


def test_several_metrics_and_systems_are_adjusted_together(compare: Compare, base: np.ndarray) -> None:
    rng = np.random.default_rng(4)
    b, c = (base + shift + 0.1 * rng.normal(size=QUERIES) for shift in (0.05, -0.04))
    evaluated("all", a=base, b=b, c=c)
    alone = [compare("all#a", f"all#{other}")["p_value"] for other in "bc"]
    result = compare("all#a", "all#b", "all#c", "--metric", "ndcg@10,map@5", "--fail-if", "worse", code=3)
    (other,) = result["others"]
    assert [row["metric"] for row in result["metrics"]] == ["ndcg@10", "map@5"]
    assert [result["p_value"], other["p_value"]] == pytest.approx(alone)
    smaller, greater = sorted(alone)
    assert sorted([result["p_holm"], other["p_holm"]]) == pytest.approx([4 * smaller, max(4 * smaller, 3 * greater)])
    assert (result["verdict"], other["verdict"]) == ("better", "worse")  # by the adjusted values
    assert result["metrics"][1]["p_holm"] == 1.0
    assert list(result["names"]) == ["a", "b", "c"]
    assert [(pair["a"], pair["b"]) for pair in result["evidence"][0]["pairs"]] == [
        ("all#a", "all#b"),
        ("all#a", "all#c"),
    ]


def test_a_report_is_left_and_named(compare: Compare, base: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated("both", a=base, b=base - 0.1)
    result = compare("both#a", "both#b", "--fail-if", "worse", "--output", "here", code=3)
    assert result["report"] == str(Path("here/report.html"))
    assert json.loads(Path("here/comparison.json").read_text(encoding="utf-8")) == {
        key: value for key, value in result.items() if key != "stderr"
    }
    assert "질문" in Path("here/report.md").read_text(encoding="utf-8")
    assert "not empty" in compare("both#a", "both#b", "--output", "here", code=2)["error"]["message"]
    assert guarded(build_app(), ["compare", "both#a", "both#b"]) == 0
    assert "report  comparisons/" in capsys.readouterr().out


def test_a_guard_ends_with_3_and_still_prints_the_result(compare: Compare, base: np.ndarray) -> None:
    evaluated("both", a=base, b=base - 0.1)
    worse = compare("both#a", "both#b", "--fail-if", "worse", code=3)
    assert worse["verdict"] == "worse" and worse["failed"]
    assert "failed because of --fail-if worse (verdict: worse)" in worse["stderr"]
    assert not compare("both#b", "both#a", "--fail-if", "worse")["failed"]
    same = compare("both#a", "both#a", "--fail-if", "not-better", code=3)
    assert (same["verdict"], same["p_value"], same["tied"]) == ("no difference shown", 1.0, QUERIES)
    assert not compare("both#a", "both#a", "--fail-if", "worse")["failed"]
    assert "unknown verdict" in compare("both#a", "both#b", "--fail-if", "sad", code=2)["error"]["message"]


def test_two_trec_runs(compare: Compare) -> None:
    Path("pairs.jsonl").write_text(
        "".join(json.dumps({"query": f"질문 {i}", "answer": f"답 {i}"}) + "\n" for i in range(4)), encoding="utf-8"
    )
    from embedtune.data.sources.judged_source import read_judged

    qrels = read_judged("pairs.jsonl", "test", {}).judged.qrels
    right = {query: next(iter(grades)) for query, grades in qrels.items()}
    queries = list(qrels)
    ranked = {"good": [[right[q], "x"] for q in queries], "poor": [["x", right[q]] for q in queries[:3]]}
    for name, lists in ranked.items():
        lines = [f"{q} Q0 {d} 0 {-i} s" for q, row in zip(queries, lists, strict=False) for i, d in enumerate(row)]
        Path(f"{name}.trec").write_text("\n".join(lines), encoding="utf-8")
    result = compare("poor.trec", "good.trec", "--data", "pairs.jsonl", "--metric", "mrr@10")
    assert (result["a"], result["b"], result["won"]) == (pytest.approx(3 * 0.5 / 4), 1.0, 4)
    assert {one["code"] for one in result["findings"]} == {
        "queries-not-in-run",
        "run-documents-not-in-corpus",
        "runs-cut",
    }
    assert "--data" in compare("poor.trec", "good.trec", code=2)["error"]["next"]


def test_queries_that_one_lacks_are_left_out_and_reported(compare: Compare, base: np.ndarray) -> None:
    trained("a", base, base)
    trained("b", base[:70], base[:70] + 0.1)
    result = compare("a", "b")
    assert result["queries"] == 70
    assert [(one["code"], one["count"]) for one in result["findings"]] == [
        ("one-seed-each", 2),
        ("queries-not-shared", 10),
        ("questions-not-recorded", 2),
    ]


def test_another_metric_and_queries_all_seen(compare: Compare, base: np.ndarray) -> None:
    evaluated("e", a=base)
    assert compare("e", "e", "--metric", "MAP@5")["a"] == 0.5
    trained("t", base, base, range(0))
    result = compare("t", "t#before")
    assert (result["on"], result["findings"][0]["code"]) == ("all", "all-queries-seen")


def test_an_evaluation_says_which_queries_are_unseen_and_what_its_items_are(compare: Compare, base: np.ndarray) -> None:
    evaluated("e", a=base, b=base + 0.1)
    path = Path("e/per_query.jsonl")
    lines = [
        json.loads(line) | {"unseen": i < 30} for i, line in enumerate(path.read_text(encoding="utf-8").splitlines())
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    rows = [{"label": label, "data": "set", "items": "pairs", "run": None} for label in "ab"]
    Path("e/evaluation.json").write_text(json.dumps({"models": rows}), encoding="utf-8")
    result = compare("e#a", "e#b")
    assert (result["queries"], result["on"]) == (30, "unseen")
    assert "over 30 test pairs whose relevant documents are not in the training data" in result["sentence"]


def test_of_sets_of_two_kinds_each_metric_is_said_of_its_own_items(compare: Compare, base: np.ndarray) -> None:
    evaluated("e", name="ranked", a=base, b=base + 0.1)
    path = Path("e/per_query.jsonl")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for place, line in enumerate(lines[:40]):
        line |= {"data": "scored", "query": f"s{place}"}
        line["scores"] = {label: {"spearman": own["ndcg@10"]} for label, own in line["scores"].items()}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    items = {"scored": {"items": "pairs"}, "ranked": {}}
    rows = [{"label": label, "data": name, "run": None} | own for name, own in items.items() for label in "ab"]
    Path("e/evaluation.json").write_text(json.dumps({"models": rows}), encoding="utf-8")
    ranked, scored = compare("e#a", "e#b"), compare("e#a", "e#b", "--metric", "spearman")
    assert (ranked["items"], scored["items"]) == ("queries", "pairs")
    assert "40 test queries" in ranked["sentence"]
    assert "40 test pairs" in scored["sentence"]


def test_what_is_refused(compare: Compare, base: np.ndarray) -> None:
    evaluated("e", a=base, b=base)
    evaluated("other", name="another", a=base)
    trained("t", base, base)
    assert "several systems; it has a, b" in compare("e", "other", code=2)["error"]["message"]
    assert "does not hold 'c'" in compare("e#c", "other", code=2)["error"]["message"]
    assert "different sets: set and another" in compare("e#a", "other", code=1)["error"]["message"]
    assert "have no query in common" in compare("e#a", "t", code=1)["error"]["message"]
    assert "no values of recall@3" in compare("e#a", "e#b", "--metric", "recall@3", code=2)["error"]["message"]
    assert "holds before and after" in compare("t#during", "t", code=2)["error"]["message"]
    assert "no system is named" in compare("", "t", code=2)["error"]["message"]
    assert "no such file" in compare("nowhere", "t", code=1)["error"]["message"]
    Path("t/per_query.jsonl").write_text('{"query": "x"}\n', encoding="utf-8")
    assert compare("t", "e#a", code=1)["error"]["where"] == "t/per_query.jsonl:1"
    Path("t/per_query.jsonl").unlink()
    assert "no per_query.jsonl" in compare("t", "e#a", code=1)["error"]["message"]
    Path("t/recipe.yaml").write_text("", encoding="utf-8")
    assert "is unfinished" in compare("t", "e#a", code=1)["error"]["message"]


def test_the_words_for_people_escape_what_data_say(
    compare: Compare, base: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated("e", a=base, b=base[::-1].copy())
    path = Path("e/per_query.jsonl")
    path.write_text(path.read_text(encoding="utf-8").replace("질문 ", r"\u001b[31m질문 "), encoding="utf-8")
    assert guarded(build_app(), ["compare", "e#a", "e#b"]) == 0
    out = capsys.readouterr().out
    assert "B won on" in out and "largest losses" in out
    assert "\x1b[31m" not in out and r"\x1b[31m질문" in out
