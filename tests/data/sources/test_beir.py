import gzip
import json

import pytest

from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.layouts.beir_files import is_beir, qrels_files
from embedtune.errors import DataError


def test_titles_come_before_texts_and_grades_are_kept(put, beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 2), ("q0", "d1", 0), ("q1", "d2", 1)]}, documents=3)
    put(
        "set/corpus.jsonl",
        "".join(
            json.dumps(d) + "\n"
            for d in [
                {"_id": "d0", "title": "제목", "text": "본문"},
                {"_id": "d1", "title": "", "text": "본문"},
                {"_id": "d2", "text": "no title"},
            ]
        ),
    )
    read = read_beir(folder, ["train"])
    assert read.corpus == {"d0": "제목 본문", "d1": "본문", "d2": "no title"}
    assert read.judged("train").qrels == {"q0": {"d0": 2, "d1": 0}, "q1": {"d2": 1}}
    rows = read.rows("train")
    assert list(zip(rows.anchors, rows.positives, strict=True)) == [("질문 0?", "제목 본문"), ("질문 1?", "no title")]
    assert [place.rpartition("/")[2] for place in rows.places] == ["train.tsv:2", "train.tsv:4"]


def test_queries_without_a_relevant_document_are_not_asked(beir) -> None:
    read = read_beir(beir("set", {"test": [("q0", "d0", 1), ("q1", "d1", 0), ("q2", "d1", -1)]}), ["test"])
    assert list(read.judged("test").queries) == ["q0"]


def test_only_the_splits_asked_for_are_read(beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)], "broken": [("nobody", "nothing", "x")]})
    assert set(qrels_files(folder)) == {"train", "broken"}
    assert set(read_beir(folder, ["train"]).qrels) == {"train"}
    with pytest.raises(DataError, match="the grade must be an integer"):
        read_beir(folder, ["train", "broken"])


def test_groups_come_from_the_queries(beir) -> None:
    read = read_beir(beir("set", {"train": [("q0", "d0", 1), ("q5", "d1", 1)]}), ["train"], "service")
    assert read.rows("train").groups == ["s0", "s2"]
    with pytest.raises(DataError, match="'topic'"):
        read_beir(beir("set", {"train": [("q0", "d0", 1)]}), ["train"], "topic")


def test_files_may_be_compressed_or_tables(put, beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)]})
    corpus = folder / "corpus.jsonl"
    put("set/corpus.jsonl.gz", gzip.compress(corpus.read_bytes()))
    corpus.unlink()
    put("set/queries.csv", "_id,text\nq0,질문\n")
    (folder / "queries.jsonl").unlink()
    put("set/qrels/train.tsv", "score\tcorpus-id\tquery-id\n1\td0\tq0\n")
    assert is_beir(folder)
    assert read_beir(folder, ["train"]).qrels == {"train": {"q0": {"d0": 1}}}


def test_two_files_for_one_part_are_refused(put, beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)]})
    put("set/corpus.csv", "_id,text\nd0,a\n")
    with pytest.raises(DataError, match=r"corpus.csv and corpus.jsonl"):
        read_beir(folder, ["train"])


def test_faults_of_all_files_are_told_together(put, beir) -> None:
    judgments = [("q0", "d0", 1), ("q2", "d2", "high"), ("q3", "d3", 1.5), ("q3", "d3", 2**31), ("q3", "d3", "1_0")]
    folder = beir("set", {"train": [*judgments, ("q0", "d0", 2)]})
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(
            '{"_id": "d0", "title": "", "text": "again"}\n{"_id": "", "text": "x"}\n{"_id": "d8", "text": 3}\n'
        )
    with pytest.raises(DataError) as caught:
        read_beir(folder, ["train"])
    message = caught.value.message
    assert "8 problems" in message
    for fault in (
        "corpus.jsonl:9: the id 'd0' appears twice, first in line 1, with another text",
        "corpus.jsonl:10: the id is missing or empty",
        "corpus.jsonl:11: 'text' must be text, got a number (3)",
        "train.tsv:3: the grade must be an integer, got a text (high)",
        "train.tsv:4: the grade must be an integer, got a text (1.5)",
        "train.tsv:5: the grade must be at most 2,147,483,647, got a number (2147483648)",
        "train.tsv:6: the grade must be an integer, got a text (1_0)",
        "train.tsv:7: query 'q0' and document 'd0' are judged 2 here, 1 at",
    ):
        assert fault in message


