"""Whole encoders and block search on a simulated device: what the CPU computes, and how often the CPU would wait."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import simulated_device
import torch

from embedtune.config.sections.objective import LossSection
from embedtune.data.rows import Rows
from embedtune.models.encode import compute
from embedtune.models.encode.batching import BatchLayout, Packed, Padded
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.search.dense import top_k
from embedtune.training.batch.micro_batches import MicroBatchCollator
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts, read_texts
from embedtune.training.companions.averaged import AveragedTeacher
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.held import Held
from embedtune.training.step.objective import build_objective

DEVICE = torch.device(f"{simulated_device.NAME}:0")
ROWS = Rows(
    anchors=[f"How do I change password {number}? " * (1 + number % 3) for number in range(6)],
    positives=[f"설정 화면 {number}에서 바꿉니다." for number in range(6)],
    negatives=[[]] * 6,
)
BATCHES = ([0, 1, 2], [3, 4, 5], [1, 3, 5])
STEPS = len(BATCHES)
TEXTS = ["a", "", "How do I reset my password?", "비밀번호를 잊어버렸어요", "reset", "a b c d e f", "a longer one " * 9]


def on_device(encoder: Encoder) -> Encoder:
    """A copy of an encoder whose weights and buffers are on the device."""
    model = to_device(deepcopy(encoder.model))
    model.eval()
    return replace(encoder, model=model)


def to_device(model: torch.nn.Module) -> torch.nn.Module:
    """Move weights and buffers to the device, in place."""
    for part in model.modules():
        for name, one in part._parameters.items():
            if one is not None:
                part._parameters[name] = torch.nn.Parameter(simulated_device.there(one.detach()), one.requires_grad)
        for name, one in part._buffers.items():
            if one is not None:
                part._buffers[name] = simulated_device.there(one)
    return model


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


def adapter_of(encoder: Encoder) -> ObjectiveAdapter:
    """A step whose micro-batches are encoded twice, with an averaged teacher and a guide."""
    table = build_table(ROWS, np.stack([ROWS.anchor_ids, ROWS.positive_ids], axis=1))
    guide, draw = GuideTable(table.texts), np.random.default_rng(1)
    guide.fill(lambda texts, role: draw.standard_normal((len(texts), 3), dtype=np.float32))
    objective = build_objective([LossSection(name="gist", args={"margin": 0.1}), LossSection(name="moco", weight=0.5)])
    return ObjectiveAdapter(
        encoder.model,
        objective,
        table,
        guide,
        [AveragedTeacher(encoder.model, objective, momentum=0.5, steps=3)],
        kept=0,
    )


def micro_batched(encoder: Encoder, rows: list[int]) -> tuple[list[dict], torch.Tensor]:
    """Features by micro-batch and labels, as the trainer hands them on."""
    texts = read_texts(Tokenizer(encoder), RowTexts(ROWS, 0))
    batch = MicroBatchCollator(texts, Held(12, 12))([{"label": row} for row in rows])
    labels = batch.pop("label")
    found: dict[str, dict] = {}
    for name, value in batch.items():
        number, _, key = name.partition("_")
        found.setdefault(number, {})[key] = value
    return list(found.values()), labels


def stepped(encoder: Encoder, adapter: ObjectiveAdapter, move, at) -> list[torch.Tensor]:
    """Losses, gauges and gradients of steps of plain gradient descent."""
    found = []
    for step, rows in enumerate(BATCHES):
        features, labels = micro_batched(encoder, rows)
        assert len(features) > 2
        adapter.step = step
        adapter.zero_grad()
        sum(adapter([move(one) for one in features], at(labels)).values()).backward()
        found += [simulated_device.here(adapter.loss), torch.tensor(list(adapter.gauges().values()))]
        for one in adapter.parameters():
            if one.grad is not None:  # of a pooler that nothing uses there is none
                found.append(simulated_device.here(one.grad).clone())
                with torch.no_grad():
                    one.sub_(0.1 * one.grad)
    return found


def test_cached_gradients_and_an_averaged_teacher_are_those_of_the_cpu_and_wait_no_more(bert):
    bert.model.eval()
    there = on_device(bert)
    plain, own = adapter_of(bert), adapter_of(there)
    expected = stepped(bert, plain, lambda one: one, lambda one: one)
    with simulated_device.counted() as waits:
        found = stepped(bert, own, moved, simulated_device.there)
    for step in range(0, len(found), len(found) // STEPS):
        assert float(expected[step]) > 0.1  # there is something to learn in each
    teachers = [adapter.companions[0].state() for adapter in (own, plain)]
    assert teachers[0].keys() == teachers[1].keys()
    for one, other in zip([*found, *teachers[0].values()], [*expected, *teachers[1].values()], strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    # The numbers of the rows, whether each loss is finite, and the gauges; encoding twice and averaging add none.
    assert sum(waits.values()) == 3 * STEPS, dict(waits)
