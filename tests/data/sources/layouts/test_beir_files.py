"""Retrieval sets in folders of shards, as MTEB publishes them and `datasets` saves them."""

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from datasets import Dataset, DatasetDict

from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.documents import read_documents
from embedtune.data.sources.source import open_source, reads
from embedtune.data.sources.texts import TextStream
from embedtune.errors import DataError

CORPUS = [{"_id": f"d{i}", "title": "", "text": f"본문 {i}."} for i in range(5)]
QUERIES = [{"_id": f"q{i}", "text": f"질문 {i}?"} for i in range(3)]
JUDGED = [{"query-id": f"q{i}", "corpus-id": f"d{i}", "score": 1.0} for i in range(3)]
GRADES = {f"q{i}": {f"d{i}": 1} for i in range(3)}


def parquet(path: Path, records: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)


def shards(folder: Path, *, judged: str = "qrels/test", corpus: str = "corpus", queries: str = "queries") -> Path:
    parquet(folder / f"corpus/{corpus}-00000-of-00002.parquet", CORPUS[:2])
    parquet(folder / f"corpus/{corpus}-00001-of-00002.parquet", CORPUS[2:])
    parquet(folder / f"queries/{queries}-00000-of-00001.parquet", QUERIES)
    parquet(folder / f"{judged}-00000-of-00001.parquet", JUDGED)
    (folder / "README.md").write_text("---\nconfigs: []\n---\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("judged", ["qrels/test", "default/test", "data/test"])
def test_shards_make_one_set(tmp_path, judged) -> None:
    folder = shards(tmp_path / "set", judged=judged)
    source = open_source(str(folder))
    assert (source.what, source.splits) == ("a BEIR folder (set; its corpus in 2 files of corpus/)", ("test",))
    read = read_beir(folder, ["test"])
    assert list(read.corpus.values()) == [one["text"] for one in CORPUS]
    assert read.judged("test").qrels == GRADES
    assert read.rows("test").places[0] == f"{folder / judged}-00000-of-00001.parquet:1"
    assert [one.id for one in read_documents(str(folder))] == [one["_id"] for one in CORPUS]
    assert [one.text for one in TextStream(str(folder), queries=True)] == [one["text"] for one in QUERIES]
    assert len(source.hashes(("test",))) == 4


def test_ids_and_texts_may_have_other_names(tmp_path) -> None:
    parquet(tmp_path / "corpus/c.parquet", [{"corpus-id": one["_id"], "contents": one["text"]} for one in CORPUS])
    parquet(tmp_path / "queries/q.parquet", [{"query-id": one["_id"], "query": one["text"]} for one in QUERIES])
    parquet(tmp_path / "qrels/test.parquet", JUDGED)
    read = read_beir(tmp_path, ["test"])
    assert (list(read.corpus), list(read.queries)) == (["d0", "d1", "d2", "d3", "d4"], ["q0", "q1", "q2"])


def test_splits_with_a_corpus_each_are_judged_against_their_own(tmp_path) -> None:
    parquet(tmp_path / "corpus/test.parquet", CORPUS[:4])
    parquet(tmp_path / "corpus/dev.parquet", CORPUS[2:])
    parquet(tmp_path / "queries/q.parquet", QUERIES)
    parquet(tmp_path / "qrels/test.parquet", JUDGED)
    parquet(tmp_path / "qrels/dev.parquet", [{"query-id": "q0", "corpus-id": "d4", "score": 1}])
    for splits in (["test"], ["dev", "test"]):
        read = read_beir(tmp_path, splits)
        assert list(read.judged("test").corpus) == ["d0", "d1", "d2", "d3"]
        assert not read.findings
    assert list(read.judged("dev").corpus) == ["d2", "d3", "d4"]


def test_saved_parts_are_read(tmp_path) -> None:
    Dataset.from_list(CORPUS).save_to_disk(str(tmp_path / "corpus"))
    Dataset.from_list(QUERIES).save_to_disk(str(tmp_path / "queries"))
    DatasetDict({"test": Dataset.from_list(JUDGED)}).save_to_disk(str(tmp_path / "qrels"))
    assert read_beir(tmp_path, ["test"]).qrels == {"test": GRADES}


def test_nothing_may_be_written_among_the_shards(tmp_path) -> None:
    folder = shards(tmp_path / "set", judged="default/test")
    inside = ("corpus/corpus-00000-of-00002.parquet", "queries/new.jsonl", "default/vectors.npy", "qrels/dev.tsv")
    assert [name for name in inside if not reads(folder, folder / name)] == []
    assert not reads(folder, folder / "vectors.npy")


def test_texts_that_repeat_another_by_id_are_refused(tmp_path) -> None:
    folder = shards(tmp_path)
    parquet(folder / "corpus/corpus-00001-of-00002.parquet", [{**CORPUS[0], "text": "다른 글."}])
    with pytest.raises(DataError, match=r"the id 'd0' appears twice, first at .*00000-of-00002\.parquet:1"):
        read_beir(folder, ["test"])
