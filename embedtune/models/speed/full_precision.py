"""What stays in float32 while a model's products run in 16 bits: the residual stream, its norms, what follows pooling.

Autocast gets most of that right, on CUDA nearly all: the residual stream, to which layers add their outputs, is float32
from the embeddings on. Two exceptions are handled here: a projection between embeddings and layers, as in ELECTRA and
ALBERT, and linear layers after pooling, as in EmbeddingGemma, which see one vector per text, so that float32 is cheap.

A residual stream in 16 bits keeps each layer's output to three digits and loses anything smaller.
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
    """For one call: under autocast, norms, and linear layers after the transformer, take and return float32.

    Each module checks for autocast itself, because a trainer may open it inside the model's forward.
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
    """Modules, with the class to give them and the class they have."""
    whole: Any = getattr(model, "module", model)  # wrapped when several processes train it
    for module in whole.modules():
        if type(module) is nn.LayerNorm:
            yield module, _Norm, nn.LayerNorm
    after = list(whole)[1:] if isinstance(whole, nn.Sequential) else []
    for module in (part for one in after for part in one.modules()):
        if type(module) is nn.Linear:
            yield module, _Linear, nn.Linear
