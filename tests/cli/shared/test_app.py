"""The frame: help, version, verbs and misspellings, as a person at a shell meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import embedtune
from embedtune.cli.shared.app import build_app, main, verb_names
from embedtune.cli.shared.guard import guarded

HEAVY = ("torch", "sentence_transformers", "transformers", "faiss", "datasets", "scipy", "sklearn", "pandas", "pyarrow")


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"""
import sys
from embedtune.cli.shared.app import main
try:
    main({list(arguments)!r})
finally:
    heavy = sorted(set(sys.modules) & set({HEAVY!r}))
    print("heavy modules:", heavy, file=sys.stderr)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [(), ("--help",), ("-h",), ("--version",), ("recipes",), ("recipes", "list"), ("nonsense",)]
    + [(verb, "--help") for verb in verb_names()],
    ids=" ".join,
)
def test_answers_without_loading_torch(arguments: tuple[str, ...]) -> None:
    done = shell(*arguments)
    assert done.stderr.splitlines()[-1] == "heavy modules: []"
    assert done.returncode == (2 if arguments == ("nonsense",) else 0)


@pytest.mark.parametrize("verb", [("search", "beta"), ("evaluate", "--output", "seen")], ids=lambda verb: verb[0])
def test_words_alone_need_no_model_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = shell(*verb, "--model", "bm25", "--quiet")
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.splitlines()[-1]
    assert loaded.startswith("heavy modules:")
    assert not [name for name in ("torch", "transformers", "faiss", "datasets", "pandas") if f"'{name}'" in loaded]


@pytest.mark.parametrize("verb", verb_names())
def test_the_help_of_a_verb_reads_no_other_verb_and_no_other_verbs_config(verb: str) -> None:
    read = modules_read_by(verb, "--help")
    assert {name for name in read if name in {f"embedtune.cli.{name}" for name in verb_names()}} == {
        f"embedtune.cli.{verb}"
    }
    schemas = {name for name in read if name in {f"embedtune.config.verbs.{name}" for name in verb_names()}}
    # `check` forecasts what training would do, and `tune` races recipes of training.
    defaults = {"embedtune.config.verbs.train"} if verb in ("check", "tune") else set()
    assert schemas - defaults <= {f"embedtune.config.verbs.{verb}"}
    assert "embedtune.config.recipe.load" not in read


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("trian",)], ids=" ".join)
def test_without_a_verb_no_schema_is_read(arguments: tuple[str, ...]) -> None:
    read = modules_read_by(*arguments)
    assert not [name for name in read if name.startswith("embedtune.config")]


def modules_read_by(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = f"""
import sys
from embedtune.cli.shared.app import main
try:
    main({list(arguments)!r})
finally:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return set(done.stdout.splitlines()[-1].split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["--version"]) == 0
    assert capsys.readouterr().out == f"embedtune {embedtune.__version__}\n"


def test_python_runs_the_package_as_a_command() -> None:
    run = subprocess.run([sys.executable, "-m", "embedtune", "--version"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, f"embedtune {embedtune.__version__}\n")


def test_without_a_verb_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), []) == 0
    bare = capsys.readouterr().out
    assert guarded(build_app(), ["--help"]) == 0
    assert bare.strip() == capsys.readouterr().out.strip()
    for verb in verb_names():
        assert f"\n  {verb} " in bare


def test_the_verbs_are_the_files() -> None:
    files = {path.stem for path in Path(embedtune.__file__).parent.joinpath("cli").glob("[a-z]*.py")} - {"app"}
    assert set(verb_names()) == files >= {"losses", "recipes"}


@pytest.mark.parametrize(
    ("arguments", "message", "where"),
    [
        (["recipse"], "Did you mean 'recipes'?", "embedtune"),
        (["recipes", "lits"], "Did you mean 'list'?", "embedtune recipes"),
        (["losses", "--jsn"], "did you mean --json?", "embedtune losses"),
        (["train", "--los", "gist"], "did you mean --loss?", "embedtune train"),
        (["recipes", "copy", "gist-pairs", "--forse"], "--force", "embedtune recipes copy"),
        (["recipes", "show"], "Missing argument", "embedtune recipes show"),
        (["doctor", "surplus"], "surplus", "embedtune doctor"),
        (["--vresion"], "--version", "embedtune"),
    ],
)
def test_wrong_usage_is_one_message_with_a_way_on(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str, where: str
) -> None:
    assert guarded(build_app(), arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert lines[1:] == [f"where: {where}", f"next: see `{where} --help`"]


def test_wrong_usage_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["losses", "--json", "--los", "gist"]) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert set(error) == {"code", "message", "where", "next"}
    assert (error["code"], error["where"]) == ("usage", "embedtune losses")
    assert "--los" in error["message"]
    assert err == ""


def test_a_reader_that_went_away_is_no_crash() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "from embedtune.cli.shared.app import main; main(['recipes', 'list'])"
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_console_without_hangul_gets_escapes_and_no_crash() -> None:
    code = "from embedtune.cli.shared.app import main; main(['recipes', 'show', '한국어'])"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "\\ud55c" in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("embedtune tr", "train"), ("embedtune train --ba", "--batch-size"), ("embedtune runs cl", "clean")],
)
def test_a_shell_is_told_what_may_come_next(
    typed: str, offered: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_EMBEDTUNE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    with pytest.raises(SystemExit):
        main([])
    assert capsys.readouterr().out.split() == [offered]
