"""Weights of several models mixed into one of them, tensor by tensor.

The weights of each model lie in a file of their own, in the names of the loaded model: at any time one model and one
tensor of each file are in memory, however many models are mixed. The folders of the models were not read directly
because adapters, packages, several modules and shards all name their tensors differently.
"""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from embedtune.models.encoder import Encoder
from embedtune.models.files.adapters import has_lora, merge_lora
from embedtune.models.merge.alike import Build, build_of
from embedtune.models.merge.formulas import mixed


@dataclass(frozen=True)
class KeptWeights:
    """The weights of a model in a file, and what the model is built of."""

    path: Path
    build: Build


def keep_weights(encoder: Encoder, path: Path) -> KeptWeights:
    """Write the weights of an encoder as they are now, LoRA merged; tied ones are written once."""
    encoder = without_adapters(encoder)
    state: dict[str, Tensor] = {}
    known: set[tuple[int, tuple[int, ...]]] = set()
    for name, tensor in encoder.model.state_dict().items():
        place = (tensor.data_ptr(), tuple(tensor.shape))
        if place not in known or not tensor.numel():
            state[name] = tensor.detach().cpu().contiguous()
            known.add(place)
    save_file(state, path)
    return KeptWeights(path, build_of(encoder))


@torch.no_grad()
def mix_into(
    frame: Encoder,
    method: str,
    first: KeptWeights,
    others: Sequence[KeptWeights],
    weights: Sequence[float],
    alpha: float,
) -> None:
    """Set the weights of `frame`, a model of the same build, to the mixture.

    Args:
        frame: changed in place.
        method: linear, slerp or task.
        first: the model at alpha 0.
        others: the models that alpha moves towards.
        weights: of each of the others, > 0.
        alpha: how far.
    """
    state = frame.model.state_dict()
    with ExitStack() as open_:
        files = [open_.enter_context(safe_open(one.path, framework="pt")) for one in (first, *others)]
        for name in files[0].keys():  # noqa: SIM118  (a file of safetensors is no mapping)
            own, *further = (file.get_tensor(name) for file in files)
            state[name].copy_(mixed(method, own, further, weights, alpha))


def without_adapters(encoder: Encoder) -> Encoder:
    """The encoder without adapters: itself, or a copy in which they are part of the weights."""
    if not has_lora(encoder.model):
        return encoder
    model = copy.deepcopy(encoder.model)
    merge_lora(model)
    return replace(encoder, model=model)
