"""TREC run files: what is written comes back, and faults are told by line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.errors import DataError, OutputError
from embedtune.evaluation.rankers import Ranking, by_run
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.trec import blank_findings, read_run, write_run

JUDGED = as_arrays(
    RetrievalSet("set", {"질문 1": "how"}, {"d 1": "so", "가": "그렇게", "c": "never"}, {"질문 1": {"가": 1}})
)
RANKING = Ranking(
    np.array([[1 / 3, np.nextafter(np.float32(1 / 3), np.float32(0)), -np.inf]], dtype=np.float32),
    np.array([[0, 1, -1]]),
)


def test_a_ranking_comes_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "system.trec"
    write_run(path, RANKING, JUDGED, "my system")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[:4] for line in lines] == [["질문 1", "Q0", "d 1", "1"], ["질문 1", "Q0", "가", "2"]]
    assert {line.split("\t")[5] for line in lines} == {"my-system"}
    back = by_run(read_run(path), JUDGED)
    assert back.positions.tolist() == [[0, 1]]
    assert np.array_equal(back.scores, RANKING.scores[:, :2])


def test_blanks_and_compression_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "system.trec.gz"
    path.write_bytes(gzip.compress(b"q1 Q0  d1 1 2.5 name\n\nq1 Q0 d2 2 -1e-3 name\n"))
    assert read_run(path) == {"q1": {"d1": 2.5, "d2": -0.001}}


def test_all_faults_are_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.trec"
    path.write_text("q1 Q0 d1 1 0.5 a\nq1 d2 0.5\nq1 Q0 d3 2 high a\nq1 Q0 d1 3 0.1 a\nq1 Q0 d4 4 nan a\n")
    with pytest.raises(DataError) as caught:
        read_run(path)
    for fault in (
        "bad.trec:2: got 3 fields, needed 6",
        "bad.trec:3: the score must be a number, got 'high'",
        "bad.trec:4: the document 'd1' is ranked twice for the query 'q1'",
        "bad.trec:5: the score must be a number, got 'nan'",
    ):
        assert fault in caught.value.message


@pytest.mark.parametrize(("content", "words"), [("\n\n", "no ranking in it"), ("", "empty"), (None, "no such file")])
def test_nothing_to_read(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "nothing.trec"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=words):
        read_run(path)


def test_an_id_that_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    judged = as_arrays(RetrievalSet("set", {"q": "how"}, {"a\tb": "so"}, {"q": {"a\tb": 1}}))
    with pytest.raises(OutputError, match="tab"):
        write_run(tmp_path / "x.trec", Ranking(np.ones((1, 1)), np.zeros((1, 1), dtype=np.int64)), judged, "x")


@pytest.mark.parametrize("score", ["1_0", "٣", "１.５", "0x1p3", "1e999", "Infinity"])
def test_scores_that_other_programs_cannot_read_are_refused(tmp_path: Path, score: str) -> None:
    path = tmp_path / "a.trec"
    path.write_text(f"q Q0 d 1 {score} a\n", encoding="utf-8")
    with pytest.raises(DataError, match="the score must be a number"):
        read_run(path)


def test_blanks_of_other_scripts_are_part_of_an_id(tmp_path: Path) -> None:
    path = tmp_path / "a.trec"
    path.write_text("q\u3000a Q0 d\u00a0b 1 0.5 a\n", encoding="utf-8")
    assert read_run(path) == {"q\u3000a": {"d\u00a0b": 0.5}}


def test_blanks_in_ids_are_told() -> None:
    (finding,) = blank_findings(JUDGED)
    assert finding.count == 2 and set(finding.examples) == {"질문 1", "d 1"}
    assert blank_findings(as_arrays(RetrievalSet("set", {"q": "how"}, {"d": "so"}, {"q": {"d": 1}}))) == []
