import gzip
import json

import pytest

from embedtune.data.sources.beir import is_beir, qrels_files, read_beir
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
    with pytest.raises(DataError):
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
    judgments = [("q0", "d0", 1), ("q9", "d1", 1), ("q1", "d99", 1), ("q2", "d2", "high"), ("q3", "d3", 1.5)]
    folder = beir("set", {"train": [*judgments, ("q0", "d0", 2)]})
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(
            '{"_id": "d0", "title": "", "text": "again"}\n{"_id": "", "text": "x"}\n{"_id": "d8", "text": 3}\n'
        )
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "q8", "text": " ", "service": "s"}\n')
    with pytest.raises(DataError) as caught:
        read_beir(folder, ["train"])
    message = caught.value.message
    assert "9 problems" in message
    for fault in (
        "corpus.jsonl:9: the id 'd0' appears twice, first in line 1",
        "corpus.jsonl:10: the id is missing or empty",
        "corpus.jsonl:11: 'text' must be text, got a number (3)",
        "queries.jsonl:9: 'text' is empty",
        "train.tsv:3: the judgment names the query 'q9', which is not in queries.jsonl",
        "train.tsv:4: the judgment names the document 'd99', which is not in corpus.jsonl",
        "train.tsv:5: the grade must be an integer, got a text (high)",
        "train.tsv:6: the grade must be an integer, got a text (1.5)",
        "train.tsv:7: query 'q0' and document 'd0' are judged 2 here, 1 at",
    ):
        assert fault in message


def test_an_empty_document_is_left_out_aloud_unless_judged(beir) -> None:
    folder = beir("set", {"train": [("q0", "d0", 1)], "dev": [("q1", "e", 1)]})
    with (folder / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"_id": "e", "title": "", "text": ""}\n')
    read = read_beir(folder, ["train"])
    assert "e" not in read.corpus
    assert (read.findings[0].code, read.findings[0].count) == ("empty-documents", 1)
    assert "no judgment names them" in read.findings[0].message
    with pytest.raises(DataError, match="whose text is empty"):
        read_beir(folder, ["train", "dev"])
    judged = read_beir(folder, ["dev"], allow_absent=True)
    assert "1 of them judged, which counts against every ranking" in judged.findings[0].message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("q0\td0\t1\nq1\td1\t1\n", "missing: 'query-id', 'corpus-id', 'score'"),
        ("query-id\tcorpus-id\tscore\n", "there are no judgments"),
        ("query-id\tcorpus-id\tscore\nq0\td0\t0\n", "no judgment is above 0"),
        ("query-id\tcorpus-id\tscore\nq0\td0\n", "got 2 fields instead of 3"),
        ("query-id,corpus-id,score\nq0,d0,1\n", "the columns are 'query-id,corpus-id,score'"),
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
