"""Judgments as people have them: every dialect gives the same set as BEIR's own."""

import pytest

from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.sources.layouts.beir_files import BeirFiles
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError

PAIRS = [("q0", "d0"), ("q1", "d1"), ("q2", "d3")]
GRADES = {query: {document: 1} for query, document in PAIRS}
NAMED = "query-id\tcorpus-id\tscore\n"


def rows(line: str) -> str:
    return "".join(line.format(q=query, d=document) for query, document in PAIRS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("qrels/test.tsv", NAMED + rows("{q}\t{d}\t1.0\n")),
        ("qrels/test.tsv", rows("{q}\t{d}\t1\n")),
        ("qrels/test.tsv", "\ufeff" + rows("{q}\t{d}\t1\r\n")),
        ("qrels/test.csv", rows('"{q}",{d},1\n')),
        ("qrels/test.tsv", "query-id,corpus-id,score\n" + rows("{q},{d},1\n")),
        ("qrels/test.tsv", "Query ID\tCorpus-ID\tScore\n" + rows("{q}\t{d}\t1\n")),
        ("qrels/test.tsv", rows("{q} 0 {d} 1\n")),
        ("qrels/test.tsv", "qid\titer\tdocno\trel\n" + rows("{q}\t0\t{d}\t1\n")),
        ("qrels/test.txt", rows("{q} Q0 {d} 1\n") + "\n"),
        ("qrels/test.trec", "query_id iteration doc_id relevance\n" + rows("{q}  0  {d}  1\n")),
        ("qrels.txt", rows("{q} 0 {d} 1\n")),
        ("qrels-test.tsv", NAMED + rows("{q}\t{d}\t1\n")),
        ("test.qrels", rows("{q} 0 {d} 1\n")),
        ("qrels/test.jsonl", rows('{{"query-id": "{q}", "corpus-id": "{d}", "score": 1.0}}\n')),
        ("qrels/test.jsonl", rows('{{"qid": "{q}", "pid": "{d}", "label": true}}\n')),
    ],
)
def test_every_dialect_gives_the_same_judgments(put, beir, name, content) -> None:
    folder = beir("set", {})
    put(f"set/{name}", content)
    assert read_beir(folder, ["test"]).qrels == {"test": GRADES}
    assert open_source(str(folder)).splits == ("test",)


def test_a_file_that_names_no_split_is_said_to_be_the_test_split(put, beir) -> None:
    folder = beir("set", {})
    put("set/qrels.tsv", rows("{q}\t{d}\t1\n"))
    assert open_source(str(folder)).what == "a BEIR folder (set; qrels.tsv as split test)"


def test_faults_have_their_line_without_a_header_too(put, beir) -> None:
    folder = beir("set", {})
    put("set/qrels/test.tsv", "q0 0 d0 1\nq1 0 d1\nq2 0 d2 high\n")
    with pytest.raises(DataError) as caught:
        read_beir(folder, ["test"])
    assert "test.tsv:2: got 3 fields instead of 4 (query-id, iteration, corpus-id, score)" in caught.value.message
    assert "test.tsv:3: the grade must be an integer, got a text (high)" in caught.value.message


@pytest.mark.parametrize("grade", ["1_0", "١", "0.5", "1e1", "nan", ""])
def test_what_is_no_whole_number_is_no_grade(put, beir, grade) -> None:
    folder = beir("set", {})
    put("set/qrels/test.tsv", NAMED + f"q0\td0\t{grade}\n")
    with pytest.raises(DataError, match="the grade must be an integer"):
        read_beir(folder, ["test"])


def test_two_files_for_one_split_are_refused(put, beir) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1)]})
    put("set/qrels/test.txt", rows("{q} 0 {d} 1\n"))
    with pytest.raises(DataError, match=r"two files are for the split 'test': test\.tsv and test\.txt"):
        BeirFiles(folder).splits  # noqa: B018  (it is read when asked for)


def test_training_and_evaluation_read_the_same_set(beir) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1), ("q0", "gone", 1), ("nobody", "d1", 1), ("q1", "d1", 1)]})
    evaluated = read_judged(str(folder), "test", {})
    trained, findings = open_source(str(folder)).judged("test", "--eval-split")
    assert trained.qrels == evaluated.judged.qrels == {"q0": {"d0": 1, "gone": 1}, "q1": {"d1": 1}}
    codes = {"judgments-outside-corpus": 1, "judgments-without-query": 1}
    assert {one.code: one.count for one in findings} == codes
    assert codes.items() <= {one.code: one.count for one in evaluated.findings}.items()
