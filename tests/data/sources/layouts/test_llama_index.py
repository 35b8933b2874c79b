"""LlamaIndex's evaluation files: judged sets with a corpus of their own."""

import json

import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare
from embedtune.data.sources.beir import read_beir
from embedtune.data.sources.judged_source import read_judged
from embedtune.data.sources.layouts.llama_index import llama_index_file
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError


def made(count: int, start: int = 0) -> dict:
    numbers = range(start, start + count)
    return {
        "queries": {f"q{i}": f"질문 {i}?" for i in numbers},
        "corpus": {f"n{i}": f"문단 {i}." for i in numbers},
        "relevant_docs": {f"q{i}": [f"n{i}"] for i in numbers},
        "mode": "text",
    }


@pytest.mark.parametrize("indent", [None, 4])
def test_all_queries_are_judged_against_its_corpus(put, indent) -> None:
    path = put("qa.json", json.dumps(made(4), indent=indent))
    read = read_judged(str(path), "test", {})
    assert read.judged.queries == made(4)["queries"]
    assert read.judged.corpus == made(4)["corpus"]
    assert read.judged.qrels == {f"q{i}": {f"n{i}": 1} for i in range(4)}
    assert read.described == ("a LlamaIndex evaluation set (qa.json): 4 queries over 4 documents",)
    assert list(read.hashes) == ["qa.json"]


def test_it_is_divided_for_training_like_any_undivided_set(put) -> None:
    path = put("qa.json", json.dumps(made(30)))
    data = prepare(DataSection(source=str(path)), 0)
    assert (len(data.train), len(data.dev), len(data.test), len(data.test.corpus)) == (24, 3, 3, 30)
    assert data.described[0] == "read 30 pairs from a LlamaIndex evaluation set (qa.json)"


def test_a_folder_has_one_per_split(put) -> None:
    put("set/train_dataset.json", json.dumps(made(5)))
    folder = put("set/val_dataset.json", json.dumps(made(3, start=5))).parent
    source = open_source(str(folder))
    assert (source.splits, len(source.part("train", {}, None).content)) == (("train", "val"), 5)
    judged, _ = source.judged("val", "--split")
    assert list(judged.corpus.values()) == ["문단 5.", "문단 6.", "문단 7."]


def test_faults_have_their_line(put) -> None:
    broken = made(3)
    broken["queries"]["q1"] = 7
    broken["relevant_docs"]["q2"] = "n2"
    path = put("qa.json", json.dumps(broken, indent=1))
    with pytest.raises(DataError) as caught:
        read_beir(llama_index_file(path), [""])
    assert "qa.json:4: 'text' must be text, got a number (7)" in caught.value.message
    assert ": 'relevant_docs' must hold lists of ids, got a text (n2)" in caught.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"queries": {"a": "b"}, "corpus": {"c": "d"}}', "'relevant_docs' is missing"),
        ('{"queries": {"a": "b"}, "corpus": {"c": "d"', "the file ends too early"),
        ('{"queries": {"a": "b"} "corpus": {}}', "',' or '}' was needed"),
        ('{"queries": {"a": "b"}, "queries": {}, "corpus": {}, "relevant_docs": {}}', "'queries' appears twice"),
    ],
)
def test_broken_files_are_refused_in_words(put, content, words) -> None:
    with pytest.raises(DataError) as caught:
        read_judged(str(put("qa.json", content)), "test", {})
    assert words in caught.value.message
