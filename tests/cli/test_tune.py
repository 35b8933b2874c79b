import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded


def test_dry_run_shows_the_default_recipe_and_the_race(call) -> None:
    shown = call("tune", "--data", "samples:en", "--budget", "2h", "--dry-run")
    assert shown["tune"]["budget"] == "2h" and shown["training"]["lr"] == "auto"


@pytest.mark.parametrize("budget", ["half an hour", "10steps"])
def test_a_bad_budget_is_a_wrong_use(budget: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["tune", "--budget", budget]) == 2
    assert "500steps" in (said := capsys.readouterr().err) or "60steps" in said
