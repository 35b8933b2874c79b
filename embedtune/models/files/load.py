"""Loads an encoder: the starter, a folder or a Hub model, with its prompts, maximum length, device and LoRA."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, get_args

from embedtune.config.sections.encoder import EncoderSection, ModelSection
from embedtune.config.sections.student import StudentSection
from embedtune.errors import ConfigError
from embedtune.models.encode.trial import pad_where_it_is_harmless, try_encoding
from embedtune.models.encoder import Encoder, Role, exported, has_towers, is_static
from embedtune.models.export.int8_encoder import INT8, int8_encoder
from embedtune.models.export.opening import open_export
from embedtune.models.export.settings import is_export
from embedtune.models.files.declared import declared_prompts, declared_use, keep_settings, set_prompts
from embedtune.models.files.opening import open_encoder
from embedtune.models.reading import limit_by_role, limit_length, max_length, readers_of, task_of
from embedtune.models.sources.resolve import Resolved, resolve
from embedtune.models.speed.precision import FP32, choose_precision
from embedtune.models.towers.signal_input import signal_input_in
from embedtune.processes import this_process
from embedtune.runtime import loading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

__all__ = ["Encoder", "Resolved", "check_device", "choose_device", "load_encoder", "resolve"]

STATIC_LR = 2e-2
TRANSFORMER_LRS = ((384, 1e-4), (768, 5e-5))
WIDE_LR = 2e-5
"""Learning rate by the width of a transformer's layers at most, and for wider ones. That for 384 was chosen on the dev
splits of four sets with two encoders (see the benchmarks); the others are the field's usual ones."""
LORA_LR = 1e-4
PRETRAINED_IS_BETTER = (
    "the starter knows only the texts it was made from; a pretrained model will do better, for example "
    "--model intfloat/multilingual-e5-small"
)


def load_encoder(
    section: ModelSection,
    *,
    device: str = "auto",
    texts: Sequence[str] | None = None,
    seed: int = 0,
    precision: str = FP32,
    may_be_int8: bool = False,
) -> Encoder:
    """Load the encoder that a recipe names, on its device, ready to encode or to train.

    Args:
        section: name, prompts, maximum length and, for a student, LoRA.
        device: auto (cuda, then mps, then cpu), a torch device, or several: the first is its own, all encode.
        texts: what a starter is made from; needed for `starter` only.
        seed: of the starter and of LoRA's initial weights.
        precision: of products while it encodes: fp32, bf16, fp16, int8, or auto: bf16 where the hardware supports it.
        may_be_int8: whether auto may also be int8, where `embedtune export` has shown that the encoder ranks alike.

    Raises:
        ModelError: the model cannot be found or loaded.
        ConfigError: the device does not exist, or an option does not fit the model.
    """
    found = resolve(section)
    _load_libraries()
    if found.kind == "endpoint":
        from embedtune.models.endpoints.module import load_endpoint

        return load_endpoint(section)
    target, *helpers = _choose_devices(device)
    if found.kind == "starter":
        model, notes = _make_starter(texts, seed).to(target), [PRETRAINED_IS_BETTER]
    elif found.path is not None and is_export(found.path):
        (model, notes), target, helpers = open_export(found.path), "cpu", []
    else:
        model, notes = open_encoder(found, section, target)
        notes = [*filter(None, [found.note]), *notes, *_trusted(section)]
    default_lr = _usual_lr(model)
    notes += _settle(model, found, section)
    if isinstance(section, StudentSection) and section.layers is not None:
        from embedtune.models.cut import keep_layers

        notes.append(keep_layers(model, section.layers))
    lora = section.lora if isinstance(section, EncoderSection) else None
    if lora is not None:
        from embedtune.models.files.adapters import add_lora

        add_lora(model, lora, seed)
        default_lr = LORA_LR
    # A static encoder has no matrix products, so their precision does not matter.
    # Nor can that of an export still be chosen.
    fixed = is_static(model) or exported(model) is not None
    asked = "auto" if fixed else FP32 if precision == INT8 else precision
    products = choose_precision(asked, target, has_products=not fixed)
    if products.name != FP32:
        notes.append(f"{section.name} encodes in {products.name}: {products.reason}")
    encoder = Encoder(
        model=model,
        name=section.name,
        prompts={role: model.prompts.get(role) or "" for role in get_args(Role)},
        max_length=_longest(model),
        default_lr=default_lr,
        dimensions=0,
        notes=tuple(notes),
        pretrained=found.kind != "starter",
        products=products.name,
        helpers=tuple(helpers),
        signals=signal_input_in(found.path),
    )
    dimensions = try_encoding(encoder)
    # Where bf16 is at hand it is about as fast, faster on short texts, and closer (benchmarks/engines.py).
    left_to_us = may_be_int8 and precision == "auto" and target == "cpu" and products.name == FP32
    if precision == INT8 or left_to_us:
        found_int8 = int8_encoder(replace(encoder, dimensions=dimensions), only_measured=precision != INT8)
        encoder = encoder if found_int8 is None else found_int8
    return replace(encoder, dimensions=dimensions, notes=(*encoder.notes, *pad_where_it_is_harmless(encoder)))


