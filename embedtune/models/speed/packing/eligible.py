"""Which models can take packed texts, and switching a model over to that for one call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from embedtune.errors import reason_of
from embedtune.models.encoder import in_mode
from embedtune.models.speed.packing.attention import NAME, register
from embedtune.models.speed.packing.laid import Laid, laid_now

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-4
"""Largest relative change of a vector by packing; one token too many, or a wrong position, changes it more."""
_seen: "WeakKeyDictionary[nn.Module, str]" = WeakKeyDictionary()


def why_not(model: "SentenceTransformer") -> str:
    """Why texts cannot be packed, judged by the model's parts; empty if nothing prevents it."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    inner = model.transformers_model
    name = type(inner).__name__
    if len(model) < 2 or type(model[1]) is not Pooling:
        return "what follows the transformer needs one row per text"
    if inner is None or not getattr(inner, "is_backend_compatible", lambda: False)():
        return f"transformers does not let {name} use another attention function"
    if "position_ids" not in signature(inner.forward).parameters:
        return f"{name} does not accept position ids"
    if inner.config._attn_implementation not in ("sdpa", "eager"):
        return f"{name} runs with {inner.config._attn_implementation}"
    if any(getattr(part, "gradient_checkpointing", False) for part in inner.modules()):
        return "it uses gradient checkpointing"
    return ""


def why_not_tried(model: "SentenceTransformer", packed: Mapping[str, Tensor], padded: Mapping[str, Tensor]) -> str:
    """Why texts cannot be packed, found by trying the same texts packed and padded; empty if the vectors are the same.

    Tried once per model, after `why_not` found nothing.
    """
    if (known := _seen.get(model)) is None:
        known = _seen[model] = _compare(model, packed, padded)
    return known


def forward_packed(model: nn.Module, features: Mapping[str, Tensor]) -> Tensor:
    """Vectors (n, D) of packed texts, in the order of the request; differentiable."""
    given: dict[str, Any] = dict(features)
    places, lengths = given.pop("places"), given.pop("packed_lengths")  # (n,), n numbers
    with _switched(model), laid_now(Laid.of(given["cu_seq_lens_q"], lengths)):
        return model(given)["sentence_embedding"].index_select(0, places)  # (n, D)


@contextmanager
def _switched(model: nn.Module) -> Iterator[None]:
    """Keep the model's attention within texts, and restore its own afterwards, because it may be saved at any time."""
    register()
    whole: Any = getattr(model, "module", model)  # wrapped where several processes train it
    config = whole[0].model.config
    parts = {name: getattr(config, name, None) for name in getattr(config, "sub_configs", {})}
    before = {name: part._attn_implementation for name, part in ({"": config} | parts).items() if part is not None}
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def _compare(model: "SentenceTransformer", packed: Mapping[str, Tensor], padded: Mapping[str, Tensor]) -> str:
    name = type(model.transformers_model).__name__
    try:
        exact = torch.autocast(model.device.type, enabled=False)
        with in_mode(model, training=False), torch.inference_mode(), exact:
            found = forward_packed(model, _on(packed, model.device)).float()  # (n, D)
            expected = model(_on(padded, model.device))["sentence_embedding"].float()  # (n, D)
    except Exception as error:  # whatever a model's own code raises for features that it was not written for
        return f"{name} fails on packed texts ({reason_of(error)})"
    tolerance = TOLERANCE if model.dtype == torch.float32 else 300 * TOLERANCE
    off = ((found - expected).norm(dim=1) / expected.norm(dim=1).clamp(min=1e-12)).max()
    return "" if off <= tolerance else f"{name} gives other vectors for packed texts"


def _on(features: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in features.items()}
