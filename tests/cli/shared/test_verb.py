"""The maker of commands: what a function of `Asked` gets from a command line, and what its help says of itself."""

from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.options import written
from embedtune.cli.shared.verb import Asked, about_verb, add_verb, end_guarded
from embedtune.workflows.shared.stream_talk import StreamTalk


def app_of(function: Any) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    add_verb(app, function, "embedtune encode\n")
    return app


def test_a_verb_gets_what_was_given_and_nothing_else() -> None:
    heard: list[tuple[Asked, int]] = []

    def encode(asked: Asked, extra: Annotated[int, written(metavar="N", help="One more.", group="Run")] = 3) -> None:
        """Encode."""
        heard.append((asked, extra))

    app = app_of(encode)
    assert guarded(app, ["encode", "a.yaml", "data.column=text", "--model", "m", "--allow-pickle", "--extra", "5"]) == 0
    assert guarded(app, ["encode", "--dry-run", "--json"]) == 0
    (asked, extra), (bare, default) = heard
    assert list(asked.words) == ["a.yaml", "data.column=text"]
    assert asked.options == {"model": "m", "allow_pickle": True}, "what was not given is left to the recipe"
    assert (extra, default, bare.options, bare.dry_run, bare.as_json) == (5, 3, {}, True, True)
    assert not list(bare.words)


def test_a_verb_without_recipes_has_no_words() -> None:
    def search(asked: Asked) -> None:
        """Search."""

    def encode(asked: Asked) -> None:
        """Encode."""

    without, with_words = (
        {parameter.name for parameter in get_command(app_of(verb)).commands[verb.__name__].params}
        for verb in (search, encode)
    )
    assert "words" in with_words - without


def test_a_verb_is_described_by_the_first_line_of_its_file() -> None:
    import embedtune.cli.encode as module

    assert about_verb(module.__name__) == "Turn texts into vectors."


def test_a_guard_says_why_and_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        end_guarded("--fail-on warning", "warnings", StreamTalk())
    assert ended.value.exit_code == 3
    assert capsys.readouterr().err == "warning: failed because of --fail-on warning (verdict: warnings)\n"
