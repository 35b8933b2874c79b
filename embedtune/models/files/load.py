"""Loads an encoder: the starter, a folder or a Hub model, with its prompts, maximum length, device and LoRA."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from embedtune.config.encoder import EncoderSection, ModelSection
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder, Role, is_static
from embedtune.models.files.opening import open_encoder
from embedtune.models.files.resolve import Resolved, resolve
from embedtune.models.files.trial import tried_out
from embedtune.models.speed.precision import FP32, choose_precision
from embedtune.runtime import loading

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["Encoder", "Resolved", "check_device", "choose_device", "load_encoder", "resolve"]

STATIC_LR = 2e-2
TRANSFORMER_LR = 2e-5
LORA_LR = 1e-4
PROMPT_NAMES: dict[Role, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}
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
) -> Encoder:
    """Load the encoder that a recipe names, on its device, ready to encode or to train.

    Args:
        section: name, prompts, maximum length and, for a student, LoRA.
        device: auto (cuda, then mps, then cpu), a torch device, or several: the first is its own, all encode.
        texts: what a starter is made from; needed for `starter` only.
        seed: of the starter and of LoRA's initial weights.
        precision: of products while it encodes: fp32, bf16, fp16, or auto: bf16 where the hardware supports it.

    Raises:
        ModelError: the model cannot be found or loaded.
        ConfigError: the device does not exist, or an option does not fit the model.
    """
    found = resolve(section)
    _load_libraries()
    target, *helpers = _choose_devices(device)
    if found.kind == "starter":
        model, notes = _make_starter(texts, seed).to(target), [PRETRAINED_IS_BETTER]
    else:
        model, notes = open_encoder(found, section, target)
        notes += _trusted(section)
    default_lr = STATIC_LR if is_static(model) else TRANSFORMER_LR
    if is_static(model):
        _set_prompts(model, {})
        notes += _ignored(section)
    else:
        _set_prompts(model, section.prompts)
        notes += _set_length(model, section.max_length)
    lora = section.lora if isinstance(section, EncoderSection) else None
    if lora is not None:
        from embedtune.models.files.adapters import add_lora

        add_lora(model, lora, seed)
        default_lr = LORA_LR
    # A static encoder has no matrix products, so their precision does not matter.
    products = choose_precision("auto" if is_static(model) else precision, target, has_products=not is_static(model))
    if products.name != FP32:
        notes.append(f"{section.name} encodes in {products.name}: {products.reason}")
    encoder = Encoder(
        model=model,
        name=section.name,
        prompts={role: model.prompts.get(role) or "" for role in PROMPT_NAMES},
        max_length=_max_length(model),
        default_lr=default_lr,
        dimensions=model.get_embedding_dimension() or model.encode(["text"]).shape[1],
        notes=tuple(notes),
        pretrained=found.kind != "starter",
        products=products.name,
        helpers=tuple(helpers),
    )
    return encoder if found.kind == "starter" else tried_out(encoder)


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
    chosen = [_choose_device(name.strip()) for name in device.split(",")]
    if len({"cuda:0" if name == "cuda" else name for name in chosen}) < len(chosen):
        raise ConfigError(f"{device} names a device twice", where="device", next="name each device once: cuda:0,cuda:1")
    return chosen


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
    """A static encoder uses every token and no prompt: a note for those who set a maximum length or prompts."""
    asked = [
        word for word, given in (("prompts", section.prompts), ("max_length", section.max_length is not None)) if given
    ]
    return [f"{section.name} is a static encoder; it ignores {' and '.join(asked)}"] if asked else []


def _set_prompts(model: "SentenceTransformer", given: dict[Role, str]) -> None:
    """Write the prompts into the model itself, so that they are saved with it under these two names."""
    declared = dict(model.prompts)
    fallback = declared.get(model.default_prompt_name or "") or ""
    for role, names in PROMPT_NAMES.items():
        known = next((declared[name] for name in names if declared.get(name)), fallback)
        model.prompts[role] = given.get(role, known)


def _set_length(model: "SentenceTransformer", asked: int | None) -> list[str]:
    limit, wanted = _positions(model), asked or _max_length(model)
    if wanted is None:
        return []
    model.max_seq_length = wanted if limit is None else min(wanted, limit)
    if asked is None or asked <= model.max_seq_length:
        return []
    return [f"max_length {asked} is above the model's limit; using {limit}"]


def _positions(model: "SentenceTransformer") -> int | None:
    """The number of token positions that the model has, or None if it does not say.

    RoBERTa-like models reserve the first rows of their table for padding, and their tokenizer does not always know: one
    token too many is an index error.
    """
    from torch.nn import Embedding

    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, Embedding):
            return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    positions = getattr(model.config, "max_position_embeddings", None)
    return int(positions) if positions and positions > 0 else None


def _max_length(model: "SentenceTransformer") -> int | None:
    length = model.max_seq_length
    # Tokenizers without a limit report infinity or a number of thirty digits.
    return int(length) if length is not None and length < 1e9 else None
