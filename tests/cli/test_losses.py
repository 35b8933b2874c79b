"""`embedtune losses`: every loss explains itself."""

import json

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
    assert {"simsiam", "byol", "moco", "barlow", "swav", "dino", "deepcluster", "lejepa", "denoise"} == {
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
