"""Views through the trainer: other texts each epoch, prompts and further columns in their places."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.data.rows import RawTexts, Rows
from embedtune.data.views import parse_views
from embedtune.errors import Interrupted, StoppedError
from embedtune.models.files.load import load_encoder
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import ViewedTexts
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective

TOPICS = ("password", "refund", "address", "coupon", "배송", "환불", "비밀번호", "쿠폰")
TEXTS = [f"{topic} works like this in case {number} of all the cases" for number in (1, 2) for topic in TOPICS]
SECTION = TrainingSection(epochs=3, batch_size=8, seed=1)
LOSSES = {
    "byol": {"projector": 16},
    "moco": {},
    "swav": {"prototypes": 6},
    "dino": {"prototypes": 6},
    "barlow": {},
    "deepcluster": {"clusters": 4},
    "denoise": {"width": 16, "length": 4, "tied": True},
}


class StopAfter(TrainerCallback):
    """Asks for an interruption as Ctrl-C does, after a step."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            signal.raise_signal(signal.SIGINT)


def weights(encoder):
    return {name: value.clone() for name, value in encoder.model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def rows_of(views):
    return views.pairs(RawTexts(TEXTS))


def test_the_texts_of_a_row_are_those_of_the_epoch():
    views = parse_views("delete:0.4", further=2)
    texts = ViewedTexts(None, rows_of(views), views)
    seen = []
    for epoch in (0, 1, 0):
        texts.begin(epoch)
        seen.append(texts.views_of(3))
        assert seen[-1] == views.of(TEXTS[3], TEXTS[3], row=3, epoch=epoch) and len(seen[-1]) == 4
    assert seen[0] == seen[2] != seen[1]


def plan_of(name, folder, **changes):
    views = parse_views("crop:0.8", further=2 if name in ("dino", "swav") else 0, seed=1)
    rows = changes.pop("rows", None) or rows_of(views)
    objective = build_objective([LossSection(name=name, args=LOSSES[name])])
    objective.prepare(32)
    return Fit(
        rows=rows,
        table=build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1)),
        objective=objective,
        section=SECTION,
        folder=folder,
        lr=1e-3,
        views=views,
        queue=6 if name in ("moco", "swav") else None,
        **changes,
    )


def fresh(bert_folder):
    return load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")


@pytest.mark.parametrize("name", ["byol", "moco", "swav", "dino", "deepcluster", "denoise"])
def test_an_interrupted_run_goes_on_to_the_same_weights_heads_and_averages(bert_folder, tmp_path, name):
    """Step 3 of 6 is inside the second epoch: views, teacher, queue, centre and clusters all have a past by then."""

    def run(folder, *, stop=None, resume=False):
        encoder, plan = fresh(bert_folder), plan_of(name, folder, callbacks=(StopAfter(stop),) if stop else ())
        if stop:
            with pytest.raises(Interrupted):
                fit(encoder, plan)
        else:
            fit(encoder, plan, resume=resume)
        return weights(encoder), {key: value.clone() for key, value in plan.objective.state_dict().items()}

    whole, whole_heads = run(tmp_path / "whole")
    run(tmp_path / "halted", stop=3)
    resumed, resumed_heads = run(tmp_path / "halted", resume=True)
    assert same(whole, resumed)
    assert whole_heads.keys() == resumed_heads.keys() and same(whole_heads, resumed_heads)
    assert bool(whole_heads) == (name not in ("moco", "barlow", "deepcluster"))
    assert not same(whole, weights(fresh(bert_folder)))


def test_heads_learn_and_are_left_out_of_the_encoder(bert, tmp_path):
    plan = plan_of("byol", tmp_path)
    before = {key: value.clone() for key, value in plan.objective.state_dict().items()}
    names = set(weights(bert))
    fit(bert, plan)
    after = plan.objective.state_dict()
    assert all(not torch.equal(before[key], after[key]) for key in before if key.endswith("weights.0"))
    assert set(weights(bert)) == names


def test_every_epoch_sees_each_row_once_in_views_of_its_own(bert, tmp_path, monkeypatch):
    seen = {}
    made = ViewedTexts.views_of
    record = lambda self, row: seen.setdefault((self.epoch, row), made(self, row))  # noqa: E731
    monkeypatch.setattr(ViewedTexts, "views_of", record)
    fit(bert, plan_of("barlow", tmp_path))
    assert set(seen) == {(epoch, row) for epoch in range(3) for row in range(len(TEXTS))}
    assert all(seen[0, row] != seen[1, row] for row in range(len(TEXTS)))


@pytest.mark.parametrize("name", ["moco", "denoise"])
def test_gradients_cached_over_micro_batches_serve_a_teacher_and_a_decoder_too(bert, tmp_path, name):
    start = weights(bert)
    for module in bert.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    learnt = []
    for tokens in (None, 60):
        bert.model.load_state_dict(start)
        one = SECTION.model_copy(update={"micro_batch_tokens": tokens, "epochs": 1})
        fit(bert, replace(plan_of(name, tmp_path / str(tokens)), section=one))
        learnt.append(weights(bert))
    for name, value in learnt[0].items():
        torch.testing.assert_close(learnt[1][name], value, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "args"), [("simsiam", {"stop_gradient": False}), ("lejepa", {"weight": 0})], ids=["simsiam", "lejepa"]
)
def test_what_is_known_to_collapse_is_stopped_in_words(bert, tmp_path, name, args):
    rows = Rows(anchors=TEXTS * 1, positives=TEXTS)
    objective = build_objective([LossSection(name=name, args=args)])
    objective.prepare(32)
    plan = Fit(
        rows=rows,
        table=build_table(rows, np.stack([rows.anchor_ids, rows.positive_ids], axis=1)),
        objective=objective,
        section=SECTION.model_copy(update={"epochs": 60, "batch_size": 16}),
        folder=tmp_path,
        lr=0.01,
        views=parse_views("crop:0.6"),
    )
    with pytest.raises(StoppedError, match="the encoder has collapsed"):
        fit(bert, plan)
