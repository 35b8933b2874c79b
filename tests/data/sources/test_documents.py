"""Documents from every kind of source, one at a time, with the faults a person can make."""

import gzip
from itertools import islice

import pytest

from embedtune.data.sources.documents import CorpusText, read_documents, source_hashes
from embedtune.data.sources.streams import sha256
from embedtune.errors import ConfigError, DataError

RECORDS = [
    {"_id": "a", "title": "청년 월세", "text": "매달 20만 원을 지원합니다.", "service": "월세"},
    {"_id": "b", "title": "", "text": "We refund it.", "service": "refund"},
]
EXPECTED = [CorpusText("a", "청년 월세 매달 20만 원을 지원합니다."), CorpusText("b", "We refund it.")]


def test_json_lines(put, lines):
    assert list(read_documents(str(put("docs.jsonl", lines(RECORDS))))) == EXPECTED


def test_compressed(put, lines):
    path = put("docs.jsonl.gz", gzip.compress(lines(RECORDS).encode()))
    assert list(read_documents(str(path))) == EXPECTED


def test_csv_with_columns_named_by_the_user(put):
    path = put("docs.csv", "key,body_ko,other\n1,안녕하세요,x\n")
    found = list(read_documents(str(path), columns={"id": "key", "text": "body_ko"}, group="other"))
    assert found == [CorpusText("1", "안녕하세요", "x")]


def test_parquet(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), tmp_path / "docs.parquet")
    assert list(read_documents(str(tmp_path / "docs.parquet"))) == EXPECTED


def test_plain_text_is_named_by_its_lines(put):
    found = list(read_documents(str(put("docs.txt", "하나\n\ntwo\n"))))
    assert found == [CorpusText("docs.txt:1", "하나"), CorpusText("docs.txt:3", "two")]


def test_a_beir_folder_gives_its_corpus_alone(put, lines):
    path = put("set/corpus.jsonl", lines(RECORDS))
    put("set/queries.jsonl", lines([{"_id": "q", "text": "a query"}]))
    put("set/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\ta\t1\n")
    assert list(read_documents(str(path.parent))) == EXPECTED
    assert source_hashes(str(path.parent)) == {"corpus.jsonl": sha256(path)}


def test_a_group_comes_along(put, lines):
    found = list(read_documents(str(put("docs.jsonl", lines(RECORDS))), group="service"))
    assert [document.group for document in found] == ["월세", "refund"]


def test_an_empty_text_comes_empty(put, lines):
    path = put("docs.jsonl", lines([{"id": 7, "text": " "}, {"id": 8, "text": "x"}]))
    assert list(read_documents(str(path))) == [CorpusText("7", ""), CorpusText("8", "x")]


def test_rows_come_before_the_file_is_read_to_its_end(put, lines):
    """The fault in the last line is not met by one who reads the first rows alone."""
    path = put("docs.jsonl", lines([{"id": i, "text": f"t{i}"} for i in range(500)]) + "{broken")
    assert len(list(islice(read_documents(str(path)), 400))) == 400
    with pytest.raises(DataError, match="invalid JSON"):
        list(read_documents(str(path)))


def test_all_faults_are_told_with_their_lines(put, lines):
    path = put("docs.jsonl", lines([{"text": 5}, {"text": "fine"}, {"text": None}]))
    with pytest.raises(DataError, match=r"2 problems(.|\n)*docs.jsonl:1(.|\n)*docs.jsonl:3"):
        list(read_documents(str(path)))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"columns": {"txet": "a"}}, ConfigError, "unknown role 'txet' of a document; did you mean 'text'"),
        ({"columns": {"text": "nothing"}}, DataError, "there is no column 'nothing'"),
        ({"group": "service"}, DataError, "there is no column 'service'"),
        ({}, DataError, "cannot tell which of the columns 'sentence', 'note' holds the texts"),
    ],
)
def test_columns_that_are_not_there(put, lines, options, error, said):
    path = put("docs.jsonl", lines([{"sentence": "x", "note": "y"}]))
    with pytest.raises(error, match=said):
        list(read_documents(str(path), **options))


def test_two_columns_of_texts_are_refused(put, lines):
    path = put("docs.jsonl", lines([{"text": "x", "body": "y"}]))
    with pytest.raises(DataError, match="two columns could be 'text'"):
        list(read_documents(str(path)))
