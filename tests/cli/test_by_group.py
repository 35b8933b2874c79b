"""Evidence by group from the command line: evaluate, compare and candidates, each saying both counts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.evaluation.verdicts.paired_tests import paired_permutation
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from tests.cli.conftest import Call

ROOMS, EACH = 12, 5


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty questions of twelve rooms; those of every third room share no word with their answer."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "query": f"question {number} about room{room}",
            "positive": f"answer {number}: " + ("something else" if room % 3 == 0 else f"room{room} question {number}"),
            "room": f"방 {room}",
        }
        for room in range(ROOMS)
        for number in range(room * EACH, room * EACH + EACH)
    ]
    written(tmp_path / "rows.jsonl", rows)
    return tmp_path


def test_evaluate_and_compare_go_by_the_rooms(here: Path, evaluate: Call, call: Call) -> None:
    found = evaluate(
        "--data", "rows.jsonl", "--model", "bm25", "--model", "starter", "--group", "room", "--output", "e"
    )
    [compared] = found["comparisons"]
    assert (compared["queries"], compared["groups"], compared["grouped_by"]) == (60, 12, "room")
    assert [row["groups"] for row in found["models"]] == [12, 12]
    lines = [json.loads(line) for line in (here / "e/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    values = np.array([[line["scores"][name]["ndcg@10"] for name in ("bm25", "starter")] for line in lines])
    rooms = QueryGroups.by("room", [line["group"]["room"] for line in lines])
    assert compared["p_value"] == paired_permutation(values[:, 1] - values[:, 0], groups=rooms)
    again = call("compare", "e#bm25", "e#starter", "--output", "c")
    assert (again["groups"], again["grouped_by"]) == (12, "room") and "in 12 groups by room" in again["sentence"]
    assert again["interval"] == pytest.approx(compared["interval"], abs=1e-6)
    runs = call("compare", "e/bm25.trec", "e/starter.trec", "--data", "rows.jsonl", "--group", "room", "--output", "d")
    assert runs["groups"] == 12
    assert "60 queries in 12 groups by room" in (here / "e/report.md").read_text(encoding="utf-8")


def test_queries_without_groups_are_said_to_be_so(here: Path, evaluate: Call) -> None:
    found = evaluate("--data", "rows.jsonl", "--model", "bm25", "--output", "e")
    assert [row["groups"] for row in found["models"]] == [None]
    assert "group" not in json.loads((here / "e/per_query.jsonl").read_text(encoding="utf-8").splitlines()[0])


def test_a_misspelt_group_is_refused(here: Path, evaluate: Call, call: Call) -> None:
    found = evaluate("--data", "rows.jsonl", "--model", "bm25", "--group", "rom", code=1)
    assert "room" in found["error"]["message"]
    found = call("compare", "e#bm25", "e#starter", "--group", "room", code=2)
    assert "--data" in found["error"]["next"]


def test_scored_pairs_have_no_groups(here: Path, evaluate: Call) -> None:
    rows = [{"sentence1": f"a {n}", "sentence2": f"b {n}", "score": n, "room": "x"} for n in range(5)]
    written(here / "pairs.jsonl", rows)
    found = evaluate("--data", "pairs.jsonl", "--model", "bm25", "--group", "room", code=2)
    assert found["error"]["where"] == "--group"


def test_candidates_go_by_the_rooms(here: Path, evaluate: Call) -> None:
    labels = ("door", "lamp")
    written(here / "words.jsonl", [{"label": label, "text": f"the {label}"} for label in labels])
    texts = [
        {"text": f"{labels[room % 2]} number {number}", "label": labels[(room + room // 4) % 2], "room": f"r{room}"}
        for room in range(8)
        for number in range(4)
    ]
    written(here / "texts.jsonl", texts)
    options = ("--data", "texts.jsonl", "--candidates", "words.jsonl", "--model", "bm25", "--model", "starter")
    by_room = evaluate(*options, "--group", "room", "--output", "a")
    alone = evaluate(*options, "--output", "b")
    assert by_room["models"][0]["metrics"] == alone["models"][0]["metrics"]
    width = [high - low for low, high in (one["models"][0]["intervals"]["accuracy"] for one in (alone, by_room))]
    assert width[1] > 1.5 * width[0]  # all four texts of a room are right or wrong together: a design effect of 4
    assert by_room["comparisons"][0]["groups"] == 8
