"""`embedtune evaluate --pool` and `--judged`: documents are proposed, answered, and count from then on."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedtune.mining.ledger import read_ledger

Evaluate = Callable[..., dict[str, Any]]
OPTIONS = ("--run", "a.trec", "--run", "b.trec", "--data", "set", "--metrics", "ndcg@3")
A, B = ("d1", "d2", "d0"), ("d3", "d0", "d1")
RELEVANT = {"d0", "d3"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two queries of which one document each is judged, and two rankings that nobody agrees on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    for name, letter, size in (("corpus", "d", 5), ("queries", "q", 2)):
        lines = (json.dumps({"_id": f"{letter}{i}", "text": f"{name} 글 {i}"}) + "\n" for i in range(size))
        (tmp_path / f"set/{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "set/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td0\t1\n", encoding="utf-8")
    for name, ranked in (("a", A), ("b", B)):
        lines = (f"q{q} Q0 {d} {r} {9 - r} x\n" for q in range(2) for r, d in enumerate(ranked, 1))
        (tmp_path / f"{name}.trec").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def answered(pool: Path, file: Path) -> None:
    """The pool as a person hands it back."""
    lines = [json.loads(line) for line in pool.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["decision"] = "positive" if line["document_id"] in RELEVANT else "negative"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_answers_count_as_the_same_judgments_in_the_set_do(evaluate: Evaluate, here: Path) -> None:
    thin = evaluate(*OPTIONS, "--pool", "pool.jsonl", "--output", "thin")
    assert thin["pool"] == {"file": "pool.jsonl", "documents": 6}  # d1, d2 and d3 of two queries
    lines = [json.loads(line) for line in (here / "pool.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {(line["query_id"], line["document_id"]) for line in lines} == {
        (f"q{q}", f"d{d}") for q in range(2) for d in (1, 2, 3)
    }
    of_d3 = next(line for line in lines if line["document_id"] == "d3")
    assert of_d3["ranks"] == {"a.trec": None, "b.trec": 1} and of_d3["positive"] == "corpus 글 0"
    assert read_ledger(here / "pool.jsonl").open == 6
    answered(here / "pool.jsonl", here / "answers.jsonl")
    after = evaluate(*OPTIONS, "--judged", "answers.jsonl", "--pool", "next.jsonl", "--output", "after")
    with (here / "set/qrels/test.tsv").open("a", encoding="utf-8") as file:
        file.writelines(f"q{q}\td{d}\t{int(d == 3)}\n" for q in range(2) for d in (1, 2, 3))
    judged = evaluate(*OPTIONS, "--output", "judged")
    for row, same, before in zip(after["models"], judged["models"], thin["models"], strict=True):
        assert {key: row[key] for key in ("metrics", "judged", "bounds")} == {
            key: same[key] for key in ("metrics", "judged", "bounds")
        }
        assert row["judged"] == 1.0 and before["judged"] == pytest.approx(1 / 3)
        assert before["bounds"][0] <= row["metrics"]["ndcg@3"] <= before["bounds"][1]
    assert after["pool"]["documents"] == 0
    assert "answers.jsonl: 6 decisions added to the judgments of set test" in after["described"]
    assert after["facts"]["data_sha256"].keys() - judged["facts"]["data_sha256"].keys() == {"set/answers.jsonl"}


def test_a_verdict_on_few_judged_documents_is_flagged(evaluate: Evaluate, here: Path) -> None:
    thin = evaluate(*OPTIONS, "--pool", "pool.jsonl", "--output", "thin")
    (found,) = [one for one in thin["findings"] if one["code"] == "few-judged"]
    assert found["count"] == 2 and "a.trec 33%, b.trec 33%" in found["message"]
    assert [one["few_judged"] for one in thin["comparisons"]] == [True]
    report = (here / "thin/report.md").read_text(encoding="utf-8")
    assert "| a.trec | 33% |" in report and "Less than half of the first documents are judged" in report
    answered(here / "pool.jsonl", here / "answers.jsonl")
    after = evaluate(*OPTIONS, "--judged", "answers.jsonl", "--output", "after")
    assert "few-judged" not in {one["code"] for one in after["findings"]}
    assert [one["few_judged"] for one in after["comparisons"]] == [False]
    report = (here / "after/report.md").read_text(encoding="utf-8")
    assert "judged@3" not in report and "Less than half" not in report


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--judged", "open.jsonl"), 1, "1 line without a decision"),
        (("--judged", "other.jsonl"), 1, "1 decision, none about a query and a document of set"),
        (("--judged", "both.jsonl"), 1, "this pair is negative here and positive at"),
        (("--judged", "yes.jsonl", "--judged", "no.jsonl"), 1, "1 pair decided otherwise in an earlier file"),
        (("--judged", "missing.jsonl"), 1, "missing.jsonl"),
        (("--pool", "open.jsonl"), 2, "this file exists, and may hold answers"),
        (("--pool", "set/qrels/dev.tsv"), 2, "the folder of --data"),
        (("--pool", "folder"), 1, "this is a folder"),
        (("--judged", "open.jsonl", "--pool", "open.jsonl"), 2, "would overwrite the file of --judged"),
    ],
)
def test_what_cannot_be_used_is_refused(
    evaluate: Evaluate, here: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    pair = {"query": "queries 글 0", "candidate": "corpus 글 1"}
    files: dict[str, list[dict[str, Any]]] = {
        "open": [pair | {"decision": None}],
        "other": [{"query": "?", "candidate": "!", "decision": "positive"}],
        "yes": [pair | {"decision": "positive"}],
        "no": [pair | {"decision": "negative"}],
        "both": [pair | {"decision": "positive"}, pair | {"decision": "negative"}],
    }
    for name, lines in files.items():
        (here / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (here / "folder").mkdir()
    before = (here / "open.jsonl").read_bytes()
    result = evaluate(*OPTIONS, *options, code=code)
    assert said in json.dumps(result, ensure_ascii=False)
    assert (here / "open.jsonl").read_bytes() == before


def test_an_answer_neither_lowers_a_grade_nor_needs_a_pool(evaluate: Evaluate, here: Path) -> None:
    qrels = here / "set/qrels/test.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\nq0\td0\t3\nq0\td2\t1\nq1\td4\t0\n", encoding="utf-8")
    before = evaluate(*OPTIONS, "--output", "before")["models"]
    answers = [
        {"query": "queries  글 0", "candidate": "corpus 글 0", "decision": "Positive"},  # known, with a higher grade
        {"query": "queries 글 1", "candidate": "corpus 글 1", "decision": "positive"},  # of a query without any so far
    ]
    (here / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in answers), encoding="utf-8")
    after = evaluate(*OPTIONS, "--judged", "own.jsonl", "--output", "after")
    lines = [json.loads(line) for line in (here / "after/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["query"] for line in lines] == ["q0", "q1"]
    for row, system, at in zip(before, ("a.trec", "b.trec"), (1, 3), strict=True):
        assert lines[0]["scores"][system]["ndcg@3"] == pytest.approx(row["metrics"]["ndcg@3"], abs=1e-6)
        assert lines[1]["scores"][system]["ndcg@3"] == pytest.approx(1 / math.log2(at + 1), abs=1e-6)
    assert "queries-without-relevant" not in {one["code"] for one in after["findings"]}
