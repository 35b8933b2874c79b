"""`margin: auto`: chosen on dev against plain InfoNCE, and used only where it is clearly better."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.errors import StoppedError
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import PreparedFit
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.guide import margin, trials
from embedtune.workflows.train.guide.margin import (
    KNOWS,
    LEARNS_FIRST,
    choose_margin,
    decided,
    is_open,
    margins_for,
)
from embedtune.workflows.train.guide.trials import FEWEST_QUERIES, TrialGround, trial_steps


@pytest.mark.parametrize(
    ("options", "is_so"),
    [
        ({}, True),
        ({"margin": "auto"}, True),
        ({"margin": "0.1"}, False),
        ({"margin": "0"}, False),
        ({"guide": "none"}, False),
        ({"guide": "none", "margin": "auto"}, False),
        ({"guide": "some/model"}, False),
        ({"guide": "some/model", "margin": "auto"}, True),
        ({"loss": ["infonce"]}, False),
        ({"loss": ["sigreg:0.1", "gist"]}, True),
    ],
)
def test_when_the_margin_is_open(recipe, options, is_so) -> None:
    assert is_open(recipe(**options)) is is_so


def test_a_margin_decided_stands_in_the_guided_loss_alone(recipe) -> None:
    config = recipe("loss.1.args.temperature=0.1", loss=["sigreg:0.1", "gist:2"])
    chosen = decided(config, 0.2)
    assert [(term.name, term.weight, term.args) for term in chosen.loss] == [
        ("sigreg", 0.1, {}),
        ("gist", 2.0, {"temperature": 0.1, "margin": 0.2}),
    ]
    assert chosen.guide.name == "self"
    without = decided(recipe(margin="auto"), None)
    assert (without.guide.name, without.loss[0].args) == ("none", {})


@pytest.fixture
def plan(beir, recipe, tmp_path) -> tuple[TrainConfig, PreparedFit, object]:
    """A recipe on 200 training and 60 dev queries, and the run that is to follow."""
    folder = beir(260, train=[(i, i) for i in range(200)], dev=[(i, i) for i in range(200, 260)], test=[(300, 0)])
    config = recipe("guide.warmup_share=0", data=str(folder), max_steps=8)
    data = prepare(config.data, 0)
    return (
        config,
        PreparedFit(
            rows=data.train,
            table=build_table(data.train, data.known_positives),
            section=config.training,
            folder=tmp_path / "run",
            lr=0.01,
        ),
        data.dev,
    )


def chosen(plan, bert, monkeypatch, scores) -> margin.ChosenMargin:
    """The choice when the trials score like this on each dev query: margin -> (queries,)."""
    config, run, dev = plan

    def fake(trial, *_):
        return scores[None if trial.guide is None else trial.objective.terms[0].loss.margin]

    monkeypatch.setattr(trials, "_score_of", fake)
    return choose_margin(config, TrialGround(run, dev, bert, Silence()))


def test_the_best_margin_is_taken_where_it_is_clearly_better(plan, bert, monkeypatch) -> None:
    plain = np.linspace(0.2, 0.6, 60)
    choice = chosen(plan, bert, monkeypatch, {None: plain, 0.0: plain + 0.05})
    assert choice.margin == 0.0
    assert choice.tried == {"no guide": 0.4, "margin 0": 0.45}
    assert "margin 0 was best" in choice.reason


def test_the_largest_gain_wins_among_several_margins(plan, bert, monkeypatch) -> None:
    monkeypatch.setattr(margin, "margins_for", lambda _: LEARNS_FIRST)
    plain = np.linspace(0.2, 0.6, 60)
    choice = chosen(plan, bert, monkeypatch, {None: plain, 0.1: plain + 0.05, 0.2: plain + 0.08})
    assert choice.margin == 0.2


@pytest.mark.parametrize("change", [0.0, -0.1])
def test_no_guide_where_no_margin_is_better(plan, bert, monkeypatch, change) -> None:
    plain = np.linspace(0.2, 0.6, 60)
    choice = chosen(plan, bert, monkeypatch, {None: plain, 0.0: plain + change})
    assert choice.margin is None
    assert "no margin was clearly better" in choice.reason


@pytest.mark.parametrize(("change", "margin_taken"), [(0.001, 0.0), (-0.001, 0.0), (-0.1, None)])
def test_a_guide_is_kept_where_false_negatives_are_common(plan, bert, monkeypatch, change, margin_taken) -> None:
    config, run, dev = plan
    queries, documents = list(dev.qrels), [next(iter(grades)) for grades in dev.qrels.values()]
    # Six queries of a topic have all of its documents: 5 of the 59 other positives are right for each.
    topics = {query: dict.fromkeys(documents[at // 6 * 6 : at // 6 * 6 + 6], 1) for at, query in enumerate(queries)}
    of_topics = replace(dev, qrels=topics)
    plain = np.linspace(0.2, 0.6, 60)
    noise = np.where(np.arange(60) % 2, 0.05, -0.05) if change > -0.1 else 0.0
    choice = chosen((config, run, of_topics), bert, monkeypatch, {None: plain, 0.0: plain + change + noise})
    assert choice.margin == margin_taken
    assert ("false negatives are common" in choice.reason) == (margin_taken is not None)
    assert chosen(plan, bert, monkeypatch, {None: plain, 0.0: plain + change + noise}).margin is None  # none are known


def test_a_lucky_few_queries_are_no_evidence(plan, bert, monkeypatch) -> None:
    plain = np.full(60, 0.5)
    lucky = plain.copy()
    lucky[:3] = 1.0
    lucky[3:5] = 0.0
    assert chosen(plan, bert, monkeypatch, {None: plain, 0.0: lucky}).margin is None


def test_too_few_dev_queries_choose_nothing(plan, bert) -> None:
    config, run, dev = plan
    few = type(dev)(dev.name, dict(list(dev.queries.items())[: FEWEST_QUERIES - 1]), dev.corpus, dev.qrels)
    for judged in (None, few):
        choice = choose_margin(config, TrialGround(run, judged, bert, Silence()))
        assert (choice.margin, choice.tried) == (None, {})


def test_trials_leave_the_weights_and_the_disk_as_they_were(plan, bert, tmp_path) -> None:
    config, run, dev = plan
    before = {name: value.clone() for name, value in bert.model.state_dict().items()}
    choice = choose_margin(config, TrialGround(run, dev, bert, Silence()))
    assert len(choice.tried) == len(KNOWS)
    assert all(torch.equal(before[name], value) for name, value in bert.model.state_dict().items())
    assert not [path for path in run.folder.rglob("*") if path.is_file()]


def test_a_margin_that_masks_everything_scores_nothing(plan, bert, monkeypatch) -> None:
    config, run, dev = plan

    def stopped(*_):
        raise StoppedError("everything is masked")

    monkeypatch.setattr(trials, "fit", stopped)
    choice = choose_margin(config, TrialGround(run, dev, bert, Silence()))
    assert choice.margin is None
    assert set(choice.tried.values()) == {0.0}


@pytest.mark.parametrize("steps", [1, 7, 40, 100, 10_000])
def test_what_is_tried_costs_a_fraction_of_the_run_that_it_serves(steps, bert) -> None:
    each = trial_steps(bert, steps)
    assert 1 <= each <= max(1, -(-steps // 4))
    if steps >= 100:
        assert len(margins_for(bert)) * each <= 0.25 * steps
