"""What `auto` chooses, by the answer of the hardware, and what the hardware is asked."""

from contextlib import nullcontext

import pytest
import torch

from embedtune.errors import ConfigError

# The hardware's own answer, which a fixture of all tests replaces in its module.
from embedtune.models.speed.precision import choose_precision, multiplies_bf16


def test_auto_takes_what_the_hardware_multiplies_and_gives_the_reason(products):
    for device, words in (("cpu", "this processor"), ("cuda:1", "this GPU")):
        chosen = choose_precision("auto", device, has_products=True)
        assert chosen.name == products
        assert (words if products == "bf16" else f"no bf16 hardware found on {device}") in chosen.reason


@pytest.mark.parametrize(
    ("found", "has"),
    [
        ({"avx512_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx2": True}, False),
        (None, False),
    ],
)
def test_a_processor_has_it_where_torch_says_so(monkeypatch, found, has):
    if found is None:  # an older torch, which cannot be asked
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert multiplies_bf16("cpu") is has
    assert not multiplies_bf16("mps")


@pytest.mark.parametrize("hardware", [True, False])
def test_bf16_that_a_gpu_only_emulates_does_not_count(monkeypatch, hardware):
    asked = []
    monkeypatch.setattr(torch.cuda, "device", lambda device: asked.append(device) or nullcontext())
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: hardware or including_emulation
    )
    assert multiplies_bf16("cuda:1") is hardware
    assert asked == ["cuda:1"]


def test_an_encoder_without_products_stays_in_fp32(products):
    assert choose_precision("auto", "cpu", has_products=False).name == "fp32"


@pytest.mark.parametrize("asked", ["bf16", "fp32"])
def test_what_was_asked_for_is_taken_whatever_the_hardware(products, asked):
    for has_products in (True, False):
        assert choose_precision(asked, "cpu", has_products=has_products).name == asked


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_fp16_away_from_cuda_is_refused(device):
    with pytest.raises(ConfigError, match="fp16"):
        choose_precision("fp16", device, has_products=True)
