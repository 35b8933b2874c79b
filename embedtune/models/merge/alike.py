"""Whether the weights of two models can be mixed: same modules, settings, tokenizer and shapes. All misfits at once."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder, Role, has_towers
from embedtune.models.reading import readers_of
from embedtune.models.similarity import declared_similarity
from embedtune.models.tokenizer_text import tokenizer_text

SHOWN = 4
"""Differences that a message lists."""
READING = ("max_seq_length", "model_max_length", "processing_kwargs", "prompts")
"""Settings of how a text is read that may differ between models of one architecture; those of the frame are kept."""
ORIGIN = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype", "name_or_path")
"""Settings of a transformer that no vector depends on."""

TOKENS = ("special_tokens_map", "do_lower_case")
"""Settings of a tokenizer that decide which ids a text becomes."""


@dataclass(frozen=True)
class Build:
    """What a model is built of, without its weights.

    Args:
        name: as the user named it.
        modules: path of each module -> its class and settings.
        shapes: name of each tensor -> its shape and type.
        tokenizers: of every module that reads texts.
        prompts: by role.
        max_length: most tokens of a text; None for no limit.
        similarity: how its vectors are to be compared, as it declares.
        two_encoders: whether queries and documents have one each.
    """

    name: str
    modules: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    tokenizers: Sequence[str]
    prompts: Mapping[Role, str]
    max_length: int | None
    similarity: str
    two_encoders: bool = False


def build_of(encoder: Encoder) -> Build:
    """What an encoder is built of."""
    model = encoder.model
    state: Mapping[str, Tensor] = model.state_dict()
    return Build(
        name=encoder.name,
        modules={path: _module(module) for path, module in model.named_modules() if not _says_nothing(model, module)},
        shapes={name: tuple(tensor.shape) for name, tensor in state.items()},
        tokenizers=[_vocabulary(reader.tokenizer) for reader in readers_of(model)],
        prompts=dict(encoder.prompts),
        max_length=encoder.max_length,
        similarity=declared_similarity(model),
        two_encoders=has_towers(model),
    )


def demand_alike(first: Build, other: Build) -> None:
    """Refuse to mix models that differ in more than their weights.

    Raises:
        ModelError: names what differs.
    """
    found = list(_misfits(first, other))
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ModelError(
            f"the weights of {other.name} cannot be mixed with those of {first.name}: {'; '.join(found[:SHOWN])}{more}",
            where="MODEL",
            next="merge models that were trained from the same one",
        )


def differing_use(first: Build, other: Build) -> list[str]:
    """How two models of one build are used differently, in words."""
    found = [
        f"the prompt for a {role} is {other.prompts[role]!r} in {other.name} and {prompt!r} in {first.name}"
        for role, prompt in first.prompts.items()
        if other.prompts[role] != prompt
    ]
    if first.max_length != other.max_length:
        found.append(f"{other.name} reads {other.max_length} tokens, {first.name} {first.max_length}")
    if first.similarity != other.similarity:
        found.append(f"{other.name} declares {other.similarity}, {first.name} {first.similarity}")
    return found


def _misfits(first: Build, other: Build) -> Iterator[str]:
    if first.two_encoders != other.two_encoders:
        one = first if first.two_encoders else other
        yield f"{one.name} is two encoders, one for queries and one for documents, and the other is one for both"
        return  # everything else follows from that
    for path in sorted(first.modules.keys() | other.modules.keys()):
        a, b = first.modules.get(path), other.modules.get(path)
        if a is None or b is None:
            yield f"only {(first if b is None else other).name} has the module {path}"
        elif a != b:
            yield f"the module {path or 'model'} is {_short(b)} instead of {_short(a)}"
    for name in sorted(first.shapes.keys() | other.shapes.keys()):
        if first.shapes.get(name) != other.shapes.get(name):
            yield f"{name} has the shape {other.shapes.get(name)} instead of {first.shapes.get(name)}"
    if list(first.tokenizers) != list(other.tokenizers):
        yield "their tokenizers differ"


def _module(module: Any) -> str:
    """The class of a module and the settings that its vectors depend on."""
    settings: dict[str, Any] = {}
    if hasattr(module, "get_config_dict"):
        settings |= module.get_config_dict()
    if hasattr(module, "config") and hasattr(module.config, "to_dict"):
        settings |= module.config.to_dict()
    kept = {str(key): value for key, value in settings.items() if key not in (*READING, *ORIGIN)}
    kept |= {"extra": module.extra_repr()} if not list(module.children()) else {}
    return f"{type(module).__name__} {json.dumps(kept, sort_keys=True, default=str)}"


def _says_nothing(model: Any, module: Any) -> bool:
    """Whether a module changes no comparison: where vectors are compared by cosine, their length has no part."""
    # Not `declared_similarity`: a model that declares `dot` and ends in Normalize counts as cosine there.
    return type(module).__name__ == "Normalize" and str(model.similarity_fn_name or "cosine") == "cosine"


def _vocabulary(tokenizer: object) -> str:
    """How a tokenizer turns a text into ids, without where it cuts and pads, which is not learned with the weights."""
    rules, settings = json.loads(tokenizer_text(tokenizer))
    if isinstance(rules, dict):
        rules.pop("truncation", None)
    return json.dumps([rules, {key: settings.get(key) for key in TOKENS}])


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
