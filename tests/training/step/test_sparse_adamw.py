"""AdamW by rows: its formula in a slow loop, AdamW itself where all rows are used, and whole runs."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import TrainerCallback

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.training import TrainingSection
from embedtune.errors import Interrupted, StoppedError
from embedtune.models.files.load import load_encoder
from embedtune.models.files.vocabulary import token_vectors
from embedtune.training.run.trainer import fit
from embedtune.training.step.sparse_adamw import RowAdamW, clip_gradients, gradient_values

SECTION = TrainingSection(epochs=2, batch_size=4, seed=1, embeddings="sparse", weight_decay=0.1)
OPTIONS = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.3}


def sparse(rows: list[int], values: torch.Tensor, size: int) -> torch.Tensor:
    return torch.sparse_coo_tensor(torch.tensor([rows]), values, (size, values.shape[1]), check_invariants=True)


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_rows_follow_the_formula_and_the_others_stay():
    start, steps = drawn(5, 3, seed=0), [[0, 2], [2], [4, 2, 0], [0]]
    weight = nn.Parameter(start.clone())
    optimizer = RowAdamW([weight], **OPTIONS)
    expected, first, second, count = start.clone(), torch.zeros(5, 3), torch.zeros(5, 3), [0] * 5
    first, second = first.double(), second.double()
    for number, rows in enumerate(steps):
        gradient = drawn(len(rows), 3, seed=number + 1)
        weight.grad = sparse(rows, gradient, 5)
        optimizer.step()
        for row, own in zip(rows, gradient, strict=True):
            count[row] += 1
            for d in range(3):
                first[row, d] = 0.8 * first[row, d] + 0.2 * own[d]
                second[row, d] = 0.9 * second[row, d] + 0.1 * own[d] ** 2
                hat = first[row, d] / (1 - 0.8 ** count[row])
                size = (second[row, d] / (1 - 0.9 ** count[row])) ** 0.5
                expected[row, d] *= 1 - 0.1 * 0.3
                expected[row, d] -= 0.1 * hat / (size + 1e-3)
    torch.testing.assert_close(weight.detach(), expected)
    assert torch.equal(weight[1], start[1]) and torch.equal(weight[3], start[3])
    assert optimizer.state[weight]["step"].tolist() == [3, 0, 3, 0, 1]


@pytest.mark.parametrize("fused", [False, True])
def test_it_is_adamw_where_every_row_is_used(fused):
    tables = [nn.Parameter(drawn(4, 3, seed=0).float()) for _ in range(2)]
    others = [nn.Parameter(drawn(2, seed=1).float()) for _ in range(2)]
    ours = RowAdamW([tables[0], others[0]], **OPTIONS, fused=fused)
    theirs = torch.optim.AdamW([tables[1], others[1]], **OPTIONS, fused=fused)
    for number in range(20):
        gradient = drawn(4, 3, seed=2 + number).float()
        tables[0].grad, tables[1].grad = sparse([2, 0, 3, 1], gradient[[2, 0, 3, 1]], 4), gradient
        for other in others:
            other.grad = torch.full((2,), 1.0 + number)
        ours.step()
        theirs.step()
    torch.testing.assert_close(tables[0], tables[1], rtol=1e-5, atol=1e-6)
    assert torch.equal(others[0], others[1])


def test_a_row_that_comes_twice_is_summed_first():
    one, two = (nn.Parameter(torch.ones(3, 2)) for _ in range(2))
    one.grad = sparse([1, 1], torch.tensor([[1.0, 2.0], [3.0, -2.5]]), 3)
    two.grad = sparse([1], torch.tensor([[4.0, -0.5]]), 3)
    for weight in (one, two):
        RowAdamW([weight], **OPTIONS).step()
    assert torch.equal(one, two) and not torch.equal(one, torch.ones(3, 2))


def test_its_state_goes_through_a_state_dict():
    weights = [nn.Parameter(torch.ones(3, 2)) for _ in range(2)]
    optimizers = [RowAdamW([weight], **OPTIONS, fused=True) for weight in weights]
    for number in range(4):
        if number == 2:
            optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
            weights[1].data.copy_(weights[0])
        for weight, optimizer in list(zip(weights, optimizers, strict=True))[: 1 if number < 2 else 2]:
            weight.grad = sparse([number % 2, 2], drawn(2, 2, seed=number).float(), 3)
            optimizer.step()
    assert torch.equal(*weights)
    assert optimizers[1].state[weights[1]]["step"].tolist() == [2, 2, 4]


@pytest.mark.parametrize("largest", [0.5, 100.0])
def test_clipping_is_that_of_the_dense_gradient(largest):
    tables, others = ([nn.Parameter(torch.zeros(4, 2)), nn.Parameter(torch.zeros(4, 2))] for _ in range(2))
    gradient = torch.tensor([[1.0, -2.0], [3.0, 4.0], [0.5, 0.0]])
    tables[0].grad = sparse([3, 1, 3], gradient, 4)
    tables[1].grad = tables[0].grad.to_dense()
    for other in others:
        other.grad = torch.ones(4, 2)
    norm = clip_gradients([tables[0], others[0]], largest)
    torch.testing.assert_close(norm, torch.nn.utils.clip_grad_norm_([tables[1], others[1]], largest))
    torch.testing.assert_close(tables[0].grad.to_dense(), tables[1].grad)
    torch.testing.assert_close(others[0].grad, others[1].grad)
    assert sum(one.square().sum() for one in gradient_values([tables[0], others[0]])).sqrt() <= norm + 1e-6


@pytest.fixture
def plan(run_of):
    return run_of(SECTION, lr=1e-2)


def used_tokens(encoder, plan) -> set[int]:
    from embedtune.models.encode.tokenizer import Tokenizer

    texts = [*plan.rows.anchors, *plan.rows.positives]
    features = Tokenizer(encoder).tokenize(texts, "query").features(range(len(texts)))
    return set(features["input_ids"].unique().tolist())


@pytest.mark.parametrize(("name", "tokens"), [("bert", 30), ("bert", None), ("starter", None)])
def test_used_token_vectors_learn_and_the_others_stay(name, tokens, request, plan):
    encoder = request.getfixturevalue(name)
    before = token_vectors(encoder).detach().clone()
    section = SECTION.model_copy(update={"micro_batch_tokens": tokens})
    fit(encoder, replace(plan, section=section))
    changed = (token_vectors(encoder) != before).any(dim=1).nonzero()[:, 0].tolist()
    assert changed and set(changed) == used_tokens(encoder, plan) - {0 if name == "bert" else -1}
    assert len(changed) < len(before)


class StopAfter(TrainerCallback):
    """Asks for an interruption as Ctrl-C does, after a step."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            import signal

            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_goes_on_to_the_same_weights(bert_folder, plan, tmp_path):
    plan = replace(plan, section=SECTION.model_copy(update={"micro_batch_tokens": 30}))
    whole, broken, resumed = (load_encoder(EncoderSection(name=str(bert_folder)), device="cpu") for _ in range(3))
    fit(whole, plan)
    halted = replace(plan, folder=tmp_path / "halted")
    with pytest.raises(Interrupted, match="step 3"):
        fit(broken, replace(halted, callbacks=(StopAfter(),)))
    assert not torch.equal(token_vectors(broken), token_vectors(whole))
    assert fit(resumed, halted, resume=True).steps == 8
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_one_step_is_that_of_adamw_on_the_rows_in_use(bert_folder, plan, tmp_path):
    section = SECTION.model_copy(update={"max_steps": 1, "dropout": "off", "weight_decay": 0.0, "warmup_share": 0.0})
    encoders = [load_encoder(EncoderSection(name=str(bert_folder)), device="cpu") for _ in range(2)]
    for encoder, embeddings in zip(encoders, ("train", "sparse"), strict=True):
        one = section.model_copy(update={"embeddings": embeddings})
        fit(encoder, replace(plan, section=one, folder=tmp_path / embeddings))
    theirs, ours = (encoder.model.state_dict() for encoder in encoders)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5, msg=name)


class Spoil(TrainerCallback):
    """Makes one number of the token vectors' gradient NaN."""

    def __init__(self, weight: nn.Parameter) -> None:
        self.weight = weight
        self.hook = weight.register_post_accumulate_grad_hook(self._spoil)

    def _spoil(self, weight: torch.Tensor) -> None:
        assert weight.grad is not None and weight.grad.is_sparse
        weight.grad._values()[0, 0] = torch.nan


def test_nan_in_the_sparse_gradient_is_caught_before_the_step(bert, plan):
    before = token_vectors(bert).detach().clone()
    spoil = Spoil(token_vectors(bert))
    with pytest.raises(StoppedError, match="the gradient became NaN or infinite at step 0"):
        fit(bert, plan)
    spoil.hook.remove()
    assert torch.equal(token_vectors(bert), before)
