"""Runs that keep the lower layers: the weights of a run that is told so weight by weight, started above them or not."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from embedtune.config.sections.encoder import EncoderSection, Lora
from embedtune.config.sections.training import TrainingSection
from embedtune.models.files.load import load_encoder
from embedtune.training.run.pace import training_flops
from embedtune.training.run.trainer import fit, texts_of
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.preparing.begun_texts import begun_texts

SECTION = TrainingSection(epochs=2, batch_size=4, seed=1, freeze_layers=1, dropout="off")


@pytest.fixture
def plan(run_of):
    return run_of(SECTION, lr=1e-2)


@pytest.fixture
def load(bert_folder):
    return lambda: load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")


@pytest.fixture
def expected(load, plan, tmp_path):
    """Weights before and after a run in which the lower weights are told not to learn, one by one."""
    encoder = load()
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    for name, one in encoder.model.named_parameters():
        if "embeddings" in name or "layer.0." in name:
            one.requires_grad_(False)
    section = SECTION.model_copy(update={"freeze_layers": 0, "embeddings": "train"})
    fit(encoder, replace(plan, section=section, folder=tmp_path / "expected"))
    return before, encoder.model.state_dict()


@pytest.mark.parametrize("tokens", [30, None])
@pytest.mark.parametrize("begun", [False, True])
def test_the_upper_layers_learn_what_they_learn_without_gradients_below(begun, tokens, load, plan, expected, tmp_path):
    encoder, (before, after) = load(), expected
    texts = texts_of(plan, encoder)
    texts = begun_texts(texts, encoder, 1, "fp32", tmp_path, Silence()) if begun else texts
    section = SECTION.model_copy(update={"micro_batch_tokens": tokens})
    fit(encoder, replace(plan, section=section, texts=texts, folder=tmp_path / "run"))
    for name, value in encoder.model.state_dict().items():
        if "embeddings" in name or "layer.0." in name:
            assert torch.equal(value, before[name]), name
        elif not name.endswith("key.bias"):  # its gradient is 0 but for rounding, which AdamW scales up
            # Within a thousandth of how far it moved: micro-batches add up in another order.
            assert (value - after[name]).norm() <= 1e-3 * (after[name] - before[name]).norm(), name
    assert any(not torch.equal(after[name], before[name]) for name in after if "layer.1." in name)


@pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="the lora extra is not installed")
@pytest.mark.parametrize("begun", [False, True])
def test_with_lora_the_adapters_of_the_upper_layers_learn_alone(begun, bert_folder, plan, tmp_path):
    encoder = load_encoder(EncoderSection(name=str(bert_folder), lora=Lora(rank=2)), device="cpu")
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    texts = texts_of(plan, encoder)
    texts = begun_texts(texts, encoder, 1, "fp32", tmp_path, Silence()) if begun else texts
    fit(encoder, replace(plan, texts=texts, folder=tmp_path / "run"))
    changed = {name for name, value in encoder.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all("layer.1." in name and "lora_" in name for name in changed)


def test_operations_of_layers_that_do_not_learn_are_not_counted(load):
    encoder = load()
    whole = training_flops(encoder)
    for name, one in encoder.model.named_parameters():
        one.requires_grad_("layer.1." in name or "pooler" in name)
    above, started = training_flops(encoder, 1), training_flops(encoder, 1, begun=True)
    lower = sum(one.numel() for one in encoder.model.transformers_model.encoder.layer[0].parameters())
    assert whole is not None and above is not None and started is not None
    assert above.per_token - started.per_token == 2 * lower
    lengths = np.array([5, 9])
    assert started.of(lengths) < above.of(lengths) < whole.of(lengths)
    assert (whole.per_pair, above.per_pair, started.per_pair) == (24 * 32, 16 * 32, 12 * 32)


def test_token_vectors_cannot_learn_below_layers_that_do_not():
    with pytest.raises(ValidationError, match="leave one of them out"):
        TrainingSection(freeze_layers=1, embeddings="train")
