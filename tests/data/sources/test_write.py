import json

import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.rows import Rows
from embedtune.data.sources.tables import open_table
from embedtune.data.sources.write import row_records, write_jsonl
from embedtune.errors import OutputError


def test_rows_come_back_as_they_were(tmp_path) -> None:
    rows = Rows(["질문", "q\nr"], ['답 "인용"', "\u1112\u1161"], [["n", "m"], []], labels=["x", "y"])
    path = tmp_path / "new" / "rows.jsonl"
    assert write_jsonl(path, row_records(rows)) == 2
    back = read_part(open_table(path), {}).content
    assert (back.anchors, back.positives, back.labels) == (rows.anchors, rows.positives, rows.labels)
    assert [list(texts) for texts in back.negatives] == rows.negatives
    assert "질문" in path.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        write_jsonl(tmp_path / "file" / "rows.jsonl", [])
    assert "rows.jsonl" in str(caught.value.where)


def test_lines_are_plain_json(tmp_path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"a": 1}, {"a": None}])
    assert [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()] == [{"a": 1}, {"a": None}]
