"""Every loss on a simulated device: the value and the gradients of the CPU, and what a step would wait for."""

from dataclasses import fields, replace

import pytest
import simulated_device
import torch
from torch import nn

from embedtune.losses import EmbeddingBatch, build_loss, loss_names
from embedtune.losses.denoise import Denoise

WAITS = {"angle": 5, "cosent": 5, "cosine": 1, "denoise": 2}
"""What the CPU waits for in one value and its gradients, by loss; 0 for those not listed. Which rows have a grade, and
which tokens are real, decides how much there is to compute."""
LOOKED_UP = ("anchor_ids", "positive_ids", "negative_ids", "negatives_mask", "queue_ids", "known_positive_ids")
"""What training leaves on the CPU."""


def moved(batch: EmbeddingBatch) -> EmbeddingBatch:
    """The batch on the device, with leaves that learn where its own do."""
    values = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, torch.Tensor) and field.name not in LOOKED_UP:
            values[field.name] = simulated_device.there(value)
        elif isinstance(value, EmbeddingBatch):
            values[field.name] = moved(value)
    return replace(batch, **values)


def move(module: nn.Module) -> None:
    """Move parameters and buffers of a module to the device."""
    for part in module.modules():
        for name, one in part._parameters.items():
            if one is not None:
                part._parameters[name] = nn.Parameter(simulated_device.there(one.detach()), one.requires_grad)
        for name, one in part._buffers.items():
            if one is not None:
                part._buffers[name] = simulated_device.there(one)


@pytest.mark.parametrize("name", loss_names())
def test_a_device_gives_the_value_and_the_gradients_of_the_cpu(make_batch, with_leaves, name):
    batch, _ = with_leaves(make_batch(dtype=torch.float32))  # as that of heads, which are not cast then
    torch.manual_seed(0)
    on_cpu = build_loss(name)
    torch.manual_seed(0)
    on_device = build_loss(name)
    for one in (on_cpu, on_device):
        one.prepare(batch.anchors.shape[1])
        if isinstance(one, Denoise):
            one.prepare_tokens(batch.token_vectors.shape[1], torch.ones(len(batch.token_vectors)))
    expected = on_cpu(batch)
    expected.backward()
    own = moved(batch)
    move(on_device)
    with simulated_device.counted() as waits:
        value = on_device(own)
        value.backward()
    torch.testing.assert_close(simulated_device.here(value), expected)
    for field in ("anchors", "positives", "negatives"):
        wanted, found = getattr(batch, field).grad, getattr(own, field).grad
        if wanted is not None:
            torch.testing.assert_close(simulated_device.here(found), wanted)
    assert sum(waits.values()) == WAITS.get(name, 0), dict(waits)


def test_it_refuses_to_mix_devices():
    there = simulated_device.there(torch.ones(3))
    with pytest.raises(RuntimeError, match="one device"):
        there + torch.ones(3)


def test_it_counts_what_a_program_waits_for():
    there = simulated_device.there(torch.arange(4.0))
    with simulated_device.counted() as waits:
        (there * 2).sum().item()
        there[there > 1]
        there.cpu()
        there.sum()
    assert sum(waits.values()) == 3, waits
