"""Training curves out of a run's log: every term and gauge, few points, nothing that is no number."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedtune.reports.results.train import Curves
from embedtune.workflows.train.curves import MOST_POINTS, training_curves


def curves_of(folder: Path, lines: list[dict[str, Any]]) -> Curves:
    path = folder / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = training_curves(path)
    assert found is not None
    return found


def groups(curves: Curves) -> dict[str, dict[str, Any]]:
    return {group["name"]: group["lines"] for group in curves.groups}


def step(number: int, **more: float) -> dict[str, Any]:
    return {"step": number, "loss": 2.0 * number, "grad_norm": 1.0, "learning_rate": 0.1, "epoch": 0.5, **more}


def test_terms_gauges_and_dev_each_have_their_group(tmp_path: Path) -> None:
    gauges = {"gist.masked_share": 0.25, "gist.empty_share": 0.0, "gist.positive_similarity": 0.5, "gist.other": 7.0}
    lines = [
        step(1, gist=1.5, sigreg=0.5, **gauges, **{"collapse.effective_rank": 30.0}),
        {"step": 1, "eval_ndcg@10": 0.25, "eval_runtime": 3.0, "epoch": 0.5},
        step(2, gist=3.5, sigreg=0.5, **gauges),
    ]
    curves = curves_of(tmp_path, lines)
    assert (curves.steps, curves.steps_a_point) == ((1, 2), 1)
    assert groups(curves) == {
        "loss": {"loss": [2.0, 4.0], "gist": [1.5, 3.5], "sigreg": [0.5, 0.5]},
        "masking": {"gist: masked share": [0.25, 0.25], "gist: empty share": [0.0, 0.0]},
        "similarity": {"gist: positive similarity": [0.5, 0.5]},
        "collapse: effective rank": {"effective rank": [30.0, None]},
        "dev": {"ndcg@10": [0.25]},
    }
    assert curves.groups[-1]["steps"] == [1]


def test_a_single_term_is_not_shown_twice(tmp_path: Path) -> None:
    assert groups(curves_of(tmp_path, [step(1, gist=2.0)])) == {"loss": {"gist": [2.0]}}


@pytest.mark.parametrize("steps", [MOST_POINTS, MOST_POINTS + 1, 1234])
def test_long_runs_are_thinned_to_means(tmp_path: Path, steps: int) -> None:
    curves = curves_of(tmp_path, [step(number) for number in range(1, steps + 1)])
    each = curves.steps_a_point
    assert len(curves.steps) <= MOST_POINTS and curves.steps[-1] == steps
    assert groups(curves)["loss"]["loss"][0] == pytest.approx(sum(2.0 * n for n in range(1, each + 1)) / each)


def test_dev_is_thinned_and_keeps_its_last_score(tmp_path: Path) -> None:
    scored = [{"step": number, "eval_ndcg@10": number / 1000} for number in range(1, 502)]
    dev = curves_of(tmp_path, [step(1), *scored]).groups[-1]
    assert len(dev["steps"]) <= MOST_POINTS and dev["steps"][-1] == 501
    assert dev["lines"]["ndcg@10"][-1] == 0.501


def test_values_that_are_no_numbers_are_gaps(tmp_path: Path) -> None:
    lines = [step(1), {**step(2), "loss": float("nan")}, {**step(3), "loss": float("inf")}]
    assert groups(curves_of(tmp_path, lines))["loss"]["loss"] == [2.0, None, None]


def test_a_run_without_steps_has_no_curves(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("", encoding="utf-8")
    assert training_curves(path) is None
