"""Files written to an address: the same bytes as here, whole, never over what embedtune did not write."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedtune
from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.errors import ConfigError, OutputError
from embedtune.workflows.data.preferences import click_preferences
from embedtune.workflows.data.queries.run import QueriesOptions, make_queries
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.train.guide.guide_files import gives_scores

CLICKS = [{"anchor": f"q{n}", "shown": ["a", f"b{n}", "c"], "clicked": [f"b{n}"]} for n in range(5)]
TEXTS = ["a river", "빵과 돌", "the third, of three"]


@pytest.fixture
def clicks(tmp_path) -> str:
    path = tmp_path / "clicks.jsonl"
    path.write_text("\n".join(map(json.dumps, CLICKS)), encoding="utf-8")
    return str(path)


def test_a_file_at_an_address_is_the_file_that_would_be_here(far, clicks, tmp_path):
    here = click_preferences(clicks, str(tmp_path / "here.jsonl"))
    there = click_preferences(clicks, "memory://far/there.jsonl")
    assert (there.output, there.rows) == ("memory://far/there.jsonl", here.rows)
    assert far.cat("/far/there.jsonl") == Path(here.output).read_bytes()
    assert far.find("/far") == ["/far/there.jsonl"]  # what tried the address is gone
    by_prefix = click_preferences(clicks, f"file://{tmp_path}/prefixed.jsonl")
    assert by_prefix.output == str(tmp_path / "prefixed.jsonl")


def test_a_file_of_ours_is_replaced_and_no_other(far, clicks):
    click_preferences(clicks, "memory://far/there.jsonl")
    click_preferences(clicks, "memory://far/there.jsonl", skipped="all")
    ours = far.cat("/far/there.jsonl")
    far.pipe("/far/there.jsonl", ours + b"\n")
    with pytest.raises(ConfigError, match=r"far/there\.jsonl already exists, and it has changed since") as caught:
        click_preferences(clicks, "memory://far/there.jsonl")
    assert "--force" in caught.value.next
    far.pipe("/far/other.jsonl", b"theirs")
    with pytest.raises(ConfigError, match="embedtune did not write it"):
        click_preferences(clicks, "memory://far/other.jsonl")
    assert far.cat("/far/other.jsonl") == b"theirs"
    click_preferences(clicks, "memory://far/other.jsonl", force=True)
    assert far.cat("/far/other.jsonl") != b"theirs"


def test_a_file_that_arrived_while_the_command_was_stopped_is_ours(far, clicks, monkeypatch):
    with monkeypatch.context() as patch:
        put = far.put_file

        def stopped(system, *names, **options):
            put(*names, **options)
            raise KeyboardInterrupt

        patch.setattr(type(far), "put_file", stopped)
        with pytest.raises(KeyboardInterrupt):
            click_preferences(clicks, "memory://far/there.jsonl")
    assert far.exists("/far/there.jsonl")
    click_preferences(clicks, "memory://far/there.jsonl", skipped="all")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://far/folder/", "this is a folder"),
        ("memory://far/folder", "this is a folder"),
        ("nosuchthing://bucket/rows.jsonl", "cannot be written: ValueError: Protocol not known"),
    ],
)
def test_an_address_that_cannot_be_written_is_found_before_the_work(far, address, said):
    far.pipe("/far/folder/a.txt", b"a")
    with pytest.raises(OutputError, match=said) as caught:
        click_preferences("/no/such/log.jsonl", address)  # the log would be missed if it were read
    assert caught.value.where == f"--output {address}"


def test_what_a_driver_refuses_is_found_before_the_work(far, monkeypatch):
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError("denied")

    monkeypatch.setattr(type(far), "pipe_file", refused)
    with pytest.raises(OutputError, match="no permission to write to this address"):
        click_preferences("/no/such/log.jsonl", "memory://far/rows.jsonl")


@pytest.mark.parametrize("read", ["memory://far/set", "memory:///far/set/rows.jsonl", "memory://far/"])
def test_an_output_is_never_an_input_not_even_at_an_address(read):
    with pytest.raises(ConfigError, match="this is read by --data, or would be a part of what is read there"):
        Outputs.of("memory://far/set/rows.jsonl").demand_apart([("--data", read)])
    Outputs.of("memory://far/set/rows.jsonl").demand_apart([("--data", "memory://far/se"), ("--corpus", None)])


def test_vectors_that_do_not_arrive_are_sent_by_the_same_command(far, bert_folder, tmp_path, monkeypatch):
    data = tmp_path / "texts.txt"
    data.write_text("\n".join(TEXTS), encoding="utf-8")
    how = {"model": str(bert_folder), "data": str(data), "store": "none", "device": "cpu"}
    with monkeypatch.context() as patch:
        patch.setattr(type(far), "put_file", None)
        with pytest.raises(OutputError, match="cannot be written"):
            embedtune.encode(**how, output="memory://far/vectors.npy")
    assert far.find("/far") == []
    with monkeypatch.context() as patch:
        patch.setattr("embedtune.models.encode.encode.vectors_of", None)  # encoding again would fail
        result = embedtune.encode(**how, output="memory://far/vectors.npy")
    assert result.output == "memory://far/vectors.npy"
    embedtune.encode(**how, output=str(tmp_path / "here.npy"))
    assert far.cat("/far/vectors.npy") == (tmp_path / "here.npy").read_bytes()
    assert np.load(tmp_path / "here.npy").shape == (len(TEXTS), 32)
    assert list((tmp_path / "cache" / "embedtune" / "outputs").rglob("*.job")) == []


def test_mined_negatives_and_what_belongs_to_them_go_to_the_address(far, bert_folder, tmp_path):
    rows = [{"anchor": f"question {n} of {n % 5}", "positive": f"answer {n} for {n % 7}"} for n in range(20)]
    far.pipe("/far/pairs.jsonl", "\n".join(map(json.dumps, rows)).encode())
    how = {"model": str(bert_folder), "data": "memory://far/pairs.jsonl", "store": "none", "device": "cpu"}
    there = embedtune.mine(**how, output="memory://far/out/mined.jsonl")
    here = embedtune.mine(**how, output=str(tmp_path / "mined.jsonl"))
    assert far.cat("/far/out/mined.jsonl") == Path(here.output).read_bytes()
    assert there.report == "memory://far/out/mined.report.html"
    names = [there.output, there.report, "memory://far/out/mined.report.md", *filter(None, [there.ledger])]
    assert sorted(far.find("/far/out")) == sorted(name.removeprefix("memory:/") for name in names)
    assert (there.ledger is None) == (here.ledger is None)
    assert "path: memory://far/out/mined.jsonl" in there.recipe


def test_a_folder_at_an_address_is_refused_in_a_sentence(tmp_path):
    said = "is an address, and a folder is written on this machine"
    with pytest.raises(ConfigError, match=said):
        embedtune.train(data="samples", output="memory://far/run")
    with pytest.raises(ConfigError, match=said):
        embedtune.tune(data="samples", output="memory://far/run")
    with pytest.raises(ConfigError, match=said):
        embedtune.compare("a", "b", output="memory://far/report")
    with pytest.raises(ConfigError, match=said):
        make_queries(QueriesOptions("samples", "memory://far/queries"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_guides_may_be_at_an_address(far):
    far.pipe("/far/scores.jsonl", json.dumps({"query": "a", "document": "b", "score": 1.0}).encode())
    assert gives_scores(load(TrainConfig, None, [], {"guide": "memory://far/scores.jsonl"}))
