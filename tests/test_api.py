"""The verbs from Python: options as keyword arguments, typed results, and silence unless asked."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embedtune
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with forty pairs."""
    monkeypatch.chdir(tmp_path)
    pairs = [{"anchor": f"refund {i}?", "positive": f"the refund {i} is paid"} for i in range(40)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return tmp_path


LOCAL = {"device": "cpu", "store": "none"}


def test_a_run_and_what_follows_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = embedtune.train("output.check_saved=here", data=here / "pairs.jsonl", max_steps=1, output="run", **LOCAL)
    assert run.as_json()["steps"] == 1
    mined = embedtune.mine(data="pairs.jsonl", model="run/model", negatives=2, range="0:9", **LOCAL)
    assert mined.as_json()["rows"] > 0 and Path("mined.jsonl").exists()
    encoded = embedtune.encode(model="run/model", data="pairs.jsonl", column="anchor", **LOCAL)
    assert len(np.load(encoded.as_json()["output"])) == encoded.as_json()["texts"]
    scored = embedtune.evaluate(model=("run/model", "bm25"), data="pairs.jsonl", output=Path("scored"), **LOCAL)
    assert [model["model"] for model in scored.as_json()["models"]] == ["run/model", "bm25"]
    compared = embedtune.compare("run#before", Path("run"), metric=["ndcg@10", "mrr@10"], output=Path("compared"))
    assert compared.as_json()["metric"] == "ndcg@10"
    assert embedtune.check(data="pairs.jsonl").as_json()["rows"] == 40
    opened = embedtune.open_search(model="bm25", data="pairs.jsonl", top=3)
    assert len(opened.ask("refund 7?").results["bm25"]) == 3
    assert repr(opened).endswith("40 documents; bm25; the best 3 per query)")
    with pytest.raises(ConfigError, match=r"a query must be text, got a number \(3\)"):
        opened.ask(3)  # type: ignore[arg-type]
    assert capsys.readouterr() == ("", "")


def test_a_recipe_and_values_or_a_configuration(here: Path) -> None:
    given = embedtune.evaluate("evaluation.seed=1", model="bm25", data="pairs.jsonl", output="a").as_json()
    config = EvaluateConfig.model_validate(
        {
            "models": {"names": ["bm25"]},
            "data": {"sources": ["pairs.jsonl"]},
            "evaluation": {"seed": 1},
            "output": {"folder": "b"},
        }
    )
    again = embedtune.evaluate(config).as_json()
    assert [model["metrics"] for model in given["models"]] == [model["metrics"] for model in again["models"]]


def test_progress_is_reported_when_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embedtune.open_search(model="bm25", data="pairs.jsonl", verbose=True)
    out, err = capsys.readouterr()
    assert (out, "documents" in err) == ("", True)


def test_a_misspelt_option_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="there is no option 'negativs'; did you mean 'negatives'"):
        embedtune.mine(negativs=3)
    with pytest.raises(ConfigError, match="the options are"):
        embedtune.check(zzzzzz=3)
    with pytest.raises(ConfigError, match="resume, accept_changes, verbose, talk"):
        embedtune.train(zzzzzz=3)
    with pytest.raises(ConfigError, match="did you mean 'verbose'"):
        embedtune.mine(verbos=True)
    with pytest.raises(ConfigError, match="at least 1"):
        embedtune.mine(negatives=0)


def test_a_comparison_needs_two_systems() -> None:
    with pytest.raises(ConfigError, match="got one system; a comparison needs at least two"):
        embedtune.compare("run")


def test_the_names_are_there_before_anything_heavy_loads() -> None:
    code = "import sys, embedtune; embedtune.train; print(sorted({'torch', 'pydantic'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {"train", "mine", "evaluate", "compare", "check", "encode", "open_search"} <= set(embedtune.__all__)
    assert set(embedtune.__all__) <= set(dir(embedtune))
