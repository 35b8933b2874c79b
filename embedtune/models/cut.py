"""A smaller transformer: some layers of a larger one, for a student that then learns what the others did.

The layers are evenly spaced, the first and the last among them (one: the first): what the first reads and what pooling
gets stay alike. Of six layers of all-MiniLM-L6-v2, with a matrix into its space, the first and the last begin at a mean
cosine of 0.731 with it, the last two at 0.719, the first two at 0.673 (300 English texts that the matrix was not fitted
on).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from embedtune.errors import ConfigError
from embedtune.findings import counted

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PER_LAYER = ("layer_types",)
"""Settings that list something for each layer, such as whether its attention is local."""


def keep_layers(model: "SentenceTransformer", count: int) -> str:
    """Keep so many layers of a transformer, in place.

    Returns: a sentence for the user.

    Raises:
        ConfigError: it has no such layers, or not so many.
    """
    transformer = model.transformers_model
    config: Any = getattr(transformer, "config", None)
    number: int = getattr(config, "num_hidden_layers", None) or 0
    stacks = [
        part
        for part in (transformer.modules() if transformer is not None else ())
        if isinstance(part, nn.ModuleList) and len(part) == number
    ]
    demand_layers(number if stacks else 0, count)
    kept = np.linspace(0, number - 1, count).round().astype(int).tolist()
    # The parts of a layer may be as many as there are layers, and lie within them.
    stack = max(stacks, key=lambda one: len(list(one.modules())))
    for place in reversed(range(number)):
        if place not in kept:
            del stack[place]
    config.num_hidden_layers = count
    for name in PER_LAYER:
        if isinstance(getattr(config, name, None), list):
            setattr(config, name, [getattr(config, name)[place] for place in kept])
    return f"of {number} layers these are kept: {', '.join(str(place + 1) for place in kept)}"


def demand_layers(number: int, count: int) -> None:
    """Refuse to keep `count` of so many layers, where there are not as many.

    Raises:
        ConfigError: says how many there are.
    """
    if count <= number:
        return
    has = f"{counted(number, 'layer')}, fewer than {count}" if number else "no stack of layers that could be cut"
    raise ConfigError(
        f"this encoder has {has}",
        where="--layers",
        next=(f"use --layers {number - 1} or fewer" if number > 1 else "leave --layers out")
        + ", or name another transformer with --model",
    )
