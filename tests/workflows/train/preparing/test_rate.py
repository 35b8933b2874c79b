"""The learning rate of a starter: higher than the cautious one only where dev is sure."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.data.prepare import prepare
from embedtune.losses import build_loss
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import PreparedFit
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.guide import trials
from embedtune.workflows.train.guide.trials import FEWEST_QUERIES, TrialGround
from embedtune.workflows.train.preparing.rate import can_choose, choose_rate, rates_to_try

LOSSES = [build_loss("infonce")]


@pytest.fixture
def run(beir, recipe, starter, tmp_path):
    """A recipe on 200 training and 60 dev queries, and the run that is to follow at a tenth of the full rate."""
    folder = beir(260, train=[(i, i) for i in range(200)], dev=[(i, i) for i in range(200, 260)], test=[(300, 0)])
    cautious = starter.default_lr / 10
    config = recipe(data=str(folder), max_steps=8, lr=cautious)
    data = prepare(config.data, 0)
    table = build_table(data.train, data.known_positives)
    plan = PreparedFit(rows=data.train, table=table, section=config.training, folder=tmp_path / "run", lr=cautious)
    return config, plan, data.dev


def chosen(run, starter, monkeypatch, gains):
    """The choice when a rate of so many times the cautious one gains so much on dev, and the rates that were tried."""
    config, plan, dev = run
    noise = np.random.default_rng(0).normal(0.5, 0.05, len(dev))
    tried = []

    def fake(fit, judged, known, encoder):
        tried.append(fit.lr)
        assert fit.guide is None
        return (
            noise
            + gains.get(round(fit.lr / plan.lr), 0.0)
            + np.random.default_rng(len(tried)).normal(0, 0.01, len(dev))
        )

    monkeypatch.setattr(trials, "_score_of", fake)
    return choose_rate(config, TrialGround(plan, dev, starter, Silence()), LOSSES), tried


def test_the_best_rate_is_taken_where_dev_is_sure(run, starter, monkeypatch) -> None:
    usual = starter.default_lr
    choice, tried = chosen(run, starter, monkeypatch, {3: 0.02, 10: 0.05})
    assert tried == pytest.approx([0.1 * usual, 0.3 * usual, usual])
    assert choice.lr == pytest.approx(usual)
    assert len(choice.tried) == 3 and "was best" in choice.reason


def test_the_cautious_rate_stays_without_a_clear_gain(run, starter, monkeypatch) -> None:
    choice, _ = chosen(run, starter, monkeypatch, {3: 0.0, 10: -0.2})
    assert choice.lr == pytest.approx(0.1 * starter.default_lr)
    assert "none was clearly better" in choice.reason


def test_nothing_is_tried_where_nothing_can_be_gained(run, starter, bert) -> None:
    _, plan, dev = run
    usual = starter.default_lr
    ground = TrialGround(plan, dev, starter, Silence())
    assert can_choose(ground, LOSSES)
    assert not can_choose(replace(ground, plan=replace(plan, lr=usual)), LOSSES)  # pairs enough for the full rate
    few = type(dev)(
        name=dev.name, queries=dict(list(dev.queries.items())[: FEWEST_QUERIES - 1]), corpus=dev.corpus, qrels=dev.qrels
    )
    assert not can_choose(replace(ground, dev=few), LOSSES)
    assert rates_to_try(bert.default_lr / 10, LOSSES, bert) == []