def test_an_empty_document_is_left_out_and_counted(beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)], "dev": [("q1", "d1", 1), ("q1", "e", 1)]})
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "e", "title": "", "text": ""}\n')
    read = read_beir(folder, ["train"])
    assert "e" not in read.corpus
    assert (read.findings[0].code, read.findings[0].count) == ("empty-documents", 1)
    assert "no judgment names them" in read.findings[0].message
    both = {finding.code: finding for finding in read_beir(folder, ["train", "dev"]).findings}
    assert "1 of them judged" in both["empty-documents"].message
    assert "document e, whose text is empty" in both["judgments-outside-corpus"].examples[0]


def test_what_nothing_can_be_made_of_is_left_out_and_counted(beir) -> None:
    judgments = [("q0", "d0", 1), ("q9", "d1", 1), ("q1", "d99", 1), ("q8", "d2", 1), ("q0", "d0", 1), ("q2", "d2", 1)]
    folder = beir("set", {"test": judgments})
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "d0", "title": "제목 0", "text": "본문 0."}\n')
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "q8", "text": " ", "service": "s"}\n')
    read = read_beir(folder, ["test"])
    # As in trec_eval, q1 is asked and scores 0, since nobody can find d99; it teaches nothing.
    assert read.judged("test").qrels == {"q0": {"d0": 1}, "q1": {"d99": 1}, "q2": {"d2": 1}}
    assert read.rows("test").anchors == ["질문 0?", "질문 2?"]
    found = {finding.code: (finding.count, finding.examples[0].rpartition("/")[2]) for finding in read.findings}
    assert found == {
        "empty-queries": (1, "queries.jsonl:9 (query q8)"),
        "judgments-outside-corpus": (1, "test.tsv:4 (document d99)"),
        "judgments-without-query": (2, "test.tsv:3 (query q9)"),
        "repeated-judgments": (1, "test.tsv:2)"),
        "repeated-ids": (1, "corpus.jsonl:1)"),
    }


def test_judgments_that_fit_nothing_are_a_fault(beir) -> None:
    folder = beir("set", {"test": [("d0", "q0", 1), ("d1", "q1", 1)]})
    with pytest.raises(DataError, match="no judgment names both a query and a document that are there") as caught:
        read_beir(folder, ["test"])
    assert "order of the columns" in str(caught.value.next)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("q0\td0\thigh\nq1\td1\tlow\n", "missing: 'query-id', 'corpus-id', 'score'"),
        ("query-id\tcorpus-id\tscore\n", "there are no judgments"),
        ("query-id\tcorpus-id\tscore\nq0\td0\t0\n", "no judgment is above 0"),
        ("query-id\tcorpus-id\tscore\nq0\td0\n", "got 2 fields instead of 3"),
        ("", "the file is empty"),
    ],
)
def test_unusable_judgments(put, beir, content, words) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)]})
    put("set/qrels/train.tsv", content)
    with pytest.raises(DataError) as caught:
        read_beir(folder, ["train"])
    assert words in caught.value.message


def test_missing_parts(put, beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)]})
    (folder / "queries.jsonl").unlink()
    assert is_beir(folder)
    with pytest.raises(DataError, match=r"needs queries\.jsonl"):
        read_beir(folder, ["train"])


@pytest.mark.parametrize("odd", ["a\\tb", "a\\nb", "a\\rb", "\\ud83d", "a\\u0000"])
def test_ids_that_no_ranking_can_hold_are_refused_while_reading(beir, odd) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1)]})
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(f'{{"_id": "{odd}", "text": "x"}}\n')
    with pytest.raises(DataError, match="which no ranking can hold") as caught:
        read_beir(folder, ["test"])
    assert str(caught.value.where).endswith("corpus.jsonl:9")


@pytest.mark.parametrize("grade", ["1_0", "３", "9" * 30, "-99999999999", "inf", "0.5"])
def test_grades_that_other_programs_cannot_read_are_refused(beir, grade) -> None:
    with pytest.raises(DataError, match="the grade must be"):
        read_beir(beir("set", {"test": [("q0", "d0", 1), ("q1", "d1", grade)]}), ["test"])


def test_absent_documents_that_are_not_relevant_count_against_nothing(beir) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1), ("q0", "gone", 0), ("q1", "lost", 2)]})
    finding = next(one for one in read_beir(folder, ["test"]).findings if one.code == "judgments-outside-corpus")
    assert (finding.count, "the relevant ones (1) count against" in finding.message) == (2, True)
