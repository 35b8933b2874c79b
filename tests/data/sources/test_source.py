import os

import pytest

from embedtune.data.sources.beir_folder import BeirSource
from embedtune.data.sources.source import FileSource, open_source
from embedtune.errors import DataError


def test_a_file_is_not_divided(put, lines, pairs) -> None:
    source = open_source(str(put("a.jsonl", lines(pairs(3)))))
    assert isinstance(source, FileSource)
    assert (source.what, source.splits) == ("a.jsonl", ())
    assert len(source.part("", {}, None).content) == 3


def test_a_folder_with_a_file_per_split(put, lines, pairs) -> None:
    for name in ("train", "validation", "test"):
        folder = put(f"set/{name}.jsonl", lines(pairs(3))).parent
    put("set/LICENSE", "free")
    put("set/notes.txt", "no data")
    source = open_source(str(folder))
    assert isinstance(source, FileSource)
    assert set(source.splits) == {"train", "validation", "test"}
    assert source.find("dev") == source.find("valid") == "validation"
    assert source.find("train") == "train"
    assert source.find("extra") is None


def test_shards_are_one_split(put, lines, pairs) -> None:
    put("set/train-00000-of-00002.jsonl", lines(pairs(3)))
    second = [{"anchor": "a", "positive": "b", "negative": "c"}]
    source = open_source(str(put("set/train-00001-of-00002.jsonl", lines(second)).parent))
    assert source.splits == ("train",)
    rows = source.part("train", {}, None).content
    assert len(rows) == 4
    assert [list(texts) for texts in rows.negatives] == [[], [], [], ["c"]]
    assert set(source.hashes(("train",))) == {"train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"}


def test_shards_without_titles_join_those_with_titles(put, lines) -> None:
    put("set/train-00000-of-00002.jsonl", lines([{"text": "하나"}]))
    folder = put("set/train-00001-of-00002.jsonl", lines([{"text": "둘", "title": "제목"}])).parent
    assert open_source(str(folder)).part("train", {}, None).content.titles == ["", "제목"]


def test_the_only_file_of_a_folder_is_meant(put, lines, pairs) -> None:
    put("set/LICENSE", "free")
    put("set/README.md", "# Read me")
    source = open_source(str(put("set/sentences.jsonl", lines(pairs(3))).parent))
    assert source.what == "sentences.jsonl in the folder set"


def test_a_beir_folder_with_judgments(beir) -> None:
    source = open_source(str(beir("set", {"train": [("q0", "d0", 1)], "test": [("q1", "d1", 1)]})))
    assert isinstance(source, BeirSource)
    assert source.what == "a BEIR folder (set)"
    assert source.splits == ("test", "train")
    assert set(source.hashes(("train",))) == {"corpus.jsonl", "queries.jsonl", "qrels/train.tsv"}


def test_pairs_beside_a_corpus_are_its_training_split(put, lines, pairs, beir) -> None:
    folder = beir("set", {"test": [("q1", "d1", 1)]})
    put("set/pairs.jsonl", lines(pairs(3)))
    source = open_source(str(folder))
    assert source.splits == ("train", "test")
    assert "pairs.jsonl" in source.hashes(("train", "test"))
    put("set/qrels/train.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t1\n")
    source = open_source(str(folder))
    assert (source.pairs, source.ignored.name) == (None, "pairs.jsonl")


def test_the_samples_are_found_by_name(monkeypatch, beir) -> None:
    found = "embedtune.data.sources.source.samples_folder"
    monkeypatch.setattr(found, lambda: beir("samples", {"train": [("q0", "d0", 1)]}))
    assert open_source("samples").what == "a BEIR folder (samples)"


def test_unknown_splits_name_those_that_are_there(beir) -> None:
    source = open_source(str(beir("set", {"train": [("q0", "d0", 1)], "test-unseen": [("q1", "d1", 1)]})))
    with pytest.raises(DataError) as caught:
        source.demand("test-unsen", "--split")
    assert "it has test-unseen, train" in caught.value.message
    assert caught.value.next == "--split test-unseen"


def test_things_that_are_not_there(put, tmp_path, monkeypatch) -> None:
    put("pairs.jsonl", "x")
    with pytest.raises(DataError) as caught:
        open_source(str(tmp_path / "pair.jsonl"))
    assert "did you mean" in str(caught.value.next)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        open_source("owner/name")
    assert "hf:owner/name" in str(caught.value.next)


def test_folders_that_cannot_be_read(put, lines, pairs, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="it contains no files"):
        open_source(str(tmp_path / "empty"))
    with pytest.raises(DataError, match=r"it contains a.docx"):
        open_source(str(put("odd/a.docx", b"PK").parent))
    put("two/a.jsonl", lines(pairs(3)))
    with pytest.raises(DataError, match=r"a.jsonl, b.jsonl"):
        open_source(str(put("two/b.jsonl", lines(pairs(3))).parent))
    put("both/train.csv", "anchor,positive\na,b\n")
    with pytest.raises(DataError, match=r"train.csv and train.jsonl"):
        open_source(str(put("both/train.jsonl", lines(pairs(3))).parent))
    put("bare/corpus.jsonl", '{"_id": "1", "text": "a"}\n')
    with pytest.raises(DataError, match="needs judgments"):
        open_source(str(put("bare/queries.jsonl", '{"_id": "1", "text": "a"}\n').parent))


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "pairs.jsonl"])
def test_a_pipe_in_a_folder_is_neither_read_nor_passed_over(beir, name) -> None:
    folder = beir("set", {"test": [("q0", "d0", 1)]})
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(DataError, match="this is a pipe") as caught:
        source = open_source(str(folder))
        source.judged("test", "--split")
    assert caught.value.where == str(folder / name)


def test_the_folder_of_a_model_is_no_data(put) -> None:
    for name in ("config.json", "modules.json", "tokenizer.json"):
        folder = put(f"m/{name}", "{}").parent
    with pytest.raises(DataError, match="the folder of a model") as caught:
        open_source(str(folder))
    assert caught.value.next == "name it with --model"
