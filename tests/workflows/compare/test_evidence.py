"""Which documents changed places, as far as rankings and data are still there."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.evaluation.trec import read_run
from embedtune.workflows.compare.run import CompareOptions, compare
from embedtune.workflows.evaluate.run import evaluate
from embedtune.workflows.train.run import train

TOPICS = ("password", "refund", "배송", "영수증")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sets of four queries, each scored for BM25; and a ranking that finds a wrong document first."""
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        rows = [
            {"query_id": f"q{i}", "query": f"{topic}?", "positive": f"All about {topic}, {name}."}
            for i, topic in enumerate(TOPICS)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        Path(f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


def scored(output: str, *data: str, run: str | None = None) -> dict[str, Any]:
    options: dict[str, Any] = {"data": list(data), "output": output, "store": "none", "metrics": "ndcg@10"}
    if run is None:
        options["model"] = ["bm25"]
    else:
        options["run"] = [run]
    return evaluate(load(EvaluateConfig, options=options)).as_json()


def rotated(run: str, to: str) -> None:
    """The same ranking, with a wrong document above every right one."""
    lines = Path(run).read_text(encoding="utf-8").splitlines()
    documents = [line.split("\t")[2] for line in lines]
    moved = []
    for line, wrong in zip(lines, documents[1:] + documents[:1], strict=True):
        query, _, document, _, score, tag = line.split("\t")
        moved += [f"{query}\tQ0\t{wrong}\t1\t{float(score) + 1}\t{tag}", f"{query}\tQ0\t{document}\t2\t{score}\t{tag}"]
    Path(to).write_text("\n".join(moved) + "\n", encoding="utf-8")


def compared(a: str, b: str, **options: Any) -> dict[str, Any]:
    result = compare(CompareOptions(a, [b], **options)).as_json()
    return {**result, **result["evidence"][0]}


def test_documents_with_texts_and_grades_of_the_data_that_an_evaluation_recorded(here: Path) -> None:
    scored("bm25", "first.jsonl")
    rotated("bm25/bm25.trec", "wrong.trec")
    scored("wrong", "first.jsonl", run="wrong.trec")
    found = compared("bm25", "wrong")
    assert [one["label"] for one in found["systems"]] == ["bm25", "wrong"]
    (pair,) = found["pairs"]
    assert pair["lost"] == 4 and not pair["helped"]
    right, wrong = pair["hurt"][0]["documents"]
    assert (right["grade"], right["rank_a"], right["rank_b"]) == (1, 1, 2)
    assert (wrong["grade"], wrong["rank_a"], wrong["rank_b"]) == (0, None, 1)
    assert right["text"].startswith("All about") and right["text"] != wrong["text"]
    assert "as recorded in bm25" in found["described"][0]


def test_data_that_have_changed_leave_ids_alone_and_that_is_said(here: Path) -> None:
    scored("bm25", "first.jsonl")
    rotated("bm25/bm25.trec", "wrong.trec")
    scored("wrong", "first.jsonl", run="wrong.trec")
    data = Path("first.jsonl")
    data.write_text(data.read_text(encoding="utf-8").replace("All", "Nothing"), encoding="utf-8")
    found = compared("bm25", "wrong")
    (note,) = [one for one in found["findings"] if one["code"] == "texts-not-found"]
    assert "the data has changed since" in note["message"]
    documents = found["pairs"][0]["hurt"][0]["documents"]
    assert {(one["text"], one["grade"]) for one in documents} == {(None, None)}
    assert {(one["rank_a"], one["rank_b"]) for one in documents} == {(1, 2), (None, 1)}
    Path("bm25/bm25.trec").unlink()
    found = compared("bm25", "wrong")
    assert [one["code"] for one in found["findings"]] == ["runs-cut", "rankings-not-found"]
    assert found["pairs"][0]["hurt"][0]["documents"] == ()


def test_runs_use_the_data_given_and_data_of_other_queries_are_no_help(here: Path) -> None:
    scored("bm25", "first.jsonl")
    rotated("bm25/bm25.trec", "wrong.trec")
    found = compared("bm25/bm25.trec", "wrong.trec", data="first.jsonl")
    assert found["pairs"][0]["hurt"][0]["documents"][0]["text"].startswith("All about")
    Path("other.jsonl").write_text('{"query": "x", "answer": "y"}\n', encoding="utf-8")
    found = compared("bm25", "bm25", data="other.jsonl")
    assert [one["code"] for one in found["findings"]] == ["texts-not-found"]


def test_several_sets_are_told_apart(here: Path) -> None:
    """The same queries and ids stand in both sets."""
    scored("bm25", "first.jsonl", "second.jsonl")
    scored("again", "first.jsonl", "second.jsonl")
    run = next(Path("again").glob("*second*.trec"))
    rotated(str(run), str(run))
    found = compared("bm25", "again")
    (pair,) = found["pairs"]
    assert (pair["lost"], pair["tied"]) == (0, 8)  # values per query are kept apart from rankings
    assert found["systems"][1]["recall"]["values"][0] == pytest.approx(0.5)
    assert found["systems"][0]["recall"]["values"][0] == 1.0


def test_a_training_run_keeps_both_rankings_and_they_explain_its_verdict(recipe, beir) -> None:
    seen = [(200 + i, i) for i in range(20)]
    unseen = [(300 + i, 100 + i) for i in range(15)]
    folder = beir(120, train=[(i, i) for i in range(60)], test=seen + unseen)
    result = train(recipe(data=str(folder), max_steps=4, lr=0.05)).as_json()
    evidence = result["evidence"]
    assert (evidence["queries"], evidence["pairs"][0]["on"]) == (15, "unseen")
    for when, own in zip(("before", "after"), evidence["systems"], strict=True):
        run = read_run(Path(result["run"], f"{when}.trec"))
        assert all(len(ranked) == 100 for ranked in run.values())
        hits = [f"d{document}" in list(run[f"q{query}"])[:10] for query, document in unseen]
        assert own["recall"]["values"][own["recall"]["k"].index(10)] == pytest.approx(np.mean(hits))
        assert own["unfound"] == sum(f"d{document}" not in run[f"q{query}"] for query, document in unseen)
    found = compared(f"{result['run']}#before", result["run"])
    assert [one["recall"] for one in found["systems"]] == [one["recall"] for one in evidence["systems"]]
    assert found["pairs"][0]["differences"] == pytest.approx(evidence["pairs"][0]["differences"], abs=1e-5)
    assert "as recorded in" in found["described"][0]
