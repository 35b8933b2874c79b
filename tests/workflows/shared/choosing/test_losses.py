import json
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.workflows.shared.choosing.losses import Advice, advise


@pytest.fixture
def advised(tmp_path: Path) -> Any:
    def of(rows: list[dict[str, Any]], **more: Any) -> Advice:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return advise(prepare(DataSection(source=str(path), **more), 0), "my rows.jsonl")

    return of


def pairs(count: int = 200, **more: Any) -> list[dict[str, Any]]:
    return [{"anchor": f"question {n} of {7 * n}", "positive": f"reply {n} for {7 * n}", **more} for n in range(count)]


def test_plain_pairs_get_a_contrast_and_a_word_of_caution(advised: Any) -> None:
    found = advised(pairs())
    assert found.losses == ("gist",)
    assert any("strong encoder" in reason for reason in found.reasons)
    assert found.command == "embedtune train --loss gist --data 'my rows.jsonl'"
    assert "none was named. 1" in found.sentence and "losses --data 'my rows.jsonl'" in found.sentence
    assert found.know.startswith("embedtune tune --data 'my rows.jsonl' --budget ")


def test_a_race_is_proposed_from_the_encoder_and_only_where_it_could_be_decided(tmp_path: Path, advised: Any) -> None:
    few = advised(pairs(60))
    assert not few.can_race and "embedtune tune" not in few.sentence
    assert few.know == "a race of recipes needs at least 20 dev queries, and there are 6"
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in pairs()), encoding="utf-8")
    found = advise(prepare(DataSection(source=str(path)), 0), "rows.jsonl", model="pip:a model")
    assert found.can_race
    assert all("--data rows.jsonl --model 'pip:a model'" in command for command in (found.command, found.know))


def test_commands_name_the_columns_that_were_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("Q 1,A 1\n" + "".join(f"question {n} of {7 * n},reply {n} for {7 * n}\n" for n in range(200)))
    columns = {"anchor": "Q 1", "positive": "A 1"}
    found = advise(prepare(DataSection(source=str(path), columns=columns), 0), "rows.csv", columns)
    for command in (found.command, found.know, found.sentence):
        assert "--data rows.csv --columns 'anchor=Q 1,positive=A 1'" in command


def test_scores_of_a_teacher_are_used(advised: Any) -> None:
    rows = [{**row, "negatives": [f"other {n}"], "scores": [0.9, 0.1]} for n, row in enumerate(pairs())]
    found = advised(rows)
    assert found.losses == ("gist", "distill:0.5")
    assert not any("strong encoder" in reason for reason in found.reasons)


def test_pairs_that_share_an_answer_are_counted(advised: Any) -> None:
    rows = [{"anchor": f"question {n}", "positive": f"reply on topic {n % 10}"} for n in range(400)]
    found = advised(rows)
    said = next(reason for reason in found.reasons if "share a text or class" in reason)
    # A tenth of all pairs has one answer, less the pair itself.
    assert 1.2 < float(said.split("batch, ")[1].split(" share")[0]) < 1.9
    assert "--guide self" in said


def test_texts_alone_are_learned_from_views(advised: Any) -> None:
    rows = [
        {"text": f"A passage on number {n}. It says that {7 * n} follows. Nothing else is in it."} for n in range(200)
    ]
    assert advised(rows, views="crop").losses == ("infonce",)
