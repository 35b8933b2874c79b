"""What the rest of the package knows about an encoder: it never asks what kind of model is inside."""

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from embedtune.models.reading import Role as Role
from embedtune.models.reading import readers_of
from embedtune.models.speed.precision import FP32
from embedtune.models.tokenizer_text import tokenizer_text
from embedtune.models.towers.signal_input import SignalInput

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn


@dataclass(frozen=True)
class Encoder:
    """A sentence-transformers model with the settings that suit it.

    Args:
        model: turns texts into vectors; training changes it in place.
        name: as the user named it.
        prompts: text put before a "query" and before a "document"; empty where there is none.
        max_length: most tokens of a text, the rest is cut off; None for no limit.
        default_lr: learning rate where the user gives none.
        dimensions: length of its vectors.
        notes: sentences about it for the user.
        pretrained: False for the starter, which knows only the user's texts.
        products: precision of matrix products while it encodes: fp32, bf16 or fp16. Training has its own.
        helpers: further devices, on which copies of it encode too.
        batch_tokens: most tokens of a batch; None: what suits its device.
        signals: what its signal tower reads; None where it reads texts alone.
        projects: whether its texts are read by modules that do not learn, and a last one that does.
        rates: learning rates of parts of it that differ from `default_lr`, by a pattern of their parameters' names.
    """

    model: "SentenceTransformer"
    name: str
    prompts: Mapping[Role, str]
    max_length: int | None
    default_lr: float
    dimensions: int
    notes: tuple[str, ...] = ()
    pretrained: bool = True
    products: str = FP32
    helpers: tuple[str, ...] = ()
    batch_tokens: int | None = None
    signals: SignalInput | None = None
    projects: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def precision(self) -> str:
        """The type of its weights, such as "float32", and that of its products where it differs."""
        weights = self._exported or str(self.model.dtype).removeprefix("torch.")
        return weights if self.products == FP32 else f"{weights}, {self.products} products"

    @property
    def has_products(self) -> bool:
        """Whether it multiplies matrices, so that lower precision can speed it up; a static encoder does not."""
        return not is_static(self.model) and self._exported is None

    @property
    def is_new_tower(self) -> bool:
        """Whether it has a signal tower that has learned nothing yet."""
        return self.signals is not None and not self.pretrained

    @property
    def is_trainable(self) -> bool:
        """Whether it has weights that training can change; an export has none."""
        return self._exported is None

    @property
    def _exported(self) -> str | None:
        """The precision of an export; None for every other encoder."""
        export = exported(self.model)
        return None if export is None else str(export.settings.precision)

    @property
    def has_dropout(self) -> bool:
        """Whether it has dropout, so that in training the same text gets another vector each time."""
        from torch import nn

        return any(isinstance(module, nn.Dropout) and module.p > 0 for module in self.model.modules())

    def fingerprint(self) -> str:
        """32 hex digits of its weights, tokenizer and structure: the same wherever the model is stored.

        Reads every weight, about a second per gigabyte, and is never cached: a model in training changes in place.
        """
        read = () if self.signals is None else (repr(self.signals),)
        return weights_digest(self.model, *_structure(self.model), *read)

    def on(self, device: str) -> "Encoder":
        """A copy on another device, not affected by later training of this encoder."""
        return replace(self, model=copy.deepcopy(self.model).to(device), helpers=())


def is_static(model: "SentenceTransformer") -> bool:
    """Whether it is a static encoder: a text's vector is the mean of its token vectors, whatever its length."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(model[0], StaticEmbedding)


def exported(model: "SentenceTransformer") -> Any:
    """The module that runs an export (`export.exported_model`); None for a model of torch."""
    # By its name: the class is defined in terms of what this file defines.
    return model[0] if type(model[0]).__name__ == "ExportedModel" else None


def has_towers(model: "SentenceTransformer") -> bool:
    """Whether queries and documents are read by different modules, so that there is no single tokenizer."""
    from sentence_transformers.base.modules import Router

    return isinstance(model[0], Router)


def has_routes(model: "nn.Module") -> bool:
    """Whether queries and documents go through different modules somewhere: from the first on, or only later."""
    from sentence_transformers.base.modules import Router

    return any(isinstance(module, Router) for module in model.modules())


@contextmanager
def in_mode(model: "nn.Module", *, training: bool) -> Iterator[None]:
    """All modules of a model in one mode; afterwards each is in its own again, which may differ between modules."""
    before = [(part, part.training) for part in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode


def readable(text: str) -> str:
    """The text in a form that any tokenizer takes: a lone surrogate (half a character, from a JSON escape) becomes "?".

    >>> readable("a\\ud83db")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode()


def weights_digest(model: "nn.Module", *parts: str) -> str:
    """32 hex digits of these parts and of every weight of a model."""
    import torch

    digest = hashlib.blake2b("".join(parts).encode(), digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # Viewed as bytes: NumPy has no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _structure(model: "SentenceTransformer") -> Iterator[str]:
    """Everything besides weights that vectors depend on. Dropout changes no vector, but is harmless here."""
    from sentence_transformers.base.modules import Transformer

    yield str(model.truncate_dim)
    for module in model.modules():
        if hasattr(module, "get_config_dict"):
            yield type(module).__name__
            yield json.dumps(_with_text_keys(module.get_config_dict()), sort_keys=True, default=str)
    for settings in (part.model.config.to_dict() for part in model.modules() if isinstance(part, Transformer)):
        # Neither its origin nor the version of transformers changes a vector.
        yield json.dumps(
            {k: v for k, v in settings.items() if k not in ("_name_or_path", "transformers_version")}, default=str
        )
    for reader in readers_of(model):
        yield tokenizer_text(reader.tokenizer)


def _with_text_keys(value: object) -> object:
    """A setting that JSON can hold: the keys of a router's `route_mappings` are pairs.

    >>> _with_text_keys({("query", None): {"a": 1}})
    {"('query', None)": {'a': 1}}
    """
    if not isinstance(value, dict):
        return value
    return {key if isinstance(key, str) else str(key): _with_text_keys(part) for key, part in value.items()}
