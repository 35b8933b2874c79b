"""Tokenizes texts for an encoder, once, and makes batches of them whenever they are needed.

The model gets exactly what sentence-transformers' own preprocessing would give it. Where token ids alone do not
determine that, the texts are kept and the model's own preprocessing makes every batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from embedtune.models.encode.batching import (
    BatchLayout,
    Flat,
    Packed,
    Padded,
    TextBatches,
    preprocess,
    routed,
    signal_input_of,
)
from embedtune.models.encode.token_ids import TokenIds, static_ids, tokenized
from embedtune.models.encoder import Encoder, Role, exported, has_towers, is_static, readable
from embedtune.models.towers.projected import BeforeProjection, is_before_projection, projected
from embedtune.progress import Progress
from embedtune.signals import is_signal

if TYPE_CHECKING:
    from torch import Tensor, nn

Way = Literal["packed", "flat", "padded", "texts"]
SAMPLE = ("a", "", "How do I reset my password? 비밀번호를 잊어버렸어요. " * 3)


class TokenizedTexts(Protocol):
    """n texts, tokenized once for an encoder."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, prompt and special tokens included, cut to the maximum length: (n,) int64."""

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order, for `forward`."""


@dataclass(frozen=True)
class TokenizedSubset:
    """Some of the texts that were tokenized, as `TokenizedTexts` themselves.

    Args:
        whole: all tokenized texts.
        numbers: (n,) positions of these texts among them; one may appear twice.
    """

    whole: TokenizedTexts
    numbers: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return self.whole.lengths[self.numbers]

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order."""
        return self.whole.features(self.numbers[np.asarray(chosen, dtype=np.int64)].tolist())


class Tokenizer:
    """An encoder's tokenizer, with its prompts and maximum length, and how its batches are made.

    Args:
        encoder: its tokenizer, prompts and maximum length apply as they are at the time of each call.

    Attributes:
        way: packed: texts end to end, no padding. flat: the same for static encoders. padded: token ids are kept and
            batches are padded to their longest text. texts: the model's own preprocessing makes each batch.
        reason: why the batches are not packed; empty where they are.
        reads_padding: whether padding would change vectors, so that only texts of equal length share a batch.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.way, self.reason = _way(encoder)
        self.reads_padding = reads_padding(encoder.model)
        self._projected = BeforeProjection()

    def tokenize(self, texts: Sequence[str], role: Role, progress: Progress | None = None) -> TokenizedTexts:
        """Tokenize n texts with the prompt of their role; `progress` is called with (texts done, texts)."""
        if any(map(is_signal, texts)):
            signal_input_of(self.encoder)  # or an encoder of texts would read their names
        if self.way == "texts" and self.encoder.projects and texts and not any(map(is_signal, texts)):
            return self._projected.of(self.encoder, tuple(map(readable, texts)), role)
        if self.way == "texts":
            return TextBatches(self.encoder, tuple(map(readable, texts)), role)
        if (export := exported(self.encoder.model)) is not None:
            prompt = self.encoder.prompts[role]
            ids = tokenized(texts, lambda part: (export.token_ids([prompt + text for text in part]), None), progress)
            return Padded(ids, export.layout)
        if self.way == "flat":
            ids_of = partial(static_ids, self.encoder.model.tokenizer, prompt=self.encoder.prompts[role])
            ids = tokenized(texts, lambda part: (ids_of(part), None), progress)
            return Flat(ids, routed(self.encoder, role))
        layout = BatchLayout.of(self.encoder, role)
        ids = tokenized(texts, lambda part: _token_ids(self.encoder, part, role, layout), progress)
        return Packed(ids, layout) if self.way == "packed" else Padded(ids, layout)

    def cost(self, lengths: np.ndarray | Sequence[int]) -> int:
        """Number of tokens in a batch of texts of these lengths, padding included."""
        if len(lengths) == 0:
            return 0
        return int(np.sum(lengths) if self.way in ("packed", "flat") else len(lengths) * np.max(lengths))


def forward(model: "nn.Module", features: "Mapping[str, Tensor]") -> "Tensor":
    """Sentence vectors (n, D) of a batch of `TokenizedTexts.features`, on the model's device; differentiable."""
    from embedtune.models.speed.frozen_layers import skipping
    from embedtune.models.speed.full_precision import kept_in_float32
    from embedtune.models.speed.packing.eligible import forward_packed

    if "hidden" in features:  # its first layers are done (`begun`)
        rest = {name: value for name, value in features.items() if name not in ("hidden", "layers")}
        with skipping(model, int(features["layers"]), features["hidden"]):
            return forward(model, rest)
    with kept_in_float32(model):
        if "places" in features:
            return cut(model, forward_packed(model, features))
        if is_before_projection(model, features):
            return cut(model, projected(model, features))
        # A copy, because modules write into the features.
        vectors: Tensor = model(dict(features))["sentence_embedding"]  # (n, D)
        return cut(model, vectors)


