import re
from pathlib import Path

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded


def test_dry_run_shows_the_default_recipe_and_the_race(call) -> None:
    shown = call("tune", "--data", "samples:en", "--budget", "2h", "--dry-run")
    assert shown["tune"]["budget"] == "2h" and shown["training"]["lr"] == "auto"


def test_help_leaves_out_what_a_race_has_no_use_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["tune", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--budget" in said and "--guide" in said
    offered = re.findall(r"^  (--[a-z-]+)", said, re.MULTILINE)
    assert not {"--task", "--guard", "--guard-policy", "--domains", "--teacher", "--side", "--merge"} & {*offered}


def test_dry_run_refuses_what_the_race_refuses(call, tmp_path: Path) -> None:
    assert "no use for --guard" in call("tune", "--guard", "samples:en", "--dry-run", code=2)["error"]["message"]
    for arm, said in (
        ("faster: [training.lrr=0.1]", "training.lrr"),
        ("default: [training.lr=0.1]", "cannot be called"),
    ):
        recipe = tmp_path / "race.yaml"
        recipe.write_text(f"tune:\n  arms:\n    {arm}\n", encoding="utf-8")
        assert said in call("tune", str(recipe), "--data", "samples:en", "--dry-run", code=2)["error"]["message"]
        assert said in call("recipes", "check", str(recipe), code=2)["error"]["message"]


@pytest.mark.parametrize("budget", ["half an hour", "10steps"])
def test_a_bad_budget_is_a_wrong_use(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["tune", "--budget", budget]) == 2
    assert "500steps" in (said := capsys.readouterr().err) or "60steps" in said
