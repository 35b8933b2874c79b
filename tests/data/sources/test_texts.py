"""Texts in order, and the corpus of anything."""

import pytest

from embedtune.data.sources.texts import TextStream, corpus_of
from embedtune.errors import DataError


def test_a_stream_can_be_begun_again_and_knows_what_is_in_it(put) -> None:
    texts = TextStream(str(put("글.txt", "하나\n둘\n하나\n")))
    assert [document.text for document in texts] == [document.text for document in texts] == ["하나", "둘", "하나"]
    assert [len(batch) for batch in texts.batches(2)] == [2, 1]
    count, empty, digest = texts.facts()
    assert (count, empty) == (3, 0)
    assert TextStream(str(put("b.txt", "하나\n둘하나\n"))).facts()[2] != digest  # where texts end counts


def test_queries_or_corpus_of_a_beir_folder(beir) -> None:
    folder = str(beir("set", {"test": [("q0", "d0", 1)]}, documents=3))
    assert [document.id for document in TextStream(folder)] == ["d0", "d1", "d2"]
    assert [document.text for document in TextStream(folder, queries=True)] == ["질문 0?", "질문 1?", "질문 2?"]
    corpus, what = corpus_of(folder, None)
    assert corpus["d1"] == "제목 1 본문 1." and what == "a BEIR folder (set)"


def test_a_column_is_asked_for_by_the_name_of_the_option(put, lines) -> None:
    path = str(put("a.jsonl", lines([{"q": "언제?", "a": "지금."}])))
    with pytest.raises(DataError, match="cannot tell which of the columns 'q', 'a' holds the texts") as caught:
        list(TextStream(path))
    assert caught.value.next == "name the column that holds the texts: --column q"
    assert [document.text for document in TextStream(path, "a")] == ["지금."]
    with pytest.raises(DataError, match="cannot tell the format from the columns 'q', 'a'") as caught:
        corpus_of(path, None)
    assert caught.value.next == "name the column that holds the texts: --column COLUMN"


def test_each_text_is_found_once_whatever_its_file(put, lines) -> None:
    rows = [{"id": "x", "text": "가"}, {"id": "x", "text": "나"}, {"id": "y", "text": "가"}, {"id": "z", "text": " "}]
    corpus, what = corpus_of(str(put("a.jsonl", lines(rows))), None)
    assert corpus == {"x": "가", "x (2)": "나"}
    assert what.endswith(" (1 repeated and 1 empty left out)")
    labelled = put("b.csv", "text,label\n가,1\n나,2\n")
    assert list(corpus_of(str(labelled), None)[0].values()) == ["가", "나"]
    triplets = lines([{"query": "q", "positive": "p", "negatives": ["n", "m"]}, {"query": "r", "positive": "n"}])
    assert list(corpus_of(str(put("c.jsonl", triplets)), None)[0].values()) == ["p", "n", "m"]
    with pytest.raises(DataError, match="no text to search"):
        corpus_of(str(put("d.jsonl", lines([{"text": " "}]))), None)
