"""`--help`: every option shows its default under a heading, and every verb ends with examples, all of which work."""

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beir_writer import write_beir
from typer.main import get_command

from embedtune.cli.shared.app import build_app, build_list, verb_names
from embedtune.cli.shared.guard import guarded
from embedtune.cli.shared.help import COMMON, default_of, examples_of, groups_of

GROUPS = {
    "train": {"Data", "Encoder", "Objective", "Training", "Run", "Output"},
    "mine": {"Data", "Encoder", "Candidates", "Filters", "Run", "Output"},
    "evaluate": {"Data", "Encoder", "Scoring", "Run", "Output"},
    "check": {"Data", "Encoder", "Forecast", "Run", "Output"},
    "encode": {"Data", "Encoder", "Run", "Output"},
    "cluster": {"Data", "Encoder", "Clusters", "Run", "Output"},
    "search": {"Data", "Encoder", "Run", "Output"},
    "compare": {"Data", "Scoring", "Run", "Output"},
}


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its name, the groups of commands and what is in them too."""
    root = get_command(build_app())
    for name, command in root.commands.items():
        yield name, command
        yield from ((f"{name} {inner}", found) for inner, found in getattr(command, "commands", {}).items())


COMMANDS = dict(commands())


def help_of(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert guarded(build_app(), [*name.split(), "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_shows_its_default(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = " ".join(help_of(name, capsys).split())
    for parameter in COMMANDS[name].params:
        spelled = parameter.metavar if parameter.param_type_name == "argument" else max(parameter.opts, key=len)
        default = default_of(parameter)
        assert default is not None, spelled
        assert "None" not in default, f"{spelled} says in words what holds"
        after = shown.partition(f"{spelled} ")[2]
        assert (f"{parameter.help} [{default}]" in after) != getattr(parameter, "hidden", False), spelled


@pytest.mark.parametrize("verb", GROUPS)
def test_options_stand_in_groups(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    groups = groups_of(COMMANDS[verb].params)
    assert set(groups) - {"Arguments", COMMON} == GROUPS[verb]
    shown = help_of(verb, capsys)
    places = [shown.index(f"\n{heading}:\n") for heading in groups]
    assert places == sorted(places)
    assert f"\n{COMMON}:\n" in shown


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_the_terminal(
    name: str, columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    options, _, examples = help_of(name, capsys).partition("\nExamples:\n")
    assert max(map(len, options.splitlines())) <= columns
    assert 1 <= len(examples.splitlines()) <= 4


def test_the_list_of_verbs_is_the_same_without_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_list(), ["--help"]) == 0
    quick = capsys.readouterr().out
    assert guarded(build_app(), ["--help"]) == 0
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(quick.splitlines())


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name, a trained run and an evaluation."""
    folder = tmp_path_factory.mktemp("desk")
    topics = ("password", "refund", "parcel", "invoice")
    pairs = [{"anchor": f"{t} question {i}?", "positive": f"the {t} answer is {i}"} for i in range(12) for t in topics]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (folder / "clicks.jsonl").write_text(json.dumps({"anchor": "a", "shown": ["b", "c"], "clicked": "c"}) + "\n")
    texts = [
        f"About {t} {i}\nThe {t} number {i} opens early. Ask desk {i} about {t}." for i in range(9) for t in topics
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "mine.yaml").write_text("training: {epochs: 3}\n")
    (folder / "texts.txt").write_text("".join(f"A text on parcel {i}.\n" for i in range(120)))
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    series = "".join(json.dumps({"values": [i, 2 * i % 5, i % 3, 1]}) + "\n" for i in range(20))
    for name, content in {"tickets": rows, "new": rows, "series": series}.items():
        (folder / f"{name}.jsonl").write_text(content)
    table = "Customer question,Agent answer\n" + "".join(f"{row['anchor']},{row['positive']}\n" for row in pairs)
    (folder / "helpdesk.csv").write_text(table)
    judged = {f"q{i}": {f"d{i}": 1} for i in range(len(pairs))}
    write_beir(
        folder / "beir",
        {f"d{i}": row["positive"] for i, row in enumerate(pairs)},
        {f"q{i}": row["anchor"] for i, row in enumerate(pairs)},
        {"train": dict(list(judged.items())[:24]), "test": dict(list(judged.items())[24:])},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("embedtune train --data pairs.jsonl --output runs/a1 --max-steps 1 --store none output.check_saved=here")
        run("embedtune evaluate --data pairs.jsonl --output evaluations/first --store none")
    return folder


def same_run_as(desk: Path, *names: str) -> None:
    """Give the trained run these names, too; numbers in them stand for seeds, of which none may be named twice."""
    for name in names:
        copy = desk / "runs" / name
        if not copy.exists() and name[-1].isdigit():
            shutil.copytree(desk / "runs" / "a1", copy)
            recipe = (copy / "recipe.yaml").read_text(encoding="utf-8")
            (copy / "recipe.yaml").write_text(recipe.replace("  seed: 0\n", f"  seed: {name[-1]}\n"), encoding="utf-8")
        elif not copy.exists():
            copy.symlink_to(desk / "runs" / "a1", target_is_directory=True)


def run(line: str) -> int:
    return guarded(build_app(), [*shlex.split(line)[1:], "--quiet"])


def examples(*, of: set[str]) -> list[str]:
    found = {line for verb in of for line in examples_of(COMMANDS[verb])}
    return sorted(found | {line for line in examples_of(get_command(build_app())) if line.split()[1] in of})


DRY = {verb for verb in verb_names() if any(parameter.name == "dry_run" for parameter in COMMANDS[verb].params)}


@pytest.mark.parametrize("line", examples(of=DRY))
def test_every_example_is_accepted(line: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    if "--resume auto" in line:
        (desk / "runs" / "first").unlink(missing_ok=True)  # a new run, as the first time
    else:
        same_run_as(desk, "first")
    assert run(f"{line.partition(' < ')[0]} --dry-run") == 0


ELSEWHERE = ("https://", "all-minilm")
"""What is not on this machine: endpoints, and models that are fetched."""
OTHERS = examples(of=set(verb_names()) - DRY - {"compare", "doctor", "losses"})


@pytest.mark.parametrize("line", [line for line in OTHERS if any(there in line for there in ELSEWHERE)])
def test_examples_about_what_is_elsewhere_are_understood(line: str) -> None:
    command, words = get_command(build_app()), shlex.split(line)[1:]
    while getattr(command, "commands", None):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("embedtune", words)


@pytest.mark.parametrize("line", [line for line in OTHERS if not any(there in line for there in ELSEWHERE)])
def test_every_other_example_works(line: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    same_run_as(desk, "first", "second")
    for copied in ("preferences.jsonl", "mine.yaml" if "copy" in line else ""):
        Path(copied or "preferences.jsonl").unlink(missing_ok=True)
    assert guarded(build_app(), shlex.split(line)[1:]) == 0


@pytest.mark.parametrize("line", examples(of={"doctor", "losses"}))
def test_every_example_about_this_machine_and_the_losses_works(line: str) -> None:
    assert guarded(build_app(), [*shlex.split(line)[1:], *(["--quick"] if "doctor" in line else [])]) == 0


@pytest.mark.parametrize("line", examples(of={"compare"}))
def test_every_comparison_works(line: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    same_run_as(desk, "first", "a2", "b1", "b2")
    assert run(line) == (3 if "--fail-if" in line else 0)
