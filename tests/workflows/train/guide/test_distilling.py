"""Learning from a teacher's scores: tried on dev where the data has them, added only where it is clearly better."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import Rows
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import PreparedFit
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.guide import distilling, trials
from embedtune.workflows.train.guide.distilling import (
    ALONE,
    choose_teaching,
    is_untold,
    teaches,
    terms_to_try,
    to_scale,
    trials_of,
    with_term,
)
from embedtune.workflows.train.guide.trials import TrialGround
from embedtune.workflows.train.recipe_checks import asked_to_teach
from embedtune.workflows.train.run import train

NAN = math.nan


def rows(*scores, teachers=None) -> Rows:
    count = len(scores)
    texts = [f"t{i}" for i in range(count)]
    return Rows(texts, texts, [["n", "m"]] * count, teacher_scores=scores, teachers=teachers)


@pytest.mark.parametrize(
    ("data", "is_so"),
    [
        (rows([0.9, 0.1, 0.2], [0.8, 0.3, NAN]), True),
        (rows([NAN, 0.1, 0.2], [0.8, NAN, NAN]), False),  # nothing to compare in either row
        (rows([0.9, 0.1, 0.2], [0.8, 0.3, 0.1], teachers=["", ""]), False),  # the miner's own opinion
        (rows([0.9, 0.1, 0.2], [0.8, 0.3, 0.1], teachers=["cross-encoder c", ""]), True),
        (Rows(["a"], ["b"]), False),
    ],
)
def test_who_is_a_teacher(data, is_so) -> None:
    assert teaches(data) is is_so


@pytest.mark.parametrize(
    ("data", "suited"),
    [
        (rows([0.9, 0.1, 0.2]), 0.05),  # probabilities: at 1 all candidates would be about equally right
        (rows([9.0, -2.0, NAN]), 1.0),
        (Rows(["a"], ["b"], [["c"]]), 0.05),  # the guide's cosines
    ],
)
def test_a_distill_that_is_asked_for_suits_the_scale_too(data, suited) -> None:
    config = TrainConfig(loss=[{"name": "infonce"}, {"name": "distill", "weight": 2}])
    found = to_scale(config, data)
    assert found.loss[0] == config.loss[0]
    assert (found.loss[1].weight, found.loss[1].args) == (2, {"teacher_temperature": suited})
    given = TrainConfig(loss=[{"name": "distill", "args": {"teacher_temperature": 3.0}}])
    assert to_scale(given, data) == given


def test_the_terms_suit_the_scale_of_the_scores() -> None:
    small, logits = terms_to_try(rows([0.9, -0.2, NAN])), terms_to_try(rows([9.0, -2.0, NAN]))
    assert [(one.name, one.weight) for one in small.values()] == [("distill", 0.5), ("distill", 2), ("margin_mse", 5)]
    assert [(one.name, one.weight) for one in logits.values()] == [("distill", 0.5), ("distill", 2)]
    assert small["distill:2"].args["teacher_temperature"] < 1 == logits["distill:2"].args["teacher_temperature"]


def test_named_losses_are_left_as_they_are(recipe) -> None:
    taught = rows([0.9, 0.1, 0.2])
    assert is_untold(asked_to_teach(recipe()), taught)
    assert not is_untold(asked_to_teach(recipe(loss=["gist"])), taught)
    assert is_untold(asked_to_teach(recipe(loss=["gist"], distill="auto")), taught)
    assert not is_untold(asked_to_teach(recipe(loss=["gist", "distill:1"], distill="auto")), taught)
    assert not is_untold(recipe(distill="none"), taught)
    assert (trials_of(recipe(), taught), trials_of(recipe(distill="none"), taught)) == (4, 0)


def put(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def taught(tmp_path, texts) -> Path:
    """600 pairs with a negative each, scored by a teacher, in words that the tiny encoder can tell apart."""
    words = sorted({word for text in texts for word in text.split()})
    draw = np.random.default_rng(0)
    drawn = {tuple(draw.choice(words, 9).tolist()): None for _ in range(600)}
    made = [
        {
            "anchor": " ".join(nine[:3]),
            "positive": " ".join(nine[3:6]),
            "negatives": [" ".join(nine[6:])],
            "positive_score": 0.9,
            "negative_scores": [0.1],
        }
        for nine in drawn
    ]
    return put(tmp_path / "taught.jsonl", made)


@pytest.fixture
def plan(taught, recipe, tmp_path) -> tuple[TrainConfig, PreparedFit, object]:
    """A recipe on these pairs, with 60 dev queries, and the run that is to follow."""
    config = recipe("guide.name=none", data=str(taught), max_steps=8)
    data = prepare(config.data, 0)
    run = PreparedFit(
        rows=data.train,
        table=build_table(data.train, data.known_positives),
        section=config.training,
        folder=tmp_path / "run",
        lr=0.001,
    )
    return config, run, data.dev


def chosen(plan, bert, monkeypatch, gains) -> distilling.TaughtBy:
    """The choice when the trials score like this above learning without the teacher."""
    config, run, dev = plan
    plain = np.linspace(0.2, 0.6, 60)

    def fake(trial, *_):
        terms = {f"{one.name}:{one.weight:g}" for one in trial.objective.terms}
        return plain + next((gain for name, gain in gains.items() if name in terms), 0.0)

    monkeypatch.setattr(trials, "_score_of", fake)
    return choose_teaching(config, TrialGround(run, dev, bert, Silence()))


def test_the_best_is_added_where_dev_is_sure(plan, bert, monkeypatch) -> None:
    choice = chosen(plan, bert, monkeypatch, {"distill:0.5": 0.02, "distill:2": 0.05, "margin_mse:5": -0.1})
    assert choice.term is not None
    assert (choice.term["name"], choice.term["weight"]) == ("distill", 2.0)
    assert choice.tried == {ALONE: 0.4, "distill:0.5": 0.42, "distill:2": 0.45, "margin_mse:5": 0.3}
    assert "--loss distill:2 is added" in choice.reason


def test_nothing_is_added_without_a_gain(plan, bert, monkeypatch) -> None:
    choice = chosen(plan, bert, monkeypatch, {"distill:0.5": -0.02})
    assert choice.term is None
    assert "no weight was clearly better" in choice.reason


def test_too_few_dev_queries_choose_nothing(plan, bert) -> None:
    config, run, _ = plan
    choice = choose_teaching(config, TrialGround(run, None, bert, Silence()))
    assert (choice.term, choice.tried) == (None, {})


def test_the_trials_learn_from_the_teacher_and_leave_the_encoder_as_it_was(plan, bert) -> None:
    config, run, dev = plan
    before = {name: value.clone() for name, value in bert.model.state_dict().items()}
    choice = choose_teaching(config, TrialGround(run, dev, bert, Silence()))
    assert len(choice.tried) == 4
    assert len(set(choice.tried.values())) > 1  # the terms made a difference
    assert all(torch.equal(before[name], value) for name, value in bert.model.state_dict().items())


def test_a_run_learns_from_the_teacher_and_reports_it(recipe, taught, bert_folder, listener, monkeypatch) -> None:
    term = terms_to_try(rows([0.9, 0.1]))["distill:2"]
    choice = distilling.TaughtBy(term.model_dump(), {}, "--loss distill:2 is added")
    asked: list[object] = []
    monkeypatch.setattr(
        "embedtune.workflows.train.fitting.choose_teaching", lambda *args, **_: asked.append(args) or choice
    )
    config = recipe("guide.name=none", data=str(taught), model=str(bert_folder), max_steps=2, guard=["none"])
    result = train(config, talk=listener)
    assert len(asked) == 1
    assert [(one.name, one.weight) for one in result.losses] == [("gist", 1), ("distill", 2)]
    assert "distill:2 is added" in next(one.message for one in result.findings if one.code == "teacher")
    lines = [json.loads(line) for line in (Path(result.run) / "metrics.jsonl").read_text().splitlines()]
    assert any(name.startswith("distill") for line in lines for name in line)


def test_the_objective_is_the_sum(recipe) -> None:
    config = recipe()
    term = terms_to_try(rows([0.9, 0.1]))["distill:0.5"]
    assert [(one.name, one.weight) for one in with_term(config, term).loss] == [("gist", 1.0), ("distill", 0.5)]
    assert with_term(config, None) is config
