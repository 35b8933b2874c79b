from contextlib import nullcontext

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.models.speed import precision
from embedtune.models.speed.precision import choose_precision


def test_bf16_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert choose_precision("auto", "cpu", has_products=True).name == "bf16"


def test_fp32_where_it_does_not_and_the_reason_is_given(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    chosen = choose_precision("auto", "cpu", has_products=True)
    assert chosen.name == "fp32" and "cpu" in chosen.reason


@pytest.mark.parametrize(("hardware", "name"), [(True, "bf16"), (False, "fp32")])
def test_bf16_that_a_gpu_only_emulates_is_not_taken(monkeypatch, hardware, name):
    asked = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: asked.append(device) or nullcontext())
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: hardware or including_emulation
    )
    assert choose_precision("auto", "cuda:1", has_products=True).name == name
    assert asked == ["cuda:1"]


def test_an_encoder_without_products_stays_in_fp32(monkeypatch):
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    assert choose_precision("auto", "cpu", has_products=False).name == "fp32"


def test_what_was_asked_for_is_taken():
    assert choose_precision("bf16", "cpu", has_products=False).name == "bf16"


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_fp16_away_from_cuda_is_refused(device):
    with pytest.raises(ConfigError, match="fp16"):
        choose_precision("fp16", device, has_products=True)
