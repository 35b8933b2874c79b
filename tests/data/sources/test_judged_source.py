"""Judged queries as an evaluation reads them: everything counted, nothing dropped in silence."""

import json

import pytest

from embedtune.data.sources.judged_source import read_judged
from embedtune.errors import DataError


@pytest.fixture
def folder(beir):
    """A BEIR folder whose test split has every oddity that an evaluation counts."""
    judgments = [("q0", "d0", 2), ("q0", "gone", 1), ("q1", "d1", 0), ("q2", "d2", 1)]
    made = beir("set", {"test": judgments, "train": [("q3", "d3", 1)]})
    third = json.loads((made / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[2])
    with (made / "corpus.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({**third, "_id": "copy of d2"}, ensure_ascii=False) + "\n")
    return made


def test_oddities_of_a_beir_folder_are_findings(folder) -> None:
    read = read_judged(str(folder), "test", {})
    found = {finding.code: finding for finding in read.findings}
    assert list(read.judged.queries) == ["q0", "q1", "q2"]
    assert read.judged.qrels["q0"] == {"d0": 2, "gone": 1}
    assert found["queries-without-relevant"].examples == ("q1",)
    assert found["judgments-outside-corpus"].count == 1
    assert "test.tsv:3 (document gone)" in found["judgments-outside-corpus"].examples[0]
    assert found["duplicate-documents"].count == 1
    assert "copies compete with 1 relevant document for ranks." in found["duplicate-documents"].message
    assert set(read.hashes) == {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv"}
    assert "split test: 3 queries over" in read.described[0]


def test_pairs_without_splits_are_read_whole(put) -> None:
    path = put("질문답변.jsonl", '{"query": "언제요?", "answer": "내일요."}\n{"query": "언제요?", "answer": "곧요."}\n')
    read = read_judged(str(path), "test", {})
    assert list(read.judged.queries.values()) == ["언제요?"]
    assert sorted(read.judged.corpus.values()) == ["곧요.", "내일요."]
    assert read.judged.name == "질문답변"
    with pytest.raises(DataError, match="not divided into splits"):
        read_judged(str(path), "dev", {})


def test_pairs_beside_a_beir_folder_are_no_judged_split(folder, put) -> None:
    (folder / "qrels" / "train.tsv").unlink()
    put("set/pairs.jsonl", '{"anchor": "a", "positive": "b"}\n')
    with pytest.raises(DataError, match="no corpus") as caught:
        read_judged(str(folder), "train", {})
    assert caught.value.next == "--split test"


def test_columns_of_a_beir_folder_are_not_chosen_and_that_is_said(folder) -> None:
    assert "--columns is not used" in read_judged(str(folder), "test", {"anchor": "q"}).described[1]


def test_a_split_that_is_not_there(folder) -> None:
    with pytest.raises(DataError, match="no split 'tset'"):
        read_judged(str(folder), "tset", {})


def test_texts_alone_are_refused_and_scored_pairs_are_told(put) -> None:
    path = put("texts.txt", "하나\n둘\n")
    with pytest.raises(DataError, match=r"2 texts without pairs.*no column says what is relevant"):
        read_judged(str(path), "test", {})
    path = put("scored.csv", "sentence1,sentence2,score\n가,나,5\n다,라,1\n")
    read = read_judged(str(path), "test", {})
    assert list(read.judged.queries.values()) == ["가"]
    assert "of 2 scored pairs, the 1 with a score of 4 or more" in read.described[1]
