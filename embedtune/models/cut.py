"""A smaller transformer: the first layers of a larger one, for a student that then learns what the others did.

The first layers keep the numbers that they had, by which some architectures tell local from global attention; a
selection from all layers would get other numbers when it is loaded again.
"""

from typing import TYPE_CHECKING, Any

from torch import nn

from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PER_LAYER = ("layer_types",)
"""Settings that list something for each layer."""


def keep_layers(model: "SentenceTransformer", count: int) -> str:
    """Drop all layers of a transformer after the first `count`, in place.

    Returns: a sentence for the user.

    Raises:
        ConfigError: it has no such layers, or not so many.
    """
    transformer = model.transformers_model
    config: Any = getattr(transformer, "config", None)
    number = getattr(config, "num_hidden_layers", None)
    stacks = [
        part
        for part in (transformer.modules() if transformer is not None else ())
        if isinstance(part, nn.ModuleList) and len(part) == number
    ]
    if number is None or not stacks:
        raise _refused("this encoder has no stack of layers that could be cut")
    if count > number:
        raise _refused(f"this encoder has {number} layers, fewer than {count}")
    # The parts of a layer may be as many as there are layers, and lie within them.
    del max(stacks, key=lambda stack: len(list(stack.modules())))[count:]
    config.num_hidden_layers = count
    for name in PER_LAYER:
        if isinstance(getattr(config, name, None), list):
            setattr(config, name, getattr(config, name)[:count])
    return f"the first {count} of {number} layers are kept"


def _refused(why: str) -> ConfigError:
    return ConfigError(why, where="--layers", next="leave --layers out, or name another transformer with --model")
