"""`embedtune evaluate` on sets that are no retrieval sets, alone and mixed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

Evaluate = Callable[..., dict[str, Any]]
NAMES = ("password", "refund", "배송", "영수증")


def records(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small set of each kind."""
    monkeypatch.chdir(tmp_path)
    scored = [
        {"sentence1": f"{NAMES[i % 4]} 글 {i}", "sentence2": f"{NAMES[(i * i) % 4]} 글 {i // 2}", "score": i % 5}
        for i in range(20)
    ]
    texts = [{"text": f"{NAMES[i % 4]} 질문 {i}", "label": NAMES[i % 4]} for i in range(16)]
    wordings = [{"label": name, "texts": [f"{name} 이야기", f"all about {name}"]} for name in NAMES]
    rows = [
        {
            "anchor": f"{NAMES[i % 4]} {i}?",
            "positive": f"{NAMES[i % 4]} 답 {i}",
            "negatives": [f"{NAMES[(i + 1) % 4]} 답"],
        }
        for i in range(10)
    ]
    for name, content in (("sts", scored), ("texts", texts), ("labels", wordings), ("rows", rows)):
        (tmp_path / f"{name}.jsonl").write_text(records(content), encoding="utf-8")
    (tmp_path / "plain.jsonl").write_text(records([{"anchor": "a", "positive": "b"}]), encoding="utf-8")
    return tmp_path


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "per_query.jsonl").read_text(encoding="utf-8").splitlines()]


