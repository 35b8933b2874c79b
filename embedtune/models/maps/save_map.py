"""Writes a map: behind its encoder as a model that plain sentence-transformers loads, and alone as one file.

The correction of an `mlp` becomes two ordinary Dense modules, exactly: relu gives relu(x), relu(-x) and relu(x A), and
x W = relu(x) W - relu(-x) W.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from embedtune.models.encoder import Encoder
from embedtune.models.maps.space_map import SpaceMap
from embedtune.models.similarity import declare_cosine


def mapped_encoder(encoder: Encoder, found: SpaceMap) -> Encoder:
    """A copy of an encoder whose vectors lie in the other space."""
    from sentence_transformers.base.modules import Dense, Normalize

    model = copy.deepcopy(encoder.model)
    layers: list[Any] = [Normalize()]
    if found.inner is None or found.outer is None:
        layers.append(_dense(Dense, found.weight, torch.nn.Identity()))
    else:
        own = np.eye(len(found.weight), dtype=np.float32)
        layers.append(_dense(Dense, np.concatenate([own, -own, found.inner], axis=1), torch.nn.ReLU()))
        both = np.concatenate([found.weight, -found.weight, found.outer], axis=0)
        layers.append(_dense(Dense, both, torch.nn.Identity()))
    for layer in (*layers, Normalize()):
        model.append(layer.to(model.device))
    mapped = replace(encoder, model=model, dimensions=found.weight.shape[1])
    declare_cosine(mapped)
    return mapped


def write_map(found: SpaceMap, path: Path) -> None:
    """The arrays of a map in one safetensors file: `weight`, and for an mlp `inner` and `outer`.

    y = x weight + relu(x inner) outer, scaled to length 1.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in found.arrays.items()}
    save_file(arrays, path, metadata={"kind": found.kind})  # several entries would have no fixed order


def read_map(path: Path) -> SpaceMap:
    """A map that `write_map` wrote."""
    arrays = load_file(path)
    return SpaceMap("mlp" if "inner" in arrays else "linear", **arrays)


def _dense(kind: type, weight: np.ndarray, activation: torch.nn.Module) -> Any:
    """A Dense module that multiplies by a matrix (D, G)."""
    layer: Any = kind(weight.shape[0], weight.shape[1], bias=False, activation_function=activation)
    with torch.no_grad():
        layer.linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight.T)))
    return layer
