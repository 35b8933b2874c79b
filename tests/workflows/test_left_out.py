"""What `check --fix` leaves out of its copy: every line of the source is in one of its two files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from embedtune import api
from embedtune.durable import UNFINISHED


def fix(here: Path, data: str, **more: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    fixed = api.check(data=data, fix="out.jsonl", **more).fixed
    assert fixed is not None
    texts = [(here / name).read_text(encoding="utf-8").splitlines() for name in ("out.jsonl", "out.removed.jsonl")]
    kept, removed = ([json.loads(line) for line in lines] for lines in texts)
    assert not list(here.glob(f".*{UNFINISHED}")) and not list(here.glob("*lock"))
    return kept, removed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


GOOD = '{"anchor": "질문", "positive": "답", "id": 7, "place": "here", "tags": ["a"]}'


def test_broken_lines_stay_as_they_are(here: Path) -> None:
    broken = ['{"anchor": "q", "posit', '  ["q", "p"]  ', '{"anchor": "a", "anchor": "b"}', "그냥 글"]
    bare = '{"anchor": "no positive", "note": "keep me"}'
    (here / "d.jsonl").write_text("\n".join([GOOD, *broken[:2], "", *broken[2:], bare]) + "\n", encoding="utf-8")
    kept, removed = fix(here, "d.jsonl")
    assert kept == [json.loads(GOOD)]
    assert [one["line"] for one in removed if "line" in one] == broken
    assert [one["place"] for one in removed] == ["d.jsonl:7", *(f"d.jsonl:{n}" for n in (2, 3, 5, 6))]
    assert removed[0]["note"] == "keep me" and removed[0]["anchor"] == "no positive"
    assert "'positive' is missing" in removed[0]["reason"] and "invalid JSON" in removed[1]["reason"]


def test_bytes_that_are_not_utf8_can_be_had_back(here: Path) -> None:
    raw = b'{"anchor": "\xb0\xa1", "positive": "p"'
    (here / "d.jsonl.gz").write_bytes(gzip.compress(GOOD.encode() + b"\n" + raw + b"\n"))
    _, removed = fix(here, "d.jsonl.gz")
    assert removed[0]["line"].encode("utf-8", "surrogateescape") == raw


def test_lines_of_a_csv(here: Path) -> None:
    lines = ["anchor,positive,topic", "q,p,1", "one,two,three,four", '"a', 'b",c,2', ",empty,3", '"never closed,x']
    (here / "d.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept, removed = fix(here, "d.csv")
    assert kept == [
        {"anchor": "q", "positive": "p", "topic": "1"},
        {"anchor": "a\nb", "positive": "c", "topic": "2"},
    ]
    assert [one.get("line") for one in removed] == [None, lines[2], lines[6]]
    assert removed[0]["topic"] == "3"


def test_an_array_on_one_line(here: Path) -> None:
    (here / "d.json").write_text(f'[{GOOD}, {{"anchor": "", "positive": "p", "id": 8}}]', encoding="utf-8")
    kept, removed = fix(here, "d.json")
    assert [one["id"] for one in kept] == [7]
    assert {one["id"] for one in removed} == {7, 8}  # both begin on the line of the fault


@pytest.mark.parametrize(
    ("rows", "kept_as"),
    [
        ([{"text": "t", "title": "T", "url": "u"}], [{"text": "t", "title": "T", "url": "u"}]),
        ([{"text": "t", "label": "l", "id": 1}], [{"text": "t", "label": "l", "id": 1}]),
        (
            [{"query": "q", "pos": ["p1", "p2"], "neg": ["n"], "prompt": "x"}],
            [{"anchor": "q", "positive": p, "negatives": ["n"], "prompt": "x"} for p in ("p1", "p2")],
        ),
        (
            [{"anchor": "q", "chosen": "c", "rejected": "r", "weight": 2.0}],
            [{"anchor": "q", "chosen": "c", "rejected": ["r"], "weight": 2.0}],
        ),
        (
            [{"sentence1": "a", "sentence2": "b", "score": 1.0, "genre": "g"}],
            [{"sentence1": "a", "sentence2": "b", "score": 1.0, "genre": "g"}],
        ),
    ],
)
def test_columns_without_a_role_stay_in_every_format(here: Path, rows: list[Any], kept_as: list[Any]) -> None:
    (here / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert fix(here, "d.jsonl")[0] == kept_as


def test_the_group_and_a_name_that_a_row_has_itself(here: Path) -> None:
    row = {"title": "q", "anchor": "a heading", "positive": "p", "topic": "t"}
    (here / "d.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    kept, _ = fix(here, "d.jsonl", columns={"anchor": "title"}, group="topic")
    assert kept == [{"anchor": "q", "positive": "p", "anchor_": "a heading", "topic": "t"}]


def test_rows_of_parquet_and_of_judgments(here: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = {"anchor": ["q", ""], "positive": ["p", "x"], "n": [1, 2]}
    pyarrow.parquet.write_table(pyarrow.table(table), here / "d.parquet")
    kept, removed = fix(here, "d.parquet")
    assert (kept[0]["n"], removed[0]["n"], removed[0]["place"]) == (1, 2, "d.parquet:2")
    (here / "set" / "qrels").mkdir(parents=True)
    broken = '{"_id": "d2", "text"'
    (here / "set" / "corpus.jsonl").write_text('{"_id": "d1", "text": "t"}\n' + broken + "\n", encoding="utf-8")
    (here / "set" / "queries.jsonl").write_text('{"_id": "q1", "text": "a question"}\n', encoding="utf-8")
    (here / "set" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n", encoding="utf-8")
    _, removed = fix(here, "set", split="test", force=True)
    assert [one["line"] for one in removed] == [broken]


def test_the_same_command_again_replaces_its_own_copy_and_not_an_edited_one(here: Path) -> None:
    (here / "d.jsonl").write_text(GOOD + "\n{broken\n", encoding="utf-8")
    (here / ".out.jsonl.abc.unfinished").mkdir()
    (here / ".out.jsonl.abc.unfinished" / "out.jsonl").write_text("half")
    assert fix(here, "d.jsonl") == fix(here, "d.jsonl")
    (here / "out.removed.jsonl").write_text("edited")
    with pytest.raises(Exception, match=r"out\.removed\.jsonl already exists, and it has changed") as refused:
        fix(here, "d.jsonl")
    assert refused.value.exit_code == 2  # type: ignore[attr-defined]
    assert (here / "out.removed.jsonl").read_text() == "edited"