def test_scored_pairs_are_correlated_with_what_people_said(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    result = evaluate(
        "--model", str(bert_folder), "--model", "bm25", "--dimensions", "8", "--data", "sts.jsonl", "--output", "out"
    )
    assert [row["label"] for row in result["models"]] == [str(bert_folder), f"{bert_folder}@8", "bm25"]
    lines = lines_of(here / "out")
    truth = [line["expected"] for line in lines]
    assert truth == [i % 5 for i in range(20)] and lines[3]["query"] == "sts.jsonl:4"
    for row in result["models"]:
        said = [line["answers"][row["label"]] for line in lines]
        assert row["metrics"]["spearman"] == pytest.approx(stats.spearmanr(said, truth).statistic, abs=1e-6)
        assert row["metrics"]["pearson"] == pytest.approx(stats.pearsonr(said, truth).statistic, abs=1e-4)
        added = [line["scores"][row["label"]]["spearman"] for line in lines]
        assert np.mean(added) == pytest.approx(row["metrics"]["spearman"], abs=1e-5)
        assert (row["task"], row["queries"], row["items"], row["run"]) == ("similarity", 20, "pairs", None)
        assert row["intervals"]["spearman"][0] <= row["metrics"]["spearman"] <= row["intervals"]["spearman"][1]
    assert [one["metric"] for one in result["comparisons"]] == ["spearman", "spearman"]
    assert "the query prompt" in " ".join(result["described"])


def test_both_sentences_get_the_prompt_of_queries(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    from sentence_transformers import SentenceTransformer

    evaluate(
        "--model", str(bert_folder), "--prompts", "query=질문: ,document=글: ", "--data", "sts.jsonl", "--output", "o"
    )
    model = SentenceTransformer(str(bert_folder), device="cpu")
    first, second = (
        model.encode([text], prompt="질문: ", normalize_embeddings=True)[0]
        for text in lines_of(here / "o")[7]["text"].split(" | ")
    )
    assert lines_of(here / "o")[7]["answers"][str(bert_folder)] == pytest.approx(float(first @ second), abs=1e-5)


def test_texts_that_are_not_read_whole_are_counted(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    long = "How do I reset my password? " * 5
    pairs = [{"sentence1": "a card", "sentence2": long if i < 3 else "a refund", "score": i} for i in range(6)]
    (here / "long.jsonl").write_text(records(pairs), encoding="utf-8")
    result = evaluate("--model", str(bert_folder), "--max-length", "16", "--data", "long.jsonl", "--output", "out")
    cut = result["models"][0]["truncated"]["query"]
    assert (cut["texts"], cut["max_length"], cut["cut"]) == (12, 16, 3)  # both sentences of each pair
    assert {one["code"]: one["count"] for one in result["findings"]}["truncated-texts"] == 3


def test_labelled_texts_choose_among_candidates_where_these_are_given(evaluate: Evaluate, here: Path) -> None:
    result = evaluate("--data", "texts.jsonl", "--candidates", "labels.jsonl", "--output", "out")
    by_label = {row["label"]: row for row in result["models"]}
    assert by_label["bm25"]["metrics"]["accuracy"] == 1.0  # each text shares the word of its own label alone
    assert by_label["bm25"]["confusion"] == {"labels": sorted(NAMES), "counts": (4 * np.eye(4, dtype=int)).tolist()}
    lines = lines_of(here / "out")
    starter = [line["answers"]["starter"] == line["expected"] for line in lines]
    assert by_label["starter"]["metrics"]["accuracy"] == np.mean(starter)
    assert sum(sum(row) for row in by_label["starter"]["confusion"]["counts"]) == 16
    assert {one["code"] for one in result["findings"]} == {"weak-test"}
    assert "labels.jsonl" in " ".join(result["facts"]["data_sha256"])
    assert "4 candidate labels in 8 wordings" in result["stderr"]
    mean = evaluate("--data", "texts.jsonl", "--candidates", "labels.jsonl", "--wordings", "mean", "--model", "bm25")
    assert "the mean of its wordings" in mean["stderr"]
    plain = evaluate("--data", "texts.jsonl", "--model", "bm25")
    assert plain["models"][0]["task"] == "retrieval" and "--candidates FILE" in plain["stderr"]


def test_triplets_where_they_are_asked_for(evaluate: Evaluate, here: Path) -> None:
    result = evaluate("--data", "rows.jsonl", "--task", "triplets", "--model", "bm25", "--output", "out")
    (row,) = result["models"]
    assert row["metrics"]["accuracy"] == 1.0 and row["queries"] == 10
    assert all(line["scores"]["bm25"]["margin"] > 0 for line in lines_of(here / "out"))
    plain = evaluate("--data", "rows.jsonl", "--model", "bm25")
    assert plain["models"][0]["task"] == "retrieval" and "--task triplets" in plain["stderr"]


def test_kinds_mix_and_only_sets_of_one_kind_have_a_mean(evaluate: Evaluate, here: Path) -> None:
    (here / "more").mkdir()
    (here / "more/sts.jsonl").write_text((here / "sts.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    data = [part for name in ("sts", "more/sts", "texts", "rows") for part in ("--data", f"{name}.jsonl")]
    result = evaluate(*data, "--candidates", "labels.jsonl", "--output", "out")
    kinds = {row["data"]: row["task"] for row in result["models"]}
    assert kinds == {"sts": "similarity", "sts (2)": "similarity", "texts": "candidates", "rows": "retrieval"}
    values = [row["metrics"]["spearman"] for row in result["models"] if row["task"] == "similarity"]
    assert {one["task"] for one in result["means"]} == {"similarity"}
    assert result["means"][0]["metrics"]["spearman"] == pytest.approx((values[0] + values[2]) / 2)
    assert {one["metric"] for one in result["comparisons"]} == {"spearman", "accuracy", "ndcg@10"}
    report = (here / "out/report.md").read_text(encoding="utf-8")
    for words in (
        "20 pairs, 20 second sentences",
        "16 texts, 8 wordings",
        "Mean over the sets",
        "F1 of starter",
        "nDCG@10",
    ):
        assert words in report


def test_without_json_the_labels_taken_for_others_are_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "labels.jsonl").write_text(
        records([{"label": name, "text": NAMES[(i + 1) % 4]} for i, name in enumerate(NAMES)]), encoding="utf-8"
    )
    arguments = ["evaluate", "--model", "bm25", "--data", "texts.jsonl", "--candidates", "labels.jsonl", "--quiet"]
    assert guarded(build_app(), arguments) == 0
    out = capsys.readouterr().out
    assert "macro F1" in out and "bm25 chose" in out and "영수증" in out


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--task", "candidates", "--data", "texts.jsonl"), 2, "no candidates to choose from"),
        (("--candidates", "labels.jsonl", "--data", "sts.jsonl"), 2, "no set holds labelled texts"),
        (("--candidates", "nowhere.jsonl", "--data", "texts.jsonl"), 1, "no such file"),
        (
            ("--candidates", "texts.jsonl", "--task", "candidates", "--data", "plain.jsonl"),
            1,
            "text and label, got pairs",
        ),
        (("--task", "similarity", "--data", "plain.jsonl"), 1, "sentence1, sentence2 and score, got pairs"),
        (("--task", "triplets", "--data", "plain.jsonl"), 1, "negatives, got pairs"),
        (("--task", "similarty", "--data", "sts.jsonl"), 2, "similarity"),
        (("--run", "a.trec", "--data", "sts.jsonl"), 2, "holds pairs (similarity)"),
        (("--candidates", "few.jsonl", "--data", "texts.jsonl"), 1, "no wording for 2 labels of 8 texts"),
        (("--data", "flat.jsonl"), 1, "the same score"),
        (("--data", "sts.jsonl", "--quantize", "int8", "--model", "starter"), 2, "sts.jsonl is for similarity"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_is_refused(evaluate: Evaluate, here: Path, options: tuple[str, ...], code: int, words: str) -> None:
    (here / "a.trec").write_text("q0 Q0 d0 1 2.0 x\n", encoding="utf-8")
    (here / "few.jsonl").write_text(records([{"label": name, "text": "x"} for name in NAMES[:2]]), encoding="utf-8")
    flat = [{"sentence1": f"a{i}", "sentence2": f"b{i}", "score": 3} for i in range(3)]
    (here / "flat.jsonl").write_text(records(flat), encoding="utf-8")
    error = evaluate(*options, "--model", "bm25", code=code)["error"]
    assert words in error["message"]
    assert not (here / "evaluations").exists()


def test_compare_goes_by_the_queries_that_have_the_metric(evaluate: Evaluate, here: Path) -> None:
    data = [part for name in ("rows", "sts", "texts") for part in ("--data", f"{name}.jsonl")]
    own = evaluate(*data, "--candidates", "labels.jsonl", "--output", "out")
    values = {(row["task"], row["label"]): row["metrics"] for row in own["models"]}
    for metric, task, count in (
        ("spearman", "similarity", 20),
        ("accuracy", "candidates", 16),
        ("ndcg@10", "retrieval", 10),
    ):
        with pytest.MonkeyPatch.context() as patch:
            printed: list[dict[str, Any]] = []
            patch.setattr("embedtune.cli.shared.output.print_json", printed.append)
            arguments = ["compare", "out#starter", "out#bm25", "--metric", metric, "--json"]
            assert guarded(build_app(), arguments) == 0
        expected = values[task, "bm25"][metric] - values[task, "starter"][metric]
        assert (printed[0]["queries"], printed[0]["difference"]) == (count, pytest.approx(expected, abs=1e-5))


@pytest.mark.parametrize(
    ("options", "learned", "count"),
    [
        (("--data", "sts.jsonl"), "password 글 0", 1),
        (("--data", "rows.jsonl", "--task", "triplets"), "refund 1?", 1),
        (("--data", "texts.jsonl", "--candidates", "labels.jsonl"), "배송 질문 2", 1),
        (("--data", "sts.jsonl"), "nothing of these", 0),
    ],
)
def test_texts_that_were_trained_on_are_told_for_every_task(
    evaluate: Evaluate, here: Path, options: tuple[str, ...], learned: str, count: int
) -> None:
    (here / "learned.jsonl").write_text(records([{"query": learned, "answer": "Some answer."}]), encoding="utf-8")
    result = evaluate("--model", "bm25", *options, "--train-data", "learned.jsonl")
    told = {one["code"]: one["count"] for one in result["findings"]}
    assert told.get("test-queries-seen-in-training", 0) == count
