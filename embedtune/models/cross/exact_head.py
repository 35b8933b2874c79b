"""The head of a cross-encoder in fp32 while the rest of it multiplies in bf16.

Eight bits tell apart no more than 128 scores between 0.5 and 1, so that documents whose scores are near would tie.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@contextmanager
def exact_head(model: Any) -> Iterator[None]:
    """While open, the last layer of a `CrossEncoder` computes in float32, whatever the precision around it.

    A model whose scores do not come from a linear layer is left as it is; so is one whose head computes so already.
    """
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    heads = [one for one in linear[-1:] if one.out_features == model.num_labels and "forward" not in vars(one)]
    for head in heads:
        _in_float32(head)
    try:
        yield
    finally:
        for head in heads:
            del head.forward


def _in_float32(head: nn.Linear) -> None:
    def forward(hidden: Tensor) -> Tensor:
        with torch.autocast(hidden.device.type, enabled=False):
            return functional.linear(hidden.float(), head.weight, head.bias)  # (..., labels)

    head.forward = forward  # type: ignore[method-assign, assignment]
