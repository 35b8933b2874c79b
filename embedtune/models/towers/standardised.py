"""A tower of spectra or of vectors while it learns: its numbers are centred and scaled ahead of its first layer.

Why not in the weights of the first layer, where it is before and after training: an optimizer such as Adam moves every
weight by about the learning rate. Numbers as they come are far from 0 and of all scales, so such steps move the output
hundreds of times as far, and what was learned of one machine is lost at the next (docs/signals.md has the figures).

Each number has a mean of its own, and all have one scale: with scales of their own, bands that were silent in training
would drown the others as soon as something sounds there.

Training begins with `in_training` and ends with `out_of_training`. Both leave the vectors as they are.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embedtune.models.encoder import Encoder
from embedtune.models.towers.signal_input import SIGNAL, SignalInput


def with_scale(tower: SignalInput, names: Sequence[str]) -> SignalInput:
    """The tower with mean and spread of its numbers over these signals, where it reads such numbers and has none.

    A tower that learns from another machine keeps those of the first one. In those of the next, numbers that hardly
    change there would be large, and their weights would move far from what the first machine needs.
    """
    if not tower.is_linear or tower.mean:
        return tower
    numbers = np.stack(tower.arrays(names))  # (n, length)
    mean = numbers.mean(axis=0)  # (length,)
    return replace(tower, mean=tuple(mean.tolist()), spread=max(float((numbers - mean).std()), 1e-12))


def in_training(encoder: Encoder, names: Sequence[str]) -> Encoder:
    """The encoder with a tower that is handed standardised numbers; its model is changed in place.

    Args:
        encoder: with a signal tower.
        names: of the training signals, for a tower that has learned nothing yet.
    """
    if encoder.signals is None or encoder.signals.in_training:
        return encoder
    tower = with_scale(encoder.signals, names)
    if not tower.mean:
        return encoder
    _rescale(encoder, tower.spread, np.array(tower.mean) / tower.spread)
    return replace(encoder, signals=replace(tower, in_training=True))


def out_of_training(encoder: Encoder) -> Encoder:
    """The encoder with mean and spread in its first layer, which reads numbers as they come; changed in place."""
    tower = encoder.signals
    if tower is None or not tower.in_training:
        return encoder
    _rescale(encoder, 1 / tower.spread, -np.array(tower.mean))
    return replace(encoder, signals=replace(tower, in_training=False))


def _rescale(encoder: Encoder, factor: float, shift: np.ndarray) -> None:
    """Let the first layer give for numbers x what it has given for (x + shift) * factor; shift (length,) float64."""
    import torch

    layer: Any = encoder.model[0].sub_modules[SIGNAL][0].model.feature_extractor.conv_layers[0].conv
    with torch.no_grad():
        weight = layer.weight.double().cpu() * factor  # (H, 1, length)
        layer.bias += (weight[:, 0] @ torch.from_numpy(shift)).to(layer.bias)
        layer.weight.copy_(weight)