def transformer_lr(width: int | None) -> float:
    """The learning rate that suits layers of this width; that of wide ones where the width is unknown.

    >>> transformer_lr(384), transformer_lr(512), transformer_lr(1024), transformer_lr(None)
    (0.0001, 5e-05, 2e-05, 2e-05)
    """
    return next((rate for most, rate in TRANSFORMER_LRS if width is not None and width <= most), WIDE_LR)


def width_of(model: "nn.Module") -> int | None:
    """The width of a transformer's layers, as its configuration names it."""
    width = getattr(getattr(model, "config", None), "hidden_size", None)
    return width if isinstance(width, int) else None


def _usual_lr(model: "SentenceTransformer") -> float:
    """The learning rate that suits a model: of one with two sides, the lower one of both."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    if not has_towers(model):
        return STATIC_LR if is_static(model) else transformer_lr(width_of(model))
    return min(
        STATIC_LR if isinstance(side, StaticEmbedding) else transformer_lr(width_of(side)) for side in readers_of(model)
    )


@cache
def _load_libraries() -> None:
    """Import sentence-transformers, seconds of work."""
    with loading():
        import sentence_transformers  # noqa: F401


def check_device(device: str) -> None:
    """Refuse a device that this machine does not have, before anything heavy loads (`cpu` and `auto` load no torch).

    Raises:
        ConfigError: this machine has no such device.
    """
    if device != "auto":
        _choose_devices(device)


def choose_device(device: str = "auto") -> str:
    """The torch device to use, the first of several; auto takes cuda, then mps, then cpu.

    Raises:
        ConfigError: this machine has no such device.
    """
    return _choose_devices(device)[0]


def _choose_devices(device: str) -> list[str]:
    """The devices that a comma-separated list names, each at most once."""
    together = this_process()
    if together.count > 1:
        return [_own_device(device, together.local_rank)]
    chosen = [_choose_device(name.strip()) for name in device.split(",")]
    if len({"cuda:0" if name == "cuda" else name for name in chosen}) < len(chosen):
        raise ConfigError(f"{device} names a device twice", where="device", next="name each device once: cuda:0,cuda:1")
    return chosen


def _own_device(device: str, place: int) -> str:
    """The device of one process of several on a machine: `auto` and `cuda` mean the GPU of its number.

    Raises:
        ConfigError: it is a device that several processes cannot share.
    """
    if device not in ("auto", "cuda", "cpu"):
        raise ConfigError(
            f"several processes train on cuda or on cpu, one device each, and not on {device!r}",
            where="device",
            next="leave --device out, or use --device cuda or --device cpu",
        )
    chosen = _choose_device(device)
    return f"cuda:{place}" if chosen.startswith("cuda") else "cpu"


def _choose_device(device: str) -> str:
    if device == "cpu":
        return device
    import torch

    here = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    if torch.cuda.is_available():
        here = [f"cuda:{index}" for index in range(torch.cuda.device_count())] + here
    if device == "auto":
        return "cuda" if here[0].startswith("cuda") else here[0]
    if device not in here and not (device == "cuda" and "cuda:0" in here):
        raise ConfigError(
            f"this machine has no device {device!r}; it has {', '.join(here)}",
            where="device",
            next="use --device auto",
        )
    return device


def _make_starter(texts: Sequence[str] | None, seed: int) -> "SentenceTransformer":
    from embedtune.models.files.starter import build_starter

    if texts is None:
        raise ConfigError(
            "`starter` is made from the texts of the data, and there are none here",
            where="model",
            next="give a folder or a Hub model; a starter that a run trained is in its model folder",
        )
    return build_starter(texts, seed=seed)


def _settle(model: "SentenceTransformer", found: Resolved, section: ModelSection) -> list[str]:
    """Settle how a model reads texts: prompts, lengths, what it declares; returns sentences for the user.

    Raises:
        ModelError: a router has no route for queries or for documents.
    """
    for role in get_args(Role):
        task_of(model, role)
    # A Hub model that was not on this machine before is now.
    where = resolve(section) if found.kind == "hub" else found
    keep_settings(model)
    return [
        *set_prompts(model, declared_prompts(where, model), {} if is_static(model) else section.prompts),
        *(_ignored(section) if is_static(model) else []),
        *limit_length(model, section.max_length),
        *(limit_by_role(model, section.lengths) if isinstance(section, EncoderSection) else []),
        *declared_use(model),
    ]


def _trusted(section: ModelSection) -> list[str]:
    """What the user allowed the model to do, so that it is recorded."""
    return [
        f"{section.permission(key)}: {section.name} could {what}"
        for key, what in (
            ("trust_remote_code", "run its own code"),
            ("allow_pickle", "be opened as a pickle, which can run code"),
        )
        if getattr(section, key)
    ]


def _ignored(section: ModelSection) -> list[str]:
    """A note for those who give prompts to a static encoder."""
    return [f"{section.name} is a static encoder; it ignores prompts"] if section.prompts else []


def _longest(model: "SentenceTransformer") -> int | None:
    """The most tokens of a text, of queries or of documents, that it reads; None if either is read whole."""
    lengths = [max_length(reader) for reader in readers_of(model)]
    return None if None in lengths else max(length for length in lengths if length is not None)
