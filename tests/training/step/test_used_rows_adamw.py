"""AdamW on the rows in use so far: torch's own AdamW on the full table, step by step and in whole runs."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import ConfigError, Interrupted
from embedtune.losses import build_loss
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.vocabulary import token_vectors
from embedtune.training.run.needed import choose_embeddings
from embedtune.training.run.trainer import fit
from embedtune.training.step.objective import build_objective
from embedtune.training.step.used_rows_adamw import UsedRowsAdamW

SECTION = TrainingSection(epochs=2, batch_size=4, seed=1, embeddings="used")
OPTIONS = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.0}
STEPS = ([4, 0], [2], [0, 2, 6], [2], [], [4, 4, 1], [6])
"""Rows that each step uses: some come late, some only once, one step uses none, and rows 3 and 5 are never used."""


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gradient(number: int) -> torch.Tensor:
    rows = STEPS[number]
    return torch.sparse_coo_tensor(
        torch.tensor([rows]).long(), drawn(len(rows), 3, seed=number), (7, 3), check_invariants=True
    )


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_adamw_on_the_full_table(fused):
    tables, others = ([nn.Parameter(drawn(7, 3, seed=9)) for _ in range(2)] for _ in range(2))
    ours = UsedRowsAdamW([tables[0], others[0]], **OPTIONS, fused=fused)
    theirs = torch.optim.AdamW([tables[1], others[1]], **OPTIONS, fused=fused)
    for number, rows in enumerate(STEPS):
        tables[0].grad, tables[1].grad = gradient(number), gradient(number).to_dense()
        for other in others:
            other.grad = drawn(7, 3, seed=50 + number)
        ours.step()
        theirs.step()
        torch.testing.assert_close(*tables, rtol=0, atol=1e-6)
        assert len(ours.state[tables[0]]["exp_avg"]) == len({row for own in STEPS[: number + 1] for row in own}), rows
    assert torch.equal(*others)
    assert torch.equal(tables[0][[3, 5]], drawn(7, 3, seed=9)[[3, 5]])


def test_its_state_goes_through_a_state_dict():
    weights = [nn.Parameter(torch.ones(7, 3)) for _ in range(2)]
    optimizers = [UsedRowsAdamW([weight], **OPTIONS, fused=True) for weight in weights]
    for number in range(len(STEPS)):
        if number == 2:
            optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
            weights[1].data.copy_(weights[0])
        for weight, optimizer in list(zip(weights, optimizers, strict=True))[: 1 if number < 2 else 2]:
            weight.grad = gradient(number)
            optimizer.step()
    assert torch.equal(*weights)


def test_weight_decay_is_refused():
    weight = nn.Parameter(torch.ones(7, 3))
    weight.grad = gradient(0)
    with pytest.raises(NotImplementedError):
        UsedRowsAdamW([weight], lr=0.1, weight_decay=0.1).step()


@pytest.fixture
def plan(run_of):
    return run_of(SECTION, lr=1e-2)


@pytest.mark.parametrize("tokens", [30, None])
def test_a_run_ends_with_the_weights_of_plain_adamw(bert_folder, plan, tmp_path, tokens):
    encoders = [load_encoder(EncoderSection(name=str(bert_folder)), device="cpu") for _ in range(2)]
    section = SECTION.model_copy(update={"dropout": "off", "micro_batch_tokens": tokens})
    for encoder, embeddings in zip(encoders, ("train", "used"), strict=True):
        one = section.model_copy(update={"embeddings": embeddings})
        fit(encoder, replace(plan, section=one, folder=tmp_path / embeddings))
    theirs, ours = (encoder.model.state_dict() for encoder in encoders)
    start = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu").model.state_dict()
    for name, value in theirs.items():
        # Within a thousandth of how far eight steps moved it: gradients are added up in another order.
        moved = (value - start[name]).abs().max()
        torch.testing.assert_close(ours[name], value, rtol=0, atol=float(1e-3 * moved), msg=name)


class StopAfter(TrainerCallback):
    """Asks for an interruption as Ctrl-C does, after a step."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            import signal

            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_goes_on_to_the_same_weights(bert_folder, plan, tmp_path):
    whole, broken, resumed = (load_encoder(EncoderSection(name=str(bert_folder)), device="cpu") for _ in range(3))
    fit(whole, plan)
    halted = replace(plan, folder=tmp_path / "halted")
    with pytest.raises(Interrupted, match="step 3"):
        fit(broken, replace(halted, callbacks=(StopAfter(),)))
    assert fit(resumed, halted, resume=True).steps == 8
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_it_is_chosen_for_a_large_table_only(bert, starter, monkeypatch):
    losses = {"infonce": build_loss("infonce")}
    auto = TrainingSection()
    assert choose_embeddings(auto, bert, losses) == ("train", "")
    monkeypatch.setattr("embedtune.training.run.needed.MANY_WEIGHTS", token_vectors(bert).numel())
    way, why = choose_embeddings(auto, bert, losses)
    assert way == "used" and f"of {len(token_vectors(bert)):,} token vectors" in why
    assert choose_embeddings(auto.model_copy(update={"embeddings": "sparse"}), bert, losses) == ("sparse", "")
    token_vectors(bert).requires_grad_(False)
    assert choose_embeddings(auto, bert, losses) == ("train", "")


@pytest.mark.parametrize(
    ("section", "term", "match"),
    [
        (TrainingSection(weight_decay=0.1), LossSection(name="infonce"), "weight decay"),
        (TrainingSection(precision="fp16"), LossSection(name="infonce"), "fp16"),
        (TrainingSection(), LossSection(name="denoise", args={"tied": True}), "denoise"),
    ],
)
def test_every_token_vector_is_updated_where_any_may_change(section, term, match, bert: Encoder, monkeypatch):
    monkeypatch.setattr("embedtune.training.run.needed.MANY_WEIGHTS", 1)
    way, why = choose_embeddings(section, bert, {term.name: build_loss(term.name, **term.args)})
    assert way == "train" and match in why


def test_a_run_that_leaves_it_open_updates_the_rows_in_use(bert, plan, monkeypatch):
    monkeypatch.setattr("embedtune.training.run.needed.MANY_WEIGHTS", 1)
    kinds = []

    class Watch(TrainerCallback):
        def on_step_end(self, args, state, control, optimizer=None, **kwargs):
            kinds.append(type(getattr(optimizer, "optimizer", optimizer)))

    section = SECTION.model_copy(update={"embeddings": "auto", "max_steps": 1})
    fit(bert, replace(plan, section=section, callbacks=(Watch(),)))
    assert kinds == [UsedRowsAdamW]


def test_weight_decay_is_refused_before_the_first_step(bert, plan):
    with pytest.raises(ConfigError, match="weight decay") as caught:
        fit(bert, replace(plan, section=SECTION.model_copy(update={"weight_decay": 0.1})))
    assert caught.value.where == "training.embeddings"


def test_a_loss_that_learns_every_token_is_refused(bert, plan):
    objective = build_objective([LossSection(name="denoise", args={"tied": True})])
    with pytest.raises(ConfigError, match="denoise with tied"):
        fit(bert, replace(plan, objective=objective))
