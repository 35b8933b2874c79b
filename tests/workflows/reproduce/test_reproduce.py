"""Published figures: within the tolerance or not, by a scorer whose values are known; the entries can be read."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedtune.config.reproductions import read_reproduction, reproduction_names
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.reproduce.run import reproduce

ENTRY = """
model: owner/name
figures:
  - {name: a, metric: ndcg@10, published: 0.5, tolerance: 0.01, source: a paper, data: set a}
  - {name: b, metric: spearman, published: 0.8, tolerance: 0.01, source: a paper, data: set b}
"""


@pytest.fixture
def entry(tmp_path: Path) -> str:
    (tmp_path / "own.yaml").write_text(ENTRY)
    return str(tmp_path / "own.yaml")


def scorer(asked: list[dict[str, Any]], **values: float) -> Any:
    def evaluate(**options: Any) -> Any:
        asked.append(options)
        row = {"metrics": values, "intervals": {name: (value - 0.1, value + 0.1) for name, value in values.items()}}
        return SimpleNamespace(models=[row], report="report.html")

    return evaluate


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.505, "reproduced"), (0.52, "not reproduced"), (0.47, "not reproduced")]
)
def test_a_figure_is_within_its_tolerance_or_not(entry: str, value: float, verdict: str) -> None:
    asked: list[dict[str, Any]] = []
    result = reproduce(entry, ["a=x/"], scorer(asked, **{"ndcg@10": value}), output="out")
    assert result.verdict == verdict
    assert [one.verdict for one in result.figures] == [verdict, "not computed"]
    assert asked == [
        {"model": ["owner/name"], "data": ["x/"], "split": "test", "metrics": ["ndcg@10"], "output": str(Path("out/a"))}
    ]
    assert f"{value:.5f}" in str(result) and "--data b=SET would compute b: set b" in str(result)


@pytest.mark.parametrize(
    ("data", "said"), [([], "no set is given"), (["c=x"], "the entry has no set 'c'"), (["a"], "is not NAME=SET")]
)
def test_sets_that_are_not_given(entry: str, data: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        reproduce(entry, data, scorer([]))


def test_a_set_of_another_kind_is_refused(entry: str) -> None:
    with pytest.raises(DataError, match="scored by ndcg@10, not by spearman"):
        reproduce(entry, ["b=x"], scorer([], **{"ndcg@10": 0.5}))


def test_entries_can_be_read_and_names_are_suggested() -> None:
    assert "all-minilm-l6-v2" in reproduction_names()
    for name in reproduction_names():
        assert read_reproduction(name).figures
    with pytest.raises(ConfigError, match="did you mean 'all-minilm-l6-v2'"):
        read_reproduction("all-minilm-l6")


def test_a_broken_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("model: x\nfigures: [{name: a, tolerance: -1}]\n")
    with pytest.raises(ConfigError, match=r"figures\.0\.tolerance"):
        read_reproduction(str(tmp_path / "a.yaml"))
