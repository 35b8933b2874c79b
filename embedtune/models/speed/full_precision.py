"""What stays in float32 while a model's products run in 16 bits: the residual stream, its norms, what follows pooling.

Autocast leaves most of that as it should be, on CUDA nearly all: what a transformer adds its layers' outputs to is
float32 from the embeddings on. Not so where a projection stands between the two, as in ELECTRA and ALBERT; nor for
linear layers after pooling, as EmbeddingGemma has, which work on one vector a text, so that float32 costs nothing.

A residual stream in 16 bits keeps each layer's output to three digits and drops what is smaller.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class _Norm(nn.LayerNorm):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.float() if torch.is_autocast_enabled(input.device.type) else input)


class _Linear(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        if not torch.is_autocast_enabled(input.device.type):
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.float())


@contextmanager
def kept_in_float32(model: nn.Module) -> Iterator[None]:
    """For a call: under autocast, norms, and linear layers that follow the transformer, take and give float32.

    Whether there is autocast is asked by each of them, because a trainer may open it within the model's forward.
    """
    swapped = list(_swapped(model))
    for module, ours, _ in swapped:
        module.__class__ = ours
    try:
        yield
    finally:
        for module, _, theirs in swapped:
            module.__class__ = theirs


def _swapped(model: nn.Module) -> Iterator[tuple[nn.Module, type[nn.Module], type[nn.Module]]]:
    """Modules, what to make of them, and what they are."""
    whole: Any = getattr(model, "module", model)  # wrapped where several processes train it
    for module in whole.modules():
        if type(module) is nn.LayerNorm:
            yield module, _Norm, nn.LayerNorm
    after = list(whole)[1:] if isinstance(whole, nn.Sequential) else []
    for module in (part for one in after for part in one.modules()):
        if type(module) is nn.Linear:
            yield module, _Linear, nn.Linear
