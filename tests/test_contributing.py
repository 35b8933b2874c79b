"""CONTRIBUTING.md is true: every addition that it describes is made word for word in a copy of the tree, and works."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = (
    "embedtune",
    "tests",
    "recipes",
    "reproductions",
    "data",
    "docs",
    "pyproject.toml",
    "mkdocs.yml",
    "Makefile",
    "LICENSE",
    "*.md",
)
LISTING = {
    "loss": ("tests/losses/test_laws.py", "tests/cli/test_losses.py"),
    "format": ("tests/data/formats/shared/test_find.py",),
    "view": ("tests/data/views/test_views.py", "embedtune/data/views"),
    "metric": ("tests/evaluation/test_metrics.py", "embedtune/evaluation/metrics.py"),
    "verb": ("tests/test_every_command.py::test_every_command_is_one", "tests/cli/shared/test_help.py"),
    "report section": ("tests/reports/test_train.py",),
    "recipe": ("tests/config/recipe/test_shipped.py",),
}
"""Addition -> the tests that list what there is, and hold a new file to the rules of the old ones."""
SELECTED = "not (test_laws or test_help) or spread or (hello and not example)"
"""Of the tests that go over all losses and all verbs, only those of the new ones."""


@dataclass(frozen=True)
class Step:
    """One block of CONTRIBUTING.md and what to do with it."""

    path: str
    code: str
    after: str | None
    at_the_end: bool

    def take(self, root: Path) -> None:
        """Do it below this folder."""
        file = root / self.path
        if self.after is not None:
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            places = [number for number, line in enumerate(lines, start=1) if self.after in line]
            assert places, f"{self.path} has no line {self.after}, which CONTRIBUTING.md names"
            file.write_text("".join([*lines[: places[0]], self.code, *lines[places[0] :]]), encoding="utf-8")
        elif self.at_the_end:
            file.write_text(file.read_text(encoding="utf-8") + "\n\n" + self.code, encoding="utf-8")
        else:
            assert not file.exists(), f"{self.path} is there already: say where in it the block goes"
            file.write_text(self.code, encoding="utf-8")


def steps_of(addition: str) -> list[Step]:
    """The blocks of a section; the paragraph before each one names its file, and where in it the block goes."""
    section = re.search(rf"^## Adding a {addition}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section, addition
    found = []
    for before, block in re.findall(r"((?:^\S.*\n)+)\n((?:^    .*\n|^\n)+)", section[1], re.MULTILINE):
        sentence = before[before.rfind("In `") :] if "In `" in before else before
        path = re.findall(r"(?<!`)`([\w./-]+/[\w./-]+\.\w+|README\.md)`", sentence)[-1]
        after = re.search(r"after\s+the line ``(.+)``:", sentence)
        code = re.sub(r"^ {4}", "", block.rstrip(), flags=re.MULTILINE) + "\n"
        found.append(Step(path, code, after[1] if after else None, "At the end of" in before))
    return found


STEPS = [step for addition in LISTING for step in steps_of(addition)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree that has all additions."""
    root = tmp_path_factory.mktemp("tree")
    for source in [path for pattern in COPIED for path in ROOT.glob(pattern)]:
        if source.is_dir():
            shutil.copytree(source, root / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)
    for step in STEPS:
        step.take(root)
    return root


@pytest.fixture(scope="module")
def outcomes(tree: Path) -> dict[str, str]:
    """Test file and name -> how it failed in that copy; empty where it passed."""
    own = [step.path for step in STEPS if step.path.startswith("tests/")]
    listing = [path for paths in LISTING.values() for path in paths]
    command = ["-p", "no:cacheprovider", "-k", SELECTED, "--junit-xml", "found.xml", "tests/test_readme.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *command, *dict.fromkeys([*own, *listing])],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr  # all could be collected
    return {
        f"{case.get('classname')}::{case.get('name')}": " ".join(f"{one.tag}: {one.get('message')}" for one in case)
        for case in ElementTree.parse(tree / "found.xml").iter("testcase")
    }


@pytest.mark.slow
@pytest.mark.parametrize("addition", LISTING)
def test_an_addition_as_described_is_found_and_passes(outcomes: dict[str, str], addition: str) -> None:
    files = [step.path for step in steps_of(addition) if step.path.startswith("tests/")] + list(LISTING[addition])
    for file in files:
        dotted = file.replace(".py", "").replace("/", ".")
        mine = {name: outcome for name, outcome in outcomes.items() if name.startswith(dotted)}
        assert mine, f"no test of {file} ran"
        assert {name: outcome for name, outcome in mine.items() if outcome} == {}


@pytest.mark.parametrize("check", ["check", "format --check"])
def test_the_additions_are_formatted_and_pass_the_linter(tree: Path, check: str) -> None:
    files = {step.path for step in STEPS if step.path.endswith(".py")}
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *check.split(), *sorted(files)], cwd=tree, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_readme_names_all_additions(outcomes: dict[str, str]) -> None:
    mine = {name: outcome for name, outcome in outcomes.items() if name.startswith("tests.test_readme")}
    for name in ("spread", "headlines", "shuffle", "f1", "hello", "distill-scores"):
        assert any(test.endswith((f"[{name}]", f"-{name}]", f" {name}]")) for test in mine), name
    assert {name: outcome for name, outcome in mine.items() if outcome} == {}


@pytest.mark.parametrize("addition", LISTING)
def test_the_count_of_files_is_the_true_one(addition: str) -> None:
    row = re.search(rf"^\| {addition} \| (\d+) \|", TEXT, re.MULTILINE)
    assert row, addition
    assert len({step.path for step in steps_of(addition)}) == int(row[1])


def test_the_folders_of_tests_are_those_of_the_package() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    strange = [str(folder) for folder in folders if not (ROOT / "embedtune" / folder).is_dir()]
    assert sorted(strange) == ["contract", "faults", "fuzz"]  # these need the whole tool


def test_the_files_that_the_text_names_exist() -> None:
    named = set(re.findall(r"`((?:embedtune|tests|docs|recipes)/[\w./-]+)`", TEXT))
    made = {step.path for step in STEPS}
    assert [path for path in named - made if not (ROOT / path).exists()] == []
