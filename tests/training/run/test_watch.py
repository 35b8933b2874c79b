"""Real short runs under the watch for collapse, and what a first and a second Ctrl-C do."""

import json
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import Rows
from embedtune.errors import Interrupted, StoppedError
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.checkpoint import is_whole, place_of
from embedtune.training.run.fit import Fit
from embedtune.training.run.log import read_log
from embedtune.training.run.trainer import fit
from embedtune.training.run.watch import Interruption
from embedtune.training.step.objective import build_objective

PATIENCE_S = 300  # which only a defect uses up


@pytest.fixture
def plan(pairs, tmp_path):
    """120 steps of all sixteen pairs."""
    own = np.stack([pairs.anchor_ids, pairs.positive_ids], axis=1)
    section = TrainingSection(epochs=120, batch_size=16, seed=1, schedule="constant", checkpoint_every=1000)
    return lambda name, **args: Fit(
        rows=pairs,
        table=build_table(pairs, own),
        objective=build_objective([LossSection(name=name, args=args)]),
        section=section,
        folder=tmp_path / name,
        lr=2e-2,
    )


def gauges(run: Fit, name: str) -> list[float]:
    lines = [json.loads(line) for line in run.metrics.read_text(encoding="utf-8").splitlines()]
    return [line[f"collapse.{name}"] for line in lines if f"collapse.{name}" in line]


def test_alignment_alone_collapses_and_is_stopped_with_its_state_saved(starter, plan):
    """Each text is a positive of the next, so that nothing keeps any two apart."""
    run = plan("lejepa", weight=0)
    chained = Rows(anchors=run.rows.anchors, positives=[*run.rows.anchors[1:], run.rows.anchors[0]])
    table = build_table(chained, np.stack([chained.anchor_ids, chained.positive_ids], axis=1))
    run = replace(run, rows=chained, table=table)
    with pytest.raises(StoppedError, match="has collapsed") as stopped:
        fit(starter, run)
    step = int(stopped.value.where.removeprefix("step "))
    assert f"the state after step {step} is saved" in stopped.value.message
    assert is_whole(place_of(run.checkpoints, step))
    ranks, cosines = gauges(run, "effective_rank"), gauges(run, "mean_cosine")
    assert min(ranks) < ranks[0] / 3 and max(cosines) > 0.5


@pytest.mark.parametrize("name", ["infonce", "triplet", "gist"])
def test_losses_that_keep_texts_apart_are_let_be(starter, plan, name):
    run = plan(name)
    assert fit(starter, run).steps == 120
    assert len(gauges(run, "sigreg")) == 60  # every second step of 120, so that there are at most a hundred


def test_gauges_are_no_part_of_training(bert, plan, monkeypatch):
    """The same weights whether anybody looks or not: measuring draws no random number."""
    start = {name: value.clone() for name, value in bert.model.state_dict().items()}
    run = plan("infonce")
    run = replace(run, section=run.section.model_copy(update={"max_steps": 5}), lr=1e-3)
    fit(bert, run)
    seen = {name: value.clone() for name, value in bert.model.state_dict().items()}
    bert.model.load_state_dict(start)
    monkeypatch.setattr("embedtune.training.companions.collapse.CollapseWatch.step", lambda *_: None)
    fit(bert, replace(run, folder=run.folder.with_name("unseen")))
    assert all(torch.equal(value, bert.model.state_dict()[name]) for name, value in seen.items())


def test_the_first_ctrl_c_is_answered_at_once_and_the_second_stops():
    """The answer comes from a thread: the main one may hold the stream's lock when the signal arrives."""
    heard, from_whom = threading.Event(), []

    def tell(text: str) -> None:
        from_whom.append((text, threading.current_thread() is threading.main_thread()))
        heard.set()

    before = signal.getsignal(signal.SIGINT)
    with Interruption(tell) as interruption:
        signal.raise_signal(signal.SIGINT)
        assert heard.wait(PATIENCE_S)
        assert interruption.requested
        ((text, on_main),) = from_whom
        assert "again to stop now" in text and not on_main
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_trial_promises_to_save_nothing(plan, starter):
    heard, told = threading.Event(), []

    def tell(text: str) -> None:
        told.append(text)
        heard.set()

    run = replace(plan("infonce"), trial=True, progress=lambda *one: signal.raise_signal(signal.SIGINT), warn=tell)
    with pytest.raises(Interrupted, match=r"of a short trial run, before training began; nothing was saved$"):
        fit(starter, run)
    assert heard.wait(PATIENCE_S)
    assert "which saves nothing" in told[0] and "saving it" not in told[0]


def test_each_step_is_told_with_epoch_loss_and_dev_score(plan, starter):
    """Against the log of the run, which the trainer writes."""
    told, run = [], plan("infonce")
    section = run.section.model_copy(update={"max_steps": 3, "evaluate_every": 2})
    scores = iter((0.25, 0.5, 0.75, 1.0))
    run = replace(run, section=section, dev=lambda: {"ndcg@10": next(scores)}, progress=lambda *one: told.append(one))
    fit(starter, run)
    losses = [line["loss"] for line in read_log(run.metrics) if "loss" in line]
    epochs = -(-3 // run.steps_per_epoch)
    expected = [
        f"epoch {-(-step // run.steps_per_epoch)} of {epochs}, loss {losses[step - 1]:.4g}, dev nDCG@10 {dev:.3f}"
        for step, dev in ((1, 0.25), (2, 0.25), (3, 0.5))
    ]
    assert told == [(step, None, words) for step, words in zip((1, 2, 3), expected, strict=True)]
