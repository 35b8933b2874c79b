"""A tower of spectra or of vectors while it learns: each number is centred and scaled before the first layer sees it.

Why not in the weights of the first layer, where it is before and after training: an optimizer such as Adam moves every
weight by about the learning rate. Numbers as they come are far from 0 and of all scales, so such steps move the output
hundreds of times as far, and what was learned of one machine is lost at the next (docs/signals.md has the figures).

Training begins with `in_training` and ends with `out_of_training`. Both leave the vectors as they are.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embedtune.models.encoder import Encoder
from embedtune.models.towers.signal_input import SIGNAL, SignalInput

LEAST = 1e-3
"""The smallest spread of a number, as a share of that of all: one that hardly changes says little."""


def with_scale(tower: SignalInput, names: Sequence[str]) -> SignalInput:
    """The tower with mean and spread of its numbers over these signals, where it reads such numbers and has none.

    A tower that learns from another machine keeps those of the first one. In those of the next, numbers that hardly
    change there would be large, and their weights would move far from what the first machine needs.
    """
    if not tower.is_linear or tower.mean:
        return tower
    numbers = np.stack(tower.arrays(names))  # (n, length)
    spread = np.maximum(numbers.std(axis=0), LEAST * max(float(numbers.std()), 1e-12))
    return replace(tower, mean=tuple(numbers.mean(axis=0).tolist()), spread=tuple(spread.tolist()))


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
    _rescale(encoder, np.array(tower.spread), np.array(tower.mean) / np.array(tower.spread))
    return replace(encoder, signals=replace(tower, in_training=True))


def out_of_training(encoder: Encoder) -> Encoder:
    """The encoder with mean and spread in its first layer, which reads numbers as they come; changed in place."""
    tower = encoder.signals
    if tower is None or not tower.in_training:
        return encoder
    _rescale(encoder, 1 / np.array(tower.spread), -np.array(tower.mean))
    return replace(encoder, signals=replace(tower, in_training=False))


def _rescale(encoder: Encoder, factor: np.ndarray, shift: np.ndarray) -> None:
    """Let the first layer give for numbers x what it has given for (x + shift) * factor; both (length,) float64."""
    import torch

    layer: Any = encoder.model[0].sub_modules[SIGNAL][0].model.feature_extractor.conv_layers[0].conv
    with torch.no_grad():
        weight = layer.weight.double().cpu() * torch.from_numpy(factor)  # (H, 1, length)
        layer.bias += (weight[:, 0] @ torch.from_numpy(shift)).to(layer.bias)
        layer.weight.copy_(weight)
