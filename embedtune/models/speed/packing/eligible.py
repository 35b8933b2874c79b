"""Which models read texts laid end to end, and switching one over to it for a call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from embedtune.models.encode.modes import in_mode
from embedtune.models.speed.packing.attention import NAME, register
from embedtune.models.speed.packing.laid import Laid, laid_now

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TOLERANCE = 1e-4
"""Part of a vector's length that packing may change it by; a token seen too much or misplaced changes more."""
_seen: "WeakKeyDictionary[nn.Module, str]" = WeakKeyDictionary()


def why_not(model: "SentenceTransformer") -> str:
    """Why texts cannot be laid end to end, judged by the model's parts; empty where nothing speaks against it."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    inner = model.transformers_model
    name = type(inner).__name__
    if len(model) < 2 or type(model[1]) is not Pooling:
        return "what follows the transformer wants one row a text"
    if inner is None or not getattr(inner, "is_backend_compatible", lambda: False)():
        return f"transformers lets no other attention into {name}"
    if "position_ids" not in signature(inner.forward).parameters:
        return f"{name} cannot be told positions"
    if inner.config._attn_implementation not in ("sdpa", "eager"):
        return f"{name} runs with {inner.config._attn_implementation}"
    if any(getattr(part, "gradient_checkpointing", False) for part in inner.modules()):
        return "its layers are run again going backward (gradient checkpointing)"
    return ""


def why_not_tried(model: "SentenceTransformer", packed: Mapping[str, Tensor], padded: Mapping[str, Tensor]) -> str:
    """Why texts cannot be laid end to end, found by doing so; empty where the vectors are the same. Once a model.

    Args:
        model: of whose parts nothing speaks against it.
        packed: some texts, laid end to end.
        padded: the same in rows of their own.
    """
    if (known := _seen.get(model)) is None:
        known = _seen[model] = _compare(model, packed, padded)
    return known


def forward_packed(model: nn.Module, features: Mapping[str, Tensor]) -> Tensor:
    """Vectors (n, D) of texts that are laid end to end, in the order they were asked for; differentiable."""
    given = dict(features)
    places = given.pop("places")  # (n,)
    with _switched(model), laid_now(Laid.of(given["cu_seq_lens_q"])):
        return model(given)["sentence_embedding"].index_select(0, places)  # (n, D)


@contextmanager
def _switched(model: nn.Module) -> Iterator[None]:
    """The model's attention kept within texts, and what it was before afterwards: it may be saved at any time."""
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
    except Exception as error:  # whatever a model's own code makes of features that it was not written for
        return f"{name} does not take it ({_first_line(error)})"
    tolerance = TOLERANCE if model.dtype == torch.float32 else 300 * TOLERANCE
    off = ((found - expected).norm(dim=1) / expected.norm(dim=1).clamp(min=1e-12)).max()
    return "" if off <= tolerance else f"{name} gives other vectors then"


def _on(features: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in features.items()}


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:120] if text else type(error).__name__
