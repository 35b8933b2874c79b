import dataclasses

import pytest
import torch

from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.files.load import Encoder
from embedtune.models.speed.embeddings import frozen_embeddings
from embedtune.models.speed.probe import Probe, activation_bytes, allowed_bytes, probe


@pytest.mark.parametrize("name", ["bert", "starter"])
def test_a_probe_leaves_the_encoder_as_it_was(name, texts, request) -> None:
    encoder: Encoder = request.getfixturevalue(name)
    before = encoder.fingerprint()
    measured = probe(encoder, texts[:4])
    assert encoder.fingerprint() == before
    assert all(parameter.grad is None for parameter in encoder.model.parameters())
    numbers = sum(parameter.numel() for parameter in encoder.model.parameters())
    assert measured.weights_bytes == 16 * numbers  # weight, gradient, two moments, 4 bytes each
    assert measured.texts == 4
    assert min(measured.texts_s, measured.update_s) > 0


def test_a_probe_without_the_table_counts_what_else_learns(bert: Encoder, texts) -> None:
    table = bert.model.transformers_model.get_input_embeddings().weight
    numbers = sum(parameter.numel() for parameter in bert.model.parameters()) - table.numel()
    assert probe(bert, texts[:2], frozen=frozen_embeddings).weights_bytes == 16 * numbers and table.requires_grad


def test_what_the_backward_pass_keeps_is_counted(bert: Encoder, texts) -> None:
    few, many = probe(bert, texts[:1] * 2), probe(bert, texts[:1] * 8)
    assert 0 < few.kept_bytes < many.kept_bytes
    # Hidden states of two layers alone: texts * tokens * 32 numbers of 4 bytes each.
    tokens = len(bert.model.tokenizer(texts[0])["input_ids"])
    assert many.kept_bytes > 8 * tokens * 32 * 4 * 2
    assert many.tokens == 8 * tokens


def test_a_step_grows_with_its_texts() -> None:
    one = Probe(10, tokens=100, texts_s=1.0, update_s=0.5, weights_bytes=1000, kept_bytes=50, allowed_bytes=100)
    assert one.step_s(20) == 2.5
    assert one.step_bytes(20) == 1100
    # Twice as many: half of them are encoded twice, which is a third of their time, and memory grows no further.
    assert one.step_s(40) == pytest.approx(4.0 * (1 + 1 / 6) + 0.5)
    assert one.step_bytes(40) == 1100
    assert dataclasses.asdict(one)["texts"] == 10
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_counting_activations_changes_neither_weights_nor_modes_nor_random_states(kind, texts, request) -> None:
    encoder: Encoder = request.getfixturevalue(kind)
    encoder.model.eval()
    features = Tokenizer(encoder).tokenize(texts, "query").features(range(len(texts)))
    before, state = encoder.fingerprint(), torch.get_rng_state()
    size = activation_bytes(encoder, features, "fp32")
    assert size > 0 and size == activation_bytes(encoder, features, "fp32")
    assert encoder.fingerprint() == before and torch.equal(torch.get_rng_state(), state)
    assert not any(part.training for part in encoder.model.modules())
    assert all(parameter.grad is None for parameter in encoder.model.parameters())


def test_activations_may_take_a_quarter_of_what_is_free(monkeypatch) -> None:
    for free, allowed in ((2**33, 2**31), (2**34 - 1, 2**31), (2**28, 2**26), (0, 1), (None, 2**31)):
        monkeypatch.setattr("embedtune.models.speed.probe.free_memory", lambda free=free: free)
        assert allowed_bytes(torch.device("cpu")) == allowed


def test_on_a_gpu_half_and_what_torch_keeps_is_free(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6 * 2**30, 8 * 2**30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**30)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2**29)
    assert allowed_bytes(torch.device("cuda:0")) == 2**31  # of 3.25 GiB
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2**32)
    assert allowed_bytes(torch.device("cuda:0")) == 2**32  # of 4.75 GiB
