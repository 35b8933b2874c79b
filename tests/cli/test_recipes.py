"""`embedtune recipes`."""

import errno
import json
import os
from pathlib import Path

import pytest

from embedtune.cli.recipes import GROUPS, recipe_problems
from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.config.recipe.shipped import recipe_names, recipes_folder


def run(*arguments: str) -> int:
    return guarded(build_app(), ["recipes", *arguments])


def test_list_names_every_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line and line[0] != " "] == list(GROUPS)
    named = [line.strip() for line in out.splitlines() if line.startswith("  ") and line[2] != " "]
    assert sorted(named) == list(recipe_names()) and named.index("gist-pairs") < named.index("kure-like") < 6
    assert run("list", "--json") == 0
    cards = json.loads(capsys.readouterr().out)["recipes"]
    assert [card["name"] for card in cards] == list(recipe_names())
    assert all(card["command"] and card["when"] for card in cards)


def test_show_prints_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    text = (recipes_folder() / "kure-like.yaml").read_text(encoding="utf-8")
    assert run("show", "kure-like") == 0
    assert capsys.readouterr().out == text
    assert run("show", "kure-like", "--json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == text


def test_copy_into_a_folder_or_to_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    original = (recipes_folder() / "gist-pairs.yaml").read_bytes()
    assert run("copy", "gist-pairs") == 0
    out, err = capsys.readouterr()
    assert out == "gist-pairs.yaml\n"
    assert "embedtune train ./gist-pairs.yaml" in err, "without a path the built-in recipe would run"
    assert run("copy", "gist-pairs", "mine.yaml", "--json", "--quiet") == 0
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"output": "mine.yaml"}, "")
    first, *rest = original.decode().splitlines()
    for name in ("gist-pairs.yaml", "mine.yaml"):  # the copy's own command runs the copy
        assert Path(name).read_text(encoding="utf-8").splitlines() == [first.replace("gist-pairs", f"./{name}"), *rest]


def test_copy_replaces_a_file_only_when_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "gist-pairs.yaml"
    target.write_text("mine")
    assert run("copy", "gist-pairs", str(tmp_path)) == 1
    assert "already there" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert run("copy", "gist-pairs", str(tmp_path), "--force") == 0
    kept = (recipes_folder() / "gist-pairs.yaml").read_text(encoding="utf-8")
    assert target.read_text(encoding="utf-8") == kept.replace("train gist-pairs ", f"train {target} ")


def test_copy_to_where_nothing_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("copy", "gist-pairs", str(tmp_path / "no" / "folder" / "x.yaml")) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_check_of_all_built_in_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == list(recipe_names())
    assert run("check", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["recipes"]) == len(recipe_names())


def test_check_lists_what_is_wrong_in_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two, three = (tmp_path / name for name in ("one.yaml", "two.yaml", "셋.yaml"))
    one.write_text("training:\n  epohcs: 3\nloss:\n  - name: gits\n")
    two.write_text("loss:\n  - name: gist\n    args: {temperature: -1}\n  - name: infonce\n    args: {temprature: 1}\n")
    three.write_text("loss: [\n")
    assert run("check", str(one), "gist-pairs", str(two), str(three), str(tmp_path / "four.yaml")) == 2
    err = capsys.readouterr().err
    assert "6 problems:" in err
    for place, words in [
        (f"{one}:2:", "did you mean 'epochs'?"),
        (f"{one}:4:", "did you mean 'gist'?"),
        (f"{two}:3:", "temperature"),
        (f"{two}:5:", "did you mean 'temperature'"),
        (f"{three}:2:", "not valid YAML"),
        ("four.yaml", "no file"),
    ]:
        assert any(place in line and words in line for line in err.splitlines()), (place, words, err)


def test_check_accepts_the_margin_that_is_chosen_during_the_run(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("loss: [{name: gist, args: {margin: auto}}]\n")
    assert run("check", str(path)) == 0


def test_a_mining_recipe_is_checked_as_one(tmp_path) -> None:
    good, bad = tmp_path / "좋은.yaml", tmp_path / "나쁜.yaml"
    good.write_text("mining:\n  negatives: 3\n", encoding="utf-8")
    bad.write_text("model:\n  name: starter\nfilters:\n  rang: '0:5'\n", encoding="utf-8")
    assert recipe_problems(str(good)) == ()
    (problem,) = recipe_problems(str(bad))
    assert problem.line == 4
    assert "did you mean 'range'?" in problem.message


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "--model", "bm25", "--metrics", "ndcg@5", "evaluation.seed=3"),
        ("check", "--fail-on", "warning", "check.batch_size=32"),
        ("encode", "--model", "한글", "--data", "글.txt", "--output", "a.npy"),
        ("mine", "--negatives", "7", "filters.max_score=0.8"),
    ],
)
def test_what_a_dry_run_prints_is_a_recipe_of_its_command(words, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path("글.txt").write_text("글 하나\n글 둘\n", encoding="utf-8")
    verb = words[0]
    assert guarded(build_app(), [*words, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    Path("own.yaml").write_text(printed, encoding="utf-8")
    assert guarded(build_app(), ["recipes", "check", "own.yaml"]) == 0
    capsys.readouterr()
    assert guarded(build_app(), [verb, "own.yaml", "--dry-run"]) == 0
    assert capsys.readouterr().out == printed


def test_copy_leaves_the_old_file_where_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gist-pairs.yaml").write_text("mine")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("copy", "gist-pairs", str(tmp_path), "--force") == 1
    assert "No space left" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("gist-pairs.yaml", "mine")]
