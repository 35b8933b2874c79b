import json

import pytest

from embedtune.data.checks.unreadable import Faults
from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import Rows
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import open_table


def blocks(path, rows=3, split=""):
    faults = Faults(str(path))
    return list(open_source(str(path)).blocks(split, {}, faults, rows=rows)), faults


def test_blocks_are_the_whole_cut_up(put, lines, pairs) -> None:
    path = put("pairs.jsonl", lines(pairs(8)))
    parts, _ = blocks(path)
    whole = read_part(open_table(path), {}).content
    assert [len(part.content) for part in parts] == [3, 3, 2]
    assert isinstance(whole, Rows)
    for name in ("anchors", "positives", "places"):
        assert [one for part in parts for one in getattr(part.content, name)] == getattr(whole, name)


def test_faults_are_counted_by_kind_and_the_other_rows_come(put, lines, pairs) -> None:
    records = [
        *pairs(3),
        {"anchor": " ", "positive": "p"},
        {"anchor": "q"},
        {"anchor": "q", "reply": "p"},
        {"anchor": "q", "positive": 4},
        *pairs(2, 3),
    ]
    path = put("pairs.jsonl", lines(records) + "{broken\n")
    parts, faults = blocks(path)
    assert sum(len(part.content) for part in parts) == 5
    assert {one.code: one.count for one in faults.findings()} == {"empty-texts": 2, "unreadable-rows": 3}
    assert [one.severity for one in faults.findings()] == ["note", "error"]
    assert faults.findings()[0].examples[0] == f"{path}:4: 'anchor' is empty"
    faults.raise_if_any()


def test_a_beir_folder_comes_in_blocks_without_its_faulty_judgments(beir) -> None:
    folder = beir(
        "set", {"train": [("q0", "d0", 1), ("q1", "gone", 1), ("q2", "d2", 1), ("q3", "d3", 0), ("q4", "d4", 1)]}
    )
    parts, faults = blocks(folder, rows=2, split="train")
    assert [part.content.anchors for part in parts] == [["질문 0?", "질문 2?"], ["질문 4?"]]
    assert not faults.findings()
    assert [(one.code, one.count) for one in parts[0].findings] == [("judgments-outside-corpus", 1)]


def test_contradictions_of_a_premise_may_stand_anywhere(put) -> None:
    records = [
        {"premise": "p", "hypothesis": "a", "label": "entailment"},
        *({"premise": f"x{i}", "hypothesis": "n", "label": "neutral"} for i in range(6)),
        {"premise": "p", "hypothesis": "b", "label": "contradiction"},
    ]
    parts, faults = blocks(put("nli.jsonl", "".join(json.dumps(one) + "\n" for one in records)))
    assert [part.content.negatives for part in parts] == [[("b",)]]
    assert faults.findings() == []


@pytest.mark.parametrize("scores", [[0, 0, 0, 5, 4, 1], [5, 4, 1, 0, 0, 0]])
def test_scored_pairs_come_whole_with_scores(put, lines, scores) -> None:
    records = [{"sentence1": f"a{i}", "sentence2": f"b{i}", "score": score} for i, score in enumerate(scores)]
    parts, faults = blocks(put("sts.jsonl", lines(records)))
    assert [score for part in parts for score in part.scored.scores] == scores
    assert faults.findings() == []
