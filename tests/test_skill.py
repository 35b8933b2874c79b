"""What agents read: every command in it runs, every verb and key that it names exists."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from embedtune.cli.shared.app import build_app, verb_names
from embedtune.cli.shared.guard import guarded

ROOT = Path(__file__).parents[1]
SKILL = (ROOT / "skills" / "embedtune" / "SKILL.md").read_text(encoding="utf-8")
LLMS = (ROOT / "llms.txt").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|text)\n(.*?)```", SKILL, re.DOTALL)
TO_RUN = [line for kind, block in BLOCKS if kind == "bash" for line in block.splitlines() if line]
ONLY_PARSED = [line for kind, block in BLOCKS if kind == "text" for line in block.splitlines() if line]
ONLY_PARSED += re.findall(r"^    (embedtune .*)$", LLMS, re.MULTILINE)
SMALL = {"train": " --max-steps 1 --batch-size 8", "evaluate": " --store none"}


def test_there_are_commands() -> None:
    assert len(TO_RUN) >= 10 and len(ONLY_PARSED) >= 4


@pytest.mark.parametrize("line", [*TO_RUN, *ONLY_PARSED])
def test_every_option_exists(line: str) -> None:
    _, *words = shlex.split(line)
    command, name = typer.main.get_command(build_app()), "embedtune"
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)


def test_every_verb_named_exists_and_every_verb_of_the_table_is_one() -> None:
    named = set(re.findall(r"`embedtune ([a-z]+)", SKILL + LLMS))
    assert named <= set(verb_names())
    assert set(verb_names()) - named <= {"losses", "recipes", "init"}


@pytest.mark.slow
def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    topics = ("refund", "password", "delivery", "invoice", "warranty", "account")
    pairs = [
        {"anchor": f"how do I get a {topic} for order {i}?", "positive": f"Order {i}: open {topic} and press send {i}."}
        for i in range(20)
        for topic in topics
    ]
    Path("pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    texts = [
        f"About {topic} {i}\nThe {topic} number {i} opens early. Ask desk {i} about {topic}."
        for i in range(20)
        for topic in topics
    ]
    Path("corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for line in TO_RUN:
        _, verb, *rest = shlex.split(line)
        code = guarded(build_app(), [verb, *rest, *shlex.split(SMALL.get(verb, ""))])
        said = capsys.readouterr()
        assert code == 0, f"{line}\n{said.out}\n{said.err}"
        if "--json" in rest:
            json.loads(said.out)


def test_the_keys_that_are_named_are_those_of_the_results() -> None:
    kept = json.loads((ROOT / "tests" / "contract" / "names.json").read_text(encoding="utf-8"))["json"]
    for verb in ("train", "evaluate", "compare", "mine", "check", "encode"):
        found = re.search(rf"`{verb}`: (.*?)(?=\. `|\.\n)", SKILL, re.DOTALL)
        assert found, verb
        outside = re.sub(r"\(.*?\)", "", found[1], flags=re.DOTALL)
        named = set(re.findall(r"`([a-z_]+)(?:\[\])?`", outside))
        known = {part for key in kept[verb] for part in re.split(r"[.\[\]]+", key)}
        assert named <= known, f"{verb}: {named - known}"
