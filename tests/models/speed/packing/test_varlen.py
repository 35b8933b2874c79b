"""The trial of a kernel for attention over texts end to end: a right one, wrong ones, and one that does not run."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from embedtune.models.speed.packing.varlen import _fits, agrees

CPU = torch.device("cpu")


def right(query: Tensor, key: Tensor, value: Tensor, ends: Tensor, *_: Any, **options: Any) -> Tensor:
    """Text by text with torch's own attention, as the documentation of the kernel says: (T, H, d)."""
    parts = []
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        places = torch.arange(end - start)
        before = places[:, None] - places
        seen = (before <= options["window_size"][0]) & (before >= -options["window_size"][1])
        one = (x[start:end].transpose(0, 1) for x in (query, key, value))
        found = scaled_dot_product_attention(
            *one, attn_mask=seen, scale=options["scale"], enable_gqa=options["enable_gqa"]
        )
        parts.append(found.transpose(0, 1))
    return torch.cat(parts)


def test_a_kernel_that_does_as_it_says_is_taken():
    assert agrees(right, CPU)
    with torch.inference_mode():
        assert agrees(right, CPU)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert agrees(right, CPU)


@pytest.mark.parametrize("wrong", [{"window_size": (2, 0)}, {"window_size": (1, 1)}, {"scale": 0.4}])
def test_one_that_does_something_else_is_not(wrong: dict[str, Any]):
    assert not agrees(lambda *given, **options: right(*given, **options | wrong), CPU)


def test_one_with_a_wrong_gradient_is_not():
    assert not agrees(lambda query, key, *rest, **options: right(query, key.detach(), *rest, **options), CPU)


def test_one_that_does_not_run_is_not():
    def missing(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("not built with flash attention")

    assert not agrees(missing, CPU)


def test_widths_of_heads():
    assert [width for width in (8, 20, 64, 192, 200, 224, 256, 264) if _fits(width)] == [8, 64, 192, 256]
