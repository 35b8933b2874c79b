"""House rules that linters cannot check."""

import subprocess
import sys
from pathlib import Path

import pytest

import embedtune

PACKAGE = Path(embedtune.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "sentence_transformers", "transformers", "faiss", "datasets"}


def modules_in(package: str) -> list[str]:
    files = (PACKAGE / package).rglob("*.py")
    names = [".".join(("embedtune", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in files]
    return sorted(name.removesuffix(".__init__") for name in names)


@pytest.mark.parametrize(
    "modules",
    [["embedtune"], modules_in("cli"), modules_in("config"), ["embedtune.errors", "embedtune.identity"]],
    ids=["embedtune", "cli", "config", "ground floor"],
)
def test_importing_loads_nothing_heavy(modules: list[str]) -> None:
    assert modules
    code = f"import sys, {', '.join(modules)}; print(*sorted(set(sys.modules) & set({sorted(HEAVY)!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_listing_losses_loads_nothing_heavy() -> None:
    code = (
        "import sys; from embedtune.losses import loss_names; print(loss_names());"
        f"print(*sorted(set(sys.modules) & set({sorted(HEAVY)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, heavy = done.stdout.splitlines()
    assert "gist" in names
    assert heavy == ""


def test_files_are_named_after_what_they_hold() -> None:
    vague = {"utils", "helpers", "common", "misc", "manager", "handler"}
    assert [path for path in FILES if path.stem in vague] == []


def test_every_file_says_what_it_is() -> None:
    silent = [path for path in FILES if path.stat().st_size and not path.read_text(encoding="utf-8").startswith('"""')]
    assert silent == []
