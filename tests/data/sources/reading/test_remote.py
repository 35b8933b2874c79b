"""Data at addresses: read as if it lay here, copied once per version, and refused in words."""

import json

import pytest

from embedtune.data.sources.reading import remote
from embedtune.data.sources.source import open_source
from embedtune.data.sources.texts import TextStream
from embedtune.errors import DataError

TEXTS = ["a river", "빵과 돌", "the third, of three"]


def texts_of(name: str) -> list[str]:
    return [document.text for document in TextStream(name)]


def test_a_file_and_a_folder_are_read_as_if_they_lay_here(far, tmp_path):
    far.pipe("/far/texts.txt", "\n".join(TEXTS).encode())
    assert texts_of("memory://far/texts.txt") == TEXTS
    corpus = "".join(json.dumps({"_id": f"d{n}", "text": text}) + "\n" for n, text in enumerate(TEXTS))
    files = {
        "corpus.jsonl": corpus,
        "queries.jsonl": json.dumps({"_id": "q", "text": "river"}) + "\n",
        "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\td0\t1\n",
    }
    for name, text in files.items():
        far.pipe(f"/far/set/{name}", text.encode())
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_text(text)
    there, here = open_source("memory://far/set"), open_source(str(tmp_path / "set"))
    assert there.splits == here.splits
    assert there.document_hashes() == here.document_hashes()
    assert texts_of("memory://far/set") == TEXTS


def test_a_version_is_copied_once_and_a_new_one_again(far, monkeypatch):
    far.pipe("/far/texts.txt", b"one\ntwo")
    assert texts_of("memory://far/texts.txt") == ["one", "two"]
    with monkeypatch.context() as patch:
        patch.setattr(type(far), "get_file", None)  # copying would fail now
        assert texts_of("memory://far/texts.txt") == ["one", "two"]
    far.pipe("/far/texts.txt", b"three\ntwo")
    assert texts_of("memory://far/texts.txt") == ["three", "two"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("memory://far/nothing.jsonl", "there is nothing at this address"),
        ("nosuchthing://bucket/texts.txt", "cannot be read: ValueError: Protocol not known"),
    ],
)
def test_what_cannot_be_read_is_said(far, name, said):
    with pytest.raises(DataError, match=said) as caught:
        texts_of(name)
    assert caught.value.where == name


def test_a_missing_driver_is_named(far, monkeypatch):
    def missing(name):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(DataError, match="Install s3fs to access S3") as caught:
        texts_of("s3://bucket/texts.txt")
    assert "s3fs" in caught.value.next


def test_a_copy_stays_in_its_folder():
    with pytest.raises(ValueError, match="odd path"):
        remote._below("bucket/set", "bucket/set/../../evil")
