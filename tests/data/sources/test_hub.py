"""Hub sets without the Hub: what is reachable and what `datasets` returns is put in its place."""

import datasets
import pytest

from embedtune.data.formats.shared.find import read_part
from embedtune.data.sources import hub
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError


@pytest.fixture
def nothing_cached(monkeypatch, tmp_path) -> None:
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def no_loading(*_: object) -> None:
    raise AssertionError("datasets was asked although nothing can be there")


def test_offline_and_not_cached_is_one_sentence(monkeypatch, nothing_cached) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "_load", no_loading)
    with pytest.raises(DataError, match="cannot be reached") as caught:
        open_source("hf:owner/name:config")
    assert "HF_HUB_OFFLINE" in str(caught.value.next)


def test_no_network_is_found_out_without_datasets(monkeypatch, nothing_cached) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_DATASETS_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens on the discard port
    monkeypatch.setattr(hub, "_load", no_loading)
    with pytest.raises(DataError, match="cannot be reached"):
        open_source("hf:owner/name")


def test_what_was_loaded_before_counts_as_there(nothing_cached, tmp_path) -> None:
    assert not hub._cached("owner/name")
    (tmp_path / "datasets" / "owner___name").mkdir(parents=True)
    assert hub._cached("owner/name")


@pytest.mark.parametrize("name", ["hf:", "hf:a/b/c", "hf:owner/name:", "hf:own er/name"])
def test_malformed_names(name) -> None:
    with pytest.raises(DataError, match="not the name of a Hub data set"):
        open_source(name)


def test_splits_and_rows_are_those_of_the_set(monkeypatch, nothing_cached) -> None:
    rows = datasets.Dataset.from_dict({"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [0, 2]})
    rows = rows.cast_column("label", datasets.ClassLabel(names=["entailment", "neutral", "contradiction"]))
    asked = []

    def load(*arguments: object) -> datasets.DatasetDict:
        asked.append((*arguments, datasets.config.HF_HUB_OFFLINE))
        return datasets.DatasetDict({"train": rows, "validation": rows})

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(hub, "is_offline", lambda *_: False)
    monkeypatch.setattr(hub, "_reachable", lambda: False)
    monkeypatch.setattr(hub, "_cached", lambda repo: repo == "owner/name")
    before = datasets.config.HF_HUB_OFFLINE
    source = open_source("hf:owner/name:ko")
    assert asked == [("owner/name", "ko", True)]
    assert before == datasets.config.HF_HUB_OFFLINE
    assert source.splits == ("train", "validation")
    assert source.find("dev") == "validation"
    part = source.part("train", {}, None)
    # The class numbers came as their names, or this format would have refused them.
    assert (part.content.anchors, part.content.positives) == (["a"], ["c"])
    assert part.content.places == ["hf:owner/name:ko[train]:1"]
    assert list(source.hashes(("train",))) == ["hf:owner/name:ko[train]"]


def test_a_missing_class_is_told_as_missing(monkeypatch) -> None:
    rows = datasets.Dataset.from_dict({"text": ["a"], "label": [-1]})
    rows = rows.cast_column("label", datasets.ClassLabel(names=["x"]))
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: datasets.DatasetDict({"train": rows}))
    monkeypatch.setattr(hub, "_reachable", lambda: True)
    monkeypatch.setattr(hub, "is_offline", lambda *_: False)
    with pytest.raises(DataError, match=r"'label' is nothing \(null\)"):
        read_part(next(hub.HubSource("hf:owner/name").tables("train")), {})


def test_what_datasets_says_becomes_one_sentence(monkeypatch) -> None:
    def load(*_: object) -> None:
        raise ValueError("Config name is missing.\nPlease pick one among ['ko', 'en']")

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(hub, "_reachable", lambda: True)
    monkeypatch.setattr(hub, "is_offline", lambda *_: False)
    with pytest.raises(DataError) as caught:
        open_source("hf:owner/name")
    assert (
        caught.value.message
        == "the Hub data set cannot be loaded: Config name is missing. Please pick one among ['ko', 'en']"
    )


@pytest.mark.parametrize(("config", "language"), [("", ""), (":ko-qrels", "ko-")])
def test_judgments_come_with_the_corpus_and_queries_of_their_repository(monkeypatch, config, language) -> None:
    made = datasets.Dataset.from_dict
    configs = {
        config[1:] or None: {"test": made({"query-id": ["q1"], "corpus-id": ["d2"], "score": [1.0]})},
        f"{language}corpus": {"corpus": made({"_id": ["d1", "d2"], "title": ["", "T"], "text": ["a", "b"]})},
        f"{language}queries": {"queries": made({"_id": ["q1"], "text": ["b?"]})},
    }
    monkeypatch.setattr(datasets, "load_dataset", lambda _, config: datasets.DatasetDict(configs[config]))
    monkeypatch.setattr(hub, "_reachable", lambda: True)
    monkeypatch.setattr(hub, "is_offline", lambda *_: False)
    source = open_source(f"hf:mteb/small{config}")
    assert (source.what, source.splits, source.has_corpus) == ("the Hub's retrieval set mteb/small", ("test",), True)
    judged, findings = source.judged("test", "--split")
    assert (judged.corpus, judged.queries) == ({"d1": "a", "d2": "T b"}, {"q1": "b?"})
    assert (judged.qrels, findings) == ({"q1": {"d2": 1}}, ())
    assert set(source.hashes(("test",))) == {
        f"hf:mteb/small{config}[test]",
        f"hf:mteb/small:{language}corpus[corpus]",
        f"hf:mteb/small:{language}queries[queries]",
    }
