"""The loss that CONTRIBUTING.md shows is a loss: it is found, and the tests shown with it pass."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from embedtune import losses

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block_with(mark: str) -> str:
    [block] = [block for block in re.findall(r"\n\n((?:    .*\n|\n)+)", TEXT) if mark in block]
    return textwrap.dedent(block)


def test_the_example_works_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spread.py").write_text(block_with("class Spread"), encoding="utf-8")
    monkeypatch.setattr(losses, "__path__", [*losses.__path__, str(tmp_path)])
    assert "spread" in losses.loss_names()
    shown: dict = {}
    exec(block_with("def test_agrees"), shown)
    tests = [value for name, value in shown.items() if name.startswith("test_")]
    assert len(tests) == 2
    try:
        for test in tests:
            test()
    finally:
        sys.modules.pop("embedtune.losses.spread", None)
        vars(losses).pop("spread", None)