def cut(model: "nn.Module", vectors: "Tensor") -> "Tensor":
    """Vectors (n, D) as short as the model declares (`truncate_dim`): trained as they are judged and used."""
    length = getattr(getattr(model, "module", model), "truncate_dim", None)  # wrapped where several processes train it
    return vectors if length is None else vectors[:, :length]


def reads_padding(model: "nn.Module") -> bool:
    """Whether a module mixes neighbouring tokens without regard to which of them are padding."""
    from sentence_transformers.sentence_transformer.modules import CNN

    return any(isinstance(module, CNN) for module in model.modules())


def _way(encoder: Encoder) -> tuple[Way, str]:
    from embedtune.models.speed.packing.eligible import why_not

    if is_static(encoder.model):
        return "flat", ""
    if exported(encoder.model) is not None:
        return "padded", "an exported file takes padded batches"
    if has_towers(encoder.model):
        return "texts", "queries and documents go through different modules"
    if not all(_is_predictable(encoder, role) for role in get_args(Role)):
        return "texts", f"{type(encoder.model[0]).__name__} has its own preprocessing"
    reason = why_not(encoder.model) or _why_not_tried(encoder)
    return ("padded", reason) if reason else ("packed", "")


def _is_predictable(encoder: Encoder, role: Role) -> bool:
    """Whether token ids alone determine the features that the model's own preprocessing makes."""
    import torch
    from sentence_transformers.base.modules import Transformer

    # A maximum length among the settings of its processor would only show on longer texts.
    first = encoder.model[0]
    if not isinstance(first, Transformer) or first.processing_kwargs or _has_lengths_by_role(first):
        return False
    theirs = preprocess(encoder, SAMPLE, role)
    ours = Padded(*_sample(encoder, role)).features(range(len(SAMPLE)))
    return theirs.keys() == ours.keys() and all(
        torch.equal(value, ours[key]) if isinstance(value, torch.Tensor) else value == ours[key]
        for key, value in theirs.items()
    )


def _has_lengths_by_role(first: "nn.Module") -> bool:
    """Whether queries and documents have maximum lengths of their own, which again would show on longer texts only."""
    return any(getattr(first, name, None) for name in ("query_length", "document_length", "query_expansion"))


def _why_not_tried(encoder: Encoder) -> str:
    from embedtune.models.speed.packing.eligible import why_not_tried

    ids, layout = _sample(encoder, "query")
    chosen = np.flatnonzero(ids.lengths).tolist()  # a text without any token is never packed
    packed, padded = Packed(ids, layout).features(chosen), Padded(ids, layout).features(chosen)
    return why_not_tried(encoder.model, packed, padded)


def _sample(encoder: Encoder, role: Role) -> tuple[TokenIds, BatchLayout]:
    layout = BatchLayout.of(encoder, role)
    return tokenized(SAMPLE, lambda part: _token_ids(encoder, part, role, layout)), layout


def _token_ids(
    encoder: Encoder, texts: list[str], role: Role, layout: BatchLayout
) -> tuple[list[list[int]], list[list[int]] | None]:
    """Token ids and, where they differ, token types of texts with the prompt of their role."""
    found = encoder.model.tokenizer(
        [encoder.prompts[role] + text for text in texts],
        truncation="longest_first",
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=layout.types == "own",
        verbose=False,
    )
    return found["input_ids"], found["token_type_ids"] if layout.types == "own" else None
