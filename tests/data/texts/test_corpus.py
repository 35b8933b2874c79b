"""A corpus on disk gives back what was put in, once each, whatever its size and order."""

import json

import numpy as np
import pytest

from embedtune.data.sources.documents import CorpusText
from embedtune.data.texts import corpus as module
from embedtune.data.texts.corpus import DiskCorpus, open_corpus, write_corpus
from embedtune.errors import DataError, OutputError
from embedtune.identity import text_id, text_ids


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 7)


def documents(count: int) -> list[CorpusText]:
    return [CorpusText(f"d{i}", f"문서 {i} text", f"g{i % 3}") for i in range(count)]


def test_texts_ids_and_groups_by_position(tmp_path):
    corpus = write_corpus(documents(40), tmp_path / "corpus", {})
    assert len(corpus) == 40
    positions = [39, 0, 7, 6, 7, 13]
    assert corpus.texts(positions) == [f"문서 {i} text" for i in positions]
    assert corpus.ids(np.array(positions)) == [f"d{i}" for i in positions]
    assert corpus.groups(positions) == [f"g{i % 3}" for i in positions]
    assert corpus.texts([]) == []
    np.testing.assert_array_equal(corpus.text_ids, text_ids(text for _, text, _ in documents(40)))


@pytest.mark.parametrize("rows", [1, 5, 7, 100])
def test_batches_are_all_texts_in_order(tmp_path, rows):
    corpus = write_corpus(documents(23), tmp_path / "corpus", {})
    batches = list(corpus.batches(rows))
    assert [text for batch in batches for text in batch] == [text for _, text, _ in documents(23)]
    assert {len(batch) for batch in batches[:-1]} <= {rows}


def test_the_first_of_equal_texts_is_kept_and_the_others_are_counted(tmp_path):
    """Equal as texts are told apart everywhere: blanks and the form of Hangul do not matter, case does."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 30, 200).tolist()
    came = [CorpusText(f"d{i}", f"문서  {n}" if i % 2 else f"문서 {n} ") for i, n in enumerate(numbers)]
    came += [CorpusText("empty", " "), CorpusText("case", "A"), CorpusText("lower", "a")]
    corpus = write_corpus(came, tmp_path / "corpus", {})
    expected, seen = [], set()
    for document in came:
        if document.text.strip() and text_id(document.text) not in seen:
            seen.add(text_id(document.text))
            expected.append(document.id)
    assert corpus.ids(range(len(corpus))) == expected
    assert (corpus.read, corpus.empty, corpus.duplicates) == (203, 1, 202 - len(expected))


def test_texts_are_found_by_their_ids(tmp_path):
    corpus = write_corpus(documents(20), tmp_path / "corpus", {})
    wanted = text_ids(["문서 13 text", "nowhere", "문서 0 text"])
    assert corpus.find(wanted).tolist() == [13, -1, 0]
    assert corpus.find(np.empty(0, np.int64)).tolist() == []


def test_tie_ranks_belong_to_texts_and_not_to_places(tmp_path):
    forward = write_corpus(documents(20), tmp_path / "a", {})
    backward = write_corpus(documents(20)[::-1], tmp_path / "b", {})
    np.testing.assert_array_equal(forward.tie_ranks(), backward.tie_ranks()[::-1])
    assert sorted(forward.tie_ranks().tolist()) == list(range(20))
    assert forward.hash != backward.hash


def test_documents_are_taken_as_they_are_written(tmp_path):
    """The stream is never far ahead of what has been read: nothing gathers it."""
    told: list[int] = []
    taken = [0]

    def stream():
        for document in documents(50):
            taken[0] += 1
            assert taken[0] <= (told[-1] if told else 0) + 2 * module._ROWS
            yield document

    write_corpus(stream(), tmp_path / "corpus", {}, progress=told.append)
    assert told[-1] == 50


def test_it_is_opened_again_only_when_made_of_the_same(tmp_path):
    folder = tmp_path / "corpus"
    assert open_corpus(folder, {"a": 1}) is None
    written = write_corpus(documents(9), folder, {"a": 1})
    opened = open_corpus(folder, {"a": 1})
    assert isinstance(opened, DiskCorpus)
    assert opened.hash == written.hash
    assert opened.texts(range(9)) == written.texts(range(9))
    assert open_corpus(folder, {"a": 2}) is None


def test_what_fails_leaves_what_was_there(tmp_path):
    folder = tmp_path / "corpus"
    write_corpus(documents(5), folder, {"a": 1})

    def broken():
        yield from documents(30)
        raise DataError("line 31 is broken")

    with pytest.raises(DataError, match="line 31"):
        write_corpus(broken(), folder, {"a": 2})
    assert len(open_corpus(folder, {"a": 1})) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_killed_halfway_it_is_written_anew(tmp_path):
    (tmp_path / ".corpus.x1y2.unfinished").mkdir()
    (tmp_path / ".corpus.x1y2.unfinished" / "corpus.json").write_text(json.dumps({"key": {}}))
    assert open_corpus(tmp_path / "corpus", {}) is None
    assert len(write_corpus(documents(5), tmp_path / "corpus", {})) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.parametrize("name", ["documents.arrow", "text_ids.npy", "corpus.json"])
def test_a_damaged_corpus_is_none(tmp_path, name):
    write_corpus(documents(9), tmp_path / "corpus", {"a": 1})
    path = tmp_path / "corpus" / name
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        assert open_corpus(tmp_path / "corpus", {"a": 1}) is None
    path.write_bytes(whole[:-9])
    assert open_corpus(tmp_path / "corpus", {"a": 1}) is None
    path.write_bytes(whole)
    assert len(open_corpus(tmp_path / "corpus", {"a": 1})) == 9


def test_no_text_at_all_is_refused(tmp_path):
    with pytest.raises(DataError, match="no document of the corpus has any text"):
        write_corpus([CorpusText("a", "")], tmp_path / "corpus", {})


def test_a_folder_that_cannot_be_made_is_an_error_of_output(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_corpus(documents(1), tmp_path / "file" / "corpus", {})
