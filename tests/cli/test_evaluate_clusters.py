"""`embedtune evaluate --task clusters`: agreement with labels, a verdict on AMI, and what it refuses."""

import json
from pathlib import Path

import pytest

TOPICS = {
    "card": ("my card was lost", "a lost card was found", "block my card now", "card stolen abroad"),
    "rate": ("euro exchange rate", "rate for dollars", "exchange euro here", "dollar rate now"),
    "refund": ("refund my order please", "the order refund is late", "refund for a late order", "order refund status"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with 60 labelled texts."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"text": f"{text} {number}", "label": label}
        for label, texts in TOPICS.items()
        for number, text in enumerate(texts * 5)
    ]
    (tmp_path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def test_clusters_of_encoders_are_compared_on_ami(evaluate):
    found = evaluate(
        "--task", "clusters", "--data", "labelled.jsonl", "--model", "starter", "--dimensions", "2", "--output", "out"
    )
    full, cut = found["models"]
    assert list(full["metrics"]) == ["ami", "v_measure", "ari", "homogeneity", "completeness"]
    assert (full["queries"], full["documents"], full["task"]) == (60, 3, "clusters")
    for row in (full, cut):
        for name, (low, high) in row["intervals"].items():
            assert low <= row["metrics"][name] <= high
    [test] = found["comparisons"]
    assert test["metric"] == "ami"
    assert test["difference"] == pytest.approx(cut["metrics"]["ami"] - full["metrics"]["ami"], abs=1e-9)


def test_what_has_no_vectors_is_refused(evaluate):
    failed = evaluate("--task", "clusters", "--data", "labelled.jsonl", "--model", "bm25", code=2)
    assert "no vectors" in failed["error"]["message"]


def test_figures_by_mtebs_protocol_are_added_under_their_own_names(evaluate):
    asked = ("--task", "clusters", "--data", "labelled.jsonl", "--model", "starter", "--mteb")
    found = evaluate(*asked, "--output", "by_mteb")
    [row] = found["models"]
    assert list(row["metrics"])[-2:] == ["mteb_v_measure", "mteb_ami"]
    assert 0 <= row["metrics"]["mteb_ami"] <= row["metrics"]["mteb_v_measure"] <= 1
    assert "mteb_ami" not in row["intervals"]
    assert any("16,384 texts with replacement" in said for said in found["described"])
    assert "mteb V-measure" in (Path("by_mteb") / "report.md").read_text(encoding="utf-8")


def test_mtebs_protocol_is_for_clusters_alone(evaluate):
    failed = evaluate("--data", "labelled.jsonl", "--model", "starter", "--mteb", code=2)
    assert failed["error"]["where"] == "--mteb" and "--task clusters" in failed["error"]["next"]
