"""Commands as people give them, with the object that `--json` prints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Gives a command with `--json` and returns what it printed, and its talk under "stderr"."""

    def run(*arguments: str, code: int = 0) -> dict[str, Any]:
        ended = guarded(build_app(), [*arguments, "--json"])
        out, err = capsys.readouterr()
        assert ended == code, err + out
        result: dict[str, Any] = json.loads(out)
        return {**result, "stderr": err}

    return run


@pytest.fixture
def evaluate(here: Path, call: Call) -> Call:
    """Evaluates with these arguments in the folder that the file of tests calls `here`, without a store."""
    return lambda *arguments, code=0: call("evaluate", *arguments, "--store", "none", "--device", "cpu", code=code)
