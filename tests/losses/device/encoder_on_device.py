"""Whole encoders and block search on a simulated device: what the CPU computes, and how often the CPU would wait."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import simulated_device
import torch

from embedtune.models.encode import compute
from embedtune.models.encode.batching import BatchLayout, Packed, Padded
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.search.dense import top_k

DEVICE = torch.device(f"{simulated_device.NAME}:0")
TEXTS = ["a", "", "How do I reset my password?", "비밀번호를 잊어버렸어요", "reset", "a b c d e f", "a longer one " * 9]


def on_device(encoder: Encoder) -> Encoder:
    """A copy of an encoder whose weights and buffers are on the device."""
    model = deepcopy(encoder.model)
    for part in model.modules():
        for name, one in part._parameters.items():
            if one is not None:
                part._parameters[name] = torch.nn.Parameter(simulated_device.there(one.detach()), one.requires_grad)
        for name, one in part._buffers.items():
            if one is not None:
                part._buffers[name] = simulated_device.there(one)
    model.eval()
    return replace(encoder, model=model)


def moved(features: dict) -> dict:
    """A batch as training moves it: tensors go, the rest stays."""
    return {
        name: simulated_device.there(value) if isinstance(value, torch.Tensor) else value
        for name, value in features.items()
    }


@pytest.mark.parametrize(("kind", "waited"), [(Padded, 1), (Packed, 0)])
def test_an_encoder_learns_on_a_device_and_hardly_waits_for_it(bert, kind, waited):
    bert.model.eval()
    read = Tokenizer(bert).tokenize([text for text in TEXTS if text], "query")
    features = kind(read.ids, BatchLayout.of(bert, "query")).features(range(len(TEXTS) - 1))
    towards = torch.randn(len(TEXTS) - 1, 32, generator=torch.Generator().manual_seed(0))
    expected = forward(bert.model, features)
    (expected * towards).sum().backward()
    there = on_device(bert)
    own, own_towards = moved(features), simulated_device.there(towards)
    with simulated_device.counted() as waits:
        found = forward(there.model, own)
        (found * own_towards).sum().backward()
    torch.testing.assert_close(simulated_device.here(found), expected, atol=1e-5, rtol=1e-5)
    for one, other in zip(there.model.parameters(), bert.model.parameters(), strict=True):
        if other.grad is not None:
            torch.testing.assert_close(simulated_device.here(one.grad), other.grad, atol=1e-4, rtol=1e-4)
    assert sum(waits.values()) == waited, dict(waits)  # transformers asks once whether a batch has any padding


def test_encoding_waits_once_per_batch(bert, monkeypatch):
    monkeypatch.setattr(compute, "suited_batch_tokens", lambda encoder: 16)
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # a tensor in Python has no views in that mode
    expected = encode(bert, TEXTS, role="query")
    there, batches = on_device(bert), []
    act = compute.batch_vectors
    monkeypatch.setattr(compute, "batch_vectors", lambda *job: batches.append(1) or act(*job))
    Tokenizer(there)  # tries packed texts once, which waits
    with simulated_device.counted() as waits:
        found = encode(there, TEXTS, role="query")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(batches) > 2 and sum(waits.values()) == len(batches), waits


def test_block_search_waits_for_its_results_alone():
    draw = np.random.default_rng(0)
    queries, documents = (draw.standard_normal((count, 16), dtype=np.float32) for count in (9, 300))
    expected = top_k(queries, documents, 5)
    bytes_for_blocks = 8 * 16 * 100  # of 100 documents each
    with simulated_device.counted() as waits:
        scores, found = top_k(queries, documents, 5, device=str(DEVICE), memory_bytes=bytes_for_blocks)
    np.testing.assert_array_equal(found, expected[1])
    np.testing.assert_array_equal(scores, expected[0])
    assert set(waits) <= {"aten._to_copy: values go to the CPU"}, waits
