"""Gradient caching: a batch of any size in the memory of a part of it.

Micro-batches whose activations are not kept are encoded without them. The objective is computed once, on the vectors of
the full batch. In the backward pass, such a micro-batch is encoded a second time, with the random states of the first,
and gets the gradient of its own vectors. It costs a second forward pass of these texts, a third of their products. The
gradients are those of one pass over the same micro-batches, whatever the objective, because it
sees vectors only.

Source: Gao et al. 2021, arXiv:2101.06983, algorithm 1. Theirs encodes first without a graph and then multiplies by a
surrogate; activation checkpointing around the entire encoder is the same computation, and torch keeps random states,
autocast, loss scaling and gradient accumulation right in it.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.utils.checkpoint import checkpoint

from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import forward


def encode_micro_batches(
    model: nn.Module, micro_batches: Sequence[Mapping[str, Tensor]], places: Tensor, kept: int | None = None
) -> list[Tensor]:
    """The vectors of a batch by column.

    Args:
        model: token features -> {"sentence_embedding": (u, D)}.
        micro_batches: token features, each of u of the batch's U distinct texts.
        places: (B, C) which of the U texts is in which row and column, counted through the micro-batches.
        kept: tokens whose activations are kept, padding included; None: all.

    Returns: C tensors (B, D).
    """
    # The reentrant kind leaves one node per micro-batch; the other keeps the encoder's entire graph, without its
    # tensors, which is 1.4 MiB for 24 layers and grows with the batch. It needs an input that requires a gradient.
    switch = torch.ones((), requires_grad=True)
    parts = [
        forward(model, features) if keep else checkpoint(_encode, model, features, switch, use_reentrant=True)
        for features, keep in zip(micro_batches, _keeps(micro_batches, kept), strict=True)
    ]
    # Not by indexing: its backward adds up the gradients of a text in no fixed order on several threads.
    return list(embedding(places, torch.cat(parts)).unbind(dim=1))  # C of (B, D)


def check_device(device: str) -> None:
    """Refuse a device whose random states cannot be replayed: dropout would make the gradients wrong.

    Raises:
        ConfigError: the device is neither a CPU nor CUDA.
    """
    if not replays(device):
        raise ConfigError(
            f"gradients can be cached on cpu and cuda only, and this run is on {device}",
            where="training.micro_batch_tokens",
            next="leave training.micro_batch_tokens out, or use --device cpu",
        )


def replays(device: str) -> bool:
    """Whether random states can be replayed on a device."""
    return device.split(":")[0] in ("cpu", "cuda")


def _keeps(micro_batches: Sequence[Mapping[str, Tensor]], kept: int | None) -> list[bool]:
    """Which micro-batches keep their activations: the last ones, whose backward comes first and frees their memory."""
    if kept is None:
        return [True] * len(micro_batches)
    keeps: list[bool] = []
    for features in reversed(micro_batches):
        kept -= features["input_ids"].numel() if "input_ids" in features else kept + 1
        keeps.append(kept >= 0)
    return keeps[::-1]


def _encode(model: nn.Module, features: Mapping[str, Tensor], switch: Tensor) -> Tensor:
    return forward(model, features)  # (u, D)
