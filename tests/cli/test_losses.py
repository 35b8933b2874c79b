"""`embedtune losses`: every loss explains itself."""

import json
import re

import pytest

from embedtune.cli.losses import GROUPS, loss_card
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.losses import loss_names


def test_lists_every_loss_with_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["losses", "--json"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)["losses"]}
    assert tuple(cards) == loss_names()
    assert cards["gist"]["needs"] == ["pairs", "a guide"]
    assert "temperature" in cards["gist"]["arguments"]


def test_the_text_names_every_loss_and_fits_the_width(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["losses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    headings = [line for line in lines if line and line[0] != " "]
    named = [line.strip() for line in lines if line.startswith("  ") and not line.startswith("   ")]
    assert headings == list(GROUPS.values())
    assert sorted(named) == list(loss_names())
    assert max(len(line) for line in lines) <= 100


def test_losses_are_grouped_by_the_data_they_need() -> None:
    groups = {name: loss_card(name).data for name in loss_names()}
    assert {"simsiam", "byol", "moco", "barlow", "swav", "dino", "deepcluster", "lejepa", "denoise", "align"} == {
        name for name, data in groups.items() if data == "texts"
    }
    assert groups["dpo"] == "preferences" and groups["distill"] == "negatives" and groups["infonce"] == "pairs"


@pytest.mark.parametrize("name", loss_names())
def test_each_loss_says_when_to_use_it_and_what_it_costs(name: str) -> None:
    card = loss_card(name)
    assert card.summary.endswith(".")
    assert len(card.when.split()) >= 5
    assert card.cost
    assert "Cost" not in card.when
    assert "Source" not in card.cost


@pytest.mark.parametrize("name", loss_names())
def test_each_loss_explains_itself_in_full(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every argument with its meaning, the source, and a command that the command line has."""
    card = loss_card(name)
    assert card.source and card.bounds
    assert card.explained.keys() >= card.arguments.keys() and all(card.explained.values())
    assert guarded(build_app(), ["losses", name.upper()]) == 0
    shown = capsys.readouterr().out
    assert card.command in shown and all(f"\n    {argument}\n" in shown for argument in card.arguments)
    assert max(len(line) for line in shown.splitlines()) <= 100 and f"--loss {name}" in card.command


@pytest.mark.parametrize(("name", "loss"), [("mnrl", "infonce"), ("NT-Xent", "infonce"), ("GISTEmbedLoss", "gist")])
def test_names_from_elsewhere_are_understood(name: str, loss: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["losses", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == loss
    assert guarded(build_app(), ["train", "--loss", name, "--dry-run", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"][0]["name"] == loss


@pytest.mark.parametrize("command", [["losses", "simclr"], ["train", "--loss", "SimCLR", "--dry-run"]])
def test_what_is_one_of_ours_in_another_way_is_said(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), command) == 2
    assert "--loss infonce --views crop" in capsys.readouterr().err


def test_every_loss_said_in_its_place_exists() -> None:
    from embedtune.config.reference import loss_words

    said = " ".join(loss_words._LIKE.values())
    assert set(loss_words._SAME.values()) <= set(loss_names())
    assert set(re.findall(r"--loss (\w+)", said)) <= set(loss_names())
    assert not set(loss_words._LIKE) & {*loss_names(), *loss_words._SAME}


def test_proposes_losses_for_a_data_set_with_reasons(call) -> None:
    shown = call("losses", "--data", "samples:en")
    assert shown["losses"] == ["gist"]
    assert len(shown["reasons"]) >= 3 and "651 pairs" in shown["reasons"][0]
    assert shown["know"].startswith("embedtune tune --data samples:en --budget ")


def test_scored_pairs_get_a_loss_that_learns_from_scores(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"sentence1": f"one {n}", "sentence2": f"two {n}", "score": n % 5} for n in range(100)]
    (tmp_path / "sts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    shown = call("losses", "--data", "sts.jsonl")
    assert shown["losses"] == ["cosent"] and shown["command"] == "embedtune train --loss cosent --data sts.jsonl"
    assert "scored pairs" in shown["reasons"][0] and "embedtune tune" not in shown["know"]
    refused = call("losses", "infonce_", "--data", "sts.jsonl", code=2)
    assert "infonce_" in refused["error"]["message"]


def test_a_loss_is_checked_against_the_data(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "질문,답\n" + "".join(f"환불 {n} 언제,{n}일 안에 됩니다\n" for n in range(80))
    (tmp_path / "pairs.csv").write_bytes(text.encode("cp949"))
    given = ("--data", "pairs.csv", "--columns", "anchor=질문,positive=답", "--encoding", "cp949")
    shown = call("losses", "gist", *given)
    assert (shown["name"], shown["serves"]) == ("gist", "pairs.csv")
    refused = call("losses", "margin_mse", *given, code=1)["error"]
    assert "needs" in refused["message"] and "teacher" in refused["message"] and "gist" in refused["next"]
    assert call("losses", *given)["losses"] == ["gist"]
    assert "--data" in call("losses", "gist", "--columns", "anchor=a", code=2)["error"]["next"]
    refused = str(call("losses", "--data", "pairs.csv", "--encoding", "cp9499", code=2))
    assert "cp9499" in refused and "`embedtune losses --help`" in refused
