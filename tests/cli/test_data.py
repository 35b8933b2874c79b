"""`embedtune data preferences`, from a log to rows that training reads."""

import json

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources.tables import open_table


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "clicks.jsonl"
    records = [{"anchor": "질문", "shown": ["못한 답", "나은 답"], "clicked": 1}] * 2
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def test_a_log_becomes_preferences(log, tmp_path, capsys):
    output = tmp_path / "preferences.jsonl"
    assert guarded(build_app(), ["data", "preferences", str(log), "--output", str(output), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["output"], said["rows"], said["clicks"]) == (str(output), 1, 2)
    rows = read_part(open_table(output), {}).content
    assert (list(rows.anchors), list(rows.positives), rows.negatives, rows.weights) == (
        ["질문"],
        ["나은 답"],
        [("못한 답",)],
        [2.0],
    )


def test_a_file_that_is_there_stays(log, tmp_path, capsys):
    output = tmp_path / "preferences.jsonl"
    output.write_text("mine", encoding="utf-8")
    assert guarded(build_app(), ["data", "preferences", str(log), "--output", str(output)]) == 2
    assert output.read_text(encoding="utf-8") == "mine"
    assert guarded(build_app(), ["data", "preferences", str(log), "--output", str(output), "--force"]) == 0
    assert "embedtune train --loss dpo --data" in capsys.readouterr().out


def test_a_log_that_says_nothing_is_refused(tmp_path, capsys):
    path = tmp_path / "clicks.jsonl"
    path.write_text('{"anchor": "q", "shown": ["a", "b"], "clicked": 0}\n', encoding="utf-8")
    assert (
        guarded(build_app(), ["data", "preferences", str(path), "--output", str(tmp_path / "out.jsonl"), "--json"]) == 1
    )
    assert "shows no preference" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_alone_it_shows_its_help(capsys):
    assert guarded(build_app(), ["data"]) == 0
    assert "preferences" in capsys.readouterr().out
