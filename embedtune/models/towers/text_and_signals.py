"""A text encoder and a signal tower as one model: a Router that plain sentence-transformers loads and that sends each
input where it belongs, texts to the one and arrays to the other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from embedtune.config.sections.encoder import TowerSection
from embedtune.errors import DataError, ModelError
from embedtune.findings import counted
from embedtune.models.encoder import Encoder, has_towers
from embedtune.models.towers.signal_input import SIGNAL, TEXT, Kind, SignalInput
from embedtune.models.towers.signal_modules import fewest_samples, signal_modules
from embedtune.models.towers.standardised import out_of_training, with_scale
from embedtune.signals import KNOWN

ROUTES = {(None, "text"): TEXT, (None, "audio"): SIGNAL}
"""By what an input is, whatever its role: sentence-transformers calls every array of numbers audio."""
TEXT_ENCODER = rf"sub_modules\.{TEXT}\.0\."
"""The parameters of the text encoder itself, its projection apart, as a regular expression."""


def with_signal_tower(text: Encoder, section: TowerSection, names: Sequence[str], *, seed: int) -> Encoder:
    """The encoder with a new signal tower beside it, both projected into a space that they share.

    Args:
        text: reads texts.
        section: of the recipe.
        names: of the training signals, which decide length, channels and the scale of features.
        seed: of the new weights.

    Raises:
        DataError: the signals differ in length or channels.
        ModelError: the encoder has two sides already.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Router

    if has_towers(text.model):
        raise ModelError(
            f"{text.name} has several towers already, none of which reads signals",
            where="--model",
            next="name an encoder that reads texts alone",
        )
    tower = input_for("spectrum" if section.kind == "auto" else section.kind, names)
    if tower.samples < (fewest := fewest_samples(tower)):
        raise DataError(
            f"a tower of the kind {tower.kind} needs {fewest} samples or more, and these have {tower.samples}",
            where=f"--tower {tower.kind}",
            next="cut longer windows, or use --tower spectrum",
        )
    keeps = section.text == "frozen"
    dimensions = text.dimensions if keeps else section.dimensions
    sides: dict[str, list[Any]] = {TEXT: list(text.model)}
    if not keeps:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            sides[TEXT].append(Dense(text.dimensions, dimensions, activation_function=torch.nn.Identity()))
    sides[SIGNAL] = signal_modules(tower, dimensions, seed)
    model = SentenceTransformer(
        modules=[Router(sides, default_route=TEXT, route_mappings=dict(ROUTES))],
        device=str(text.model.device),
        prompts=dict(text.model.prompts),
        similarity_fn_name=text.model.similarity_fn_name,
    )
    tower = with_scale(tower, names)
    tower = replace(tower, in_training=bool(tower.mean))  # its random weights are for standardised numbers
    new = replace(text, model=model.eval(), dimensions=dimensions, signals=tower, helpers=())
    return out_of_training(replace(new, pretrained=False))


def input_for(kind: Kind, names: Sequence[str]) -> SignalInput:
    """What a tower for these signals reads.

    Raises:
        DataError: they differ in length or channels.
    """
    known = [KNOWN[name] for name in names]
    other = next((one for one in known if one.shape != known[0].shape), None)
    if other is not None:
        raise DataError(
            f"this signal has {_size(other.shape)}, and the first one has {_size(known[0].shape)}",
            where=other.place,
            next="cut all signals into windows of one length, with the same channels",
        )
    rates = {one.rate_hz for one in known}
    channels, samples = known[0].shape
    return SignalInput(kind, samples, channels, rates.pop() if len(rates) == 1 else None)


def _size(shape: tuple[int, int]) -> str:
    return f"{counted(shape[1], 'sample')} in {counted(shape[0], 'channel')}"


def settled_towers(encoder: Encoder, section: TowerSection) -> Encoder:
    """The encoder with what a recipe freezes frozen, and with the learning rate of each tower.

    Frozen parts get no gradient and no dropout: their vectors stay those that they were.
    """
    from sentence_transformers.base.modules import Dense
    from torch import nn

    from embedtune.models.files.load import transformer_lr, width_of

    sides = encoder.model[0].sub_modules
    # A model whose texts were frozen when its tower was made has no projection that could learn.
    text = "frozen" if section.text == "projection" and not isinstance(sides[TEXT][-1], Dense) else section.text
    frozen: list[Any] = [sides[SIGNAL]] if section.signal == "frozen" else []
    frozen += [] if text == "full" else list(sides[TEXT]) if text == "frozen" else list(sides[TEXT])[:-1]
    for part in frozen:
        part.requires_grad_(False)
        for module in part.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    rate = section.text_lr or transformer_lr(
        width_of(sides[TEXT][0].model) if hasattr(sides[TEXT][0], "model") else None
    )
    rates = {TEXT_ENCODER: rate} if text == "full" else {}
    projects = text != "full" and isinstance(sides[TEXT][-1], Dense)
    return replace(encoder, default_lr=section.lr, rates=rates, projects=projects)
