"""Whatever the filters, a query's own positive is never its negative: not behind a title, cut, or in capitals."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.mine import MineConfig
from embedtune.data.sources.write import write_jsonl
from embedtune.workflows.mine.run import mine

ILLS = ["renal failure", "hip fracture", "chest cold", "hay fever", "리튬 중독", "소아 천식", "만성 두통", "급성 위염"]
POSITIVES = [
    f"Early {ill} is treated with {ill[:3]}ol-{i}, taken for {i + 3} days, and with rest." for i, ill in enumerate(ILLS)
]


def negatives(folder: Path, pairs: list[dict[str, Any]], corpus: list[str]) -> tuple[list[list[str]], dict[str, int]]:
    write_jsonl(folder / "pairs.jsonl", pairs)
    write_jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "text": text} for i, text in enumerate(corpus)])
    options = {
        "data": str(folder / "pairs.jsonl"),
        "corpus": str(folder / "corpus.jsonl"),
        "output": str(folder / "mined.jsonl"),
        "store": "none",
        "preset": "hardest",
        "candidates": "bm25",
        "negatives": 3,
        "device": "cpu",
    }
    result = mine(load(MineConfig, None, [], options))
    rows = map(json.loads, (folder / "mined.jsonl").read_text(encoding="utf-8").splitlines())
    return [row.get("negatives", []) for row in rows], dict(result.dropped)


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: f"Handbook_2021_final_v3.pdf - confidential {text}",
        lambda text: f"안내서 2021 {text}",
        lambda text: f"{text} Ask your doctor before you take it.",
        lambda text: text[: len(text) * 3 // 4],
        lambda text: f"passage: {text.upper()}",
    ],
    ids=["title", "Korean title", "suffix", "cut", "prompt"],
)
def test_no_copy_of_the_positive_is_mined_and_all_are_counted(tmp_path: Path, changed) -> None:
    pairs = [{"query": f"how is {ill} treated?", "positive": text} for ill, text in zip(ILLS, POSITIVES, strict=True)]
    corpus = [changed(text) for text in POSITIVES]
    mined, dropped = negatives(tmp_path, pairs, corpus)
    assert all(mined) and all(corpus[i] not in own for i, own in enumerate(mined))
    assert dropped.get("near_copy", 0) + dropped.get("duplicate", 0) == len(ILLS)


def test_another_fact_stays_a_negative(tmp_path: Path) -> None:
    pairs = [{"query": f"how is {ill} treated?", "positive": text} for ill, text in zip(ILLS, POSITIVES, strict=True)]
    corpus = [text.replace(" days", "0 days") for text in POSITIVES]
    mined, dropped = negatives(tmp_path, pairs, corpus)
    assert all(corpus[i] in own for i, own in enumerate(mined)) and "near_copy" not in dropped


def test_answers_to_the_same_question_in_capitals_are_known(tmp_path: Path) -> None:
    pairs = [{"query": "how is it treated", "positive": "It is treated with rest and with tea."}]
    pairs += [{"query": "HOW IS IT TREATED?", "positive": "How it is treated: by surgery in a clinic."}]
    mined, dropped = negatives(tmp_path, pairs, [pair["positive"] for pair in pairs] + ["How to treat it is unknown."])
    assert mined == [["How to treat it is unknown."]] * 2 and dropped["known_positive"] == 4


def test_a_document_that_is_the_query_is_not_mined(tmp_path: Path) -> None:
    pairs = [
        {"query": text, "positive": f"Counter {i}: that is wrong, {ill} needs no cure."}
        for i, (ill, text) in enumerate(zip(ILLS, POSITIVES, strict=True))
    ]
    corpus = [f"Debate {i}: {text}" for i, text in enumerate(POSITIVES)]
    mined, dropped = negatives(tmp_path, pairs, corpus)
    assert all(corpus[i] not in own for i, own in enumerate(mined)) and dropped["near_copy"] == len(ILLS)
