"""Gradient caching: a batch as large as the objective wants, in the memory of one micro-batch.

Every micro-batch is encoded and its activations are thrown away; the objective is computed once, on the vectors of the
whole batch; going backward, each micro-batch is encoded a second time under the random states of the first and takes
the gradient of its own vectors. Costs a second forward pass, a third of a step's products. The gradients are those of
one pass over the same micro-batches, whatever the objective, because it sees vectors only.

Source: Gao et al. 2021, arXiv:2101.06983, algorithm 1. Theirs encodes first without a graph and then multiplies by a
surrogate; activation checkpointing around the whole encoder is the same computation, and torch keeps random states,
autocast, loss scaling and gradient accumulation right in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from torch.utils.checkpoint import checkpoint

from embedtune.errors import ConfigError


def encode_cached(model: nn.Module, micro_batches: Sequence[dict[str, Tensor]], places: Tensor) -> list[Tensor]:
    """The vectors of a batch by column, holding no activations.

    Args:
        model: token features -> {"sentence_embedding": (u, D)}.
        micro_batches: token features, each of u of the batch's U distinct texts.
        places: (B, C) which of the U texts stands where, counted through the micro-batches.

    Returns: C tensors (B, D).
    """
    # The reentrant kind leaves one node a micro-batch; the other keeps the encoder's whole graph, without its tensors,
    # which is 1.4 MiB for 24 layers and grows with the batch. It needs an input with a gradient to go backward at all.
    switch = torch.ones((), requires_grad=True)
    parts = [checkpoint(_encode, model, features, switch, use_reentrant=True) for features in micro_batches]
    # Not by indexing, whose backward adds the gradients of a text up in no fixed order on several threads.
    return list(embedding(places, torch.cat(parts)).unbind(dim=1))  # C of (B, D)


def check_device(device: str) -> None:
    """Refuse a device whose random states are not replayed, where dropout would make the gradients wrong.

    Raises:
        ConfigError: the device is neither a CPU nor CUDA.
    """
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ConfigError(
            f"gradients can be cached on cpu and cuda only, this run is on {device}",
            where="training.micro_batch_tokens",
            next="leave training.micro_batch_tokens out, or use --device cpu",
        )


def _encode(model: nn.Module, features: dict[str, Tensor], switch: Tensor) -> Tensor:
    # A copy, because modules write into the features, which are needed again going backward.
    return model(dict(features))["sentence_embedding"]  # (u, D)
