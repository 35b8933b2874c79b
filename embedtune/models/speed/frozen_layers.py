"""The lower layers of a transformer, kept as they are in training, and left out where their output is known.

The gradient ends above them, and they run without dropout, so that a text has one output there for the whole run. What
is found by trial and not by a list of model names: which modules are the layers, and whether leaving them out gives the
same vectors.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from embedtune.errors import ConfigError
from embedtune.findings import counted
from embedtune.models.encoder import has_towers, is_static

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

KEY = "training.freeze_layers"


def layers_of(model: "SentenceTransformer") -> list[nn.Module]:
    """The layers of a transformer, the lowest first; empty where they are shared, or not in one list."""
    if is_static(model) or has_towers(model):
        return []
    inner = getattr(model, "transformers_model", None)
    number = getattr(getattr(inner, "config", None), "num_hidden_layers", None)
    lists = [] if inner is None else [one for one in inner.modules() if isinstance(one, nn.ModuleList)]
    return next((list(one) for one in lists if len(one) == number), [])


def check_layers(model: "SentenceTransformer", number: int) -> None:
    """Refuse to keep more layers than leaves one to learn.

    Raises:
        ConfigError: it has too few layers, or none that can be told apart.
    """
    demand_one_learns(len(layers_of(model)), number)


def demand_one_learns(found: int, number: int) -> None:
    """Refuse to keep `number` of so many layers, where that leaves none to learn.

    Raises:
        ConfigError: there are too few layers, or none that can be told apart.
    """
    if number < max(1, found):
        return
    why = (
        f"has {counted(found, 'layer')}, and at least one must learn"
        if found
        else "has no layers that can be told apart"
    )
    raise ConfigError(
        f"{KEY}={number} is not possible: this encoder {why}",
        where=KEY,
        next=f"use {KEY}={found // 2}" if found > 1 else f"leave {KEY} out",
    )


@contextmanager
def frozen_layers(model: "SentenceTransformer", number: int) -> Iterator[None]:
    """Keep the token vectors and the first layers as they are for a while, without dropout.

    Raises:
        ConfigError: as of `check_layers`.
    """
    check_layers(model, number)
    kept = _below(model, number)
    learned = [one for module in kept for one in module.parameters() if one.requires_grad]
    modes = [(part, part.training) for module in kept for part in module.modules()]
    for one in learned:
        one.requires_grad_(False)
    for module in kept:
        module.eval()
        # A trainer switches the whole model to training at each step.
        module.__dict__["train"] = lambda mode=True, module=module: module
    try:
        yield
    finally:
        for module in kept:
            del module.__dict__["train"]
        for part, mode in modes:
            part.training = mode
        for one in learned:
            one.requires_grad_(True)


def lower_output(model: "SentenceTransformer", number: int, encode: Callable[[], object]) -> Tensor | None:
    """What the first layers make of a packed batch, float32 (1, T, D); None where it is not one tensor.

    `encode` passes the batch through the model, and is left as soon as these layers are done.
    """
    top = layers_of(model)[number - 1]
    own = top.forward

    def reach(*args: Any, **options: Any) -> None:
        raise _Reached(own(*args, **options))

    try:
        with _instead(top, reach):
            encode()
    except _Reached as reached:
        return reached.output.float() if isinstance(reached.output, Tensor) else None
    return None


@contextmanager
def skipping(model: nn.Module, number: int, output: Tensor) -> Iterator[None]:
    """For one call: leave the first layers out, and go on with their output (1, T, D)."""
    layers = layers_of(getattr(model, "module", model))[:number]  # wrapped where several processes train it
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_instead(layer, lambda *args, **options: output))
        yield


class _Reached(Exception):
    """The first layers are done."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


@contextmanager
def _instead(module: nn.Module, forward: Any) -> Iterator[None]:
    """Let a module do something else."""
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        del module.__dict__["forward"]


def _below(model: "SentenceTransformer", number: int) -> list[nn.Module]:
    """The first layers, and the part of the transformer that holds its token vectors."""
    layers, inner = layers_of(model)[:number], model.transformers_model
    table = inner.get_input_embeddings()
    holder: Any = inner
    while True:
        inside = next((one for one in holder.children() if any(part is table for part in one.modules())), table)
        if inside is table or not any(part is layers[0] for part in inside.modules()):
            return [inside, *layers]
        holder = inside
