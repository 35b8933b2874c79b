"""Makes batches from token ids, in each form that encoders take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedtune.errors import ModelError
from embedtune.models.encode.token_ids import TokenIds, own_places, padded
from embedtune.models.encoder import Encoder, Role, has_routes
from embedtune.models.reading import task_of
from embedtune.models.towers.signal_input import SignalInput
from embedtune.signals import is_signal

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Features = dict[str, "Tensor"]
COUNTED_AT_ONCE = 256


@dataclass(frozen=True)
class BatchLayout:
    """What a transformer's batch holds in addition to the tokens.

    Args:
        pad: id of the padding token.
        left: whether padding goes in front.
        types: token types: "none" in the features, "zero" for every token, or each token its "own".
        type_pad: token type of padding.
        always: features that are the same in every batch, such as the length of the prompt.
        unplaced: id of a token that does not count in positions; it is also the position of such tokens, and others are
            counted from the one after it. None where positions start at 0 and every token counts.
    """

    pad: int
    left: bool
    types: Literal["none", "zero", "own"]
    type_pad: int
    always: Mapping[str, Any]
    unplaced: int | None

    @staticmethod
    def of(encoder: Encoder, role: Role) -> "BatchLayout":
        """The layout that the encoder's own preprocessing gives to texts in this role."""
        import torch

        tokenizer = encoder.model.tokenizer
        sample = preprocess(encoder, ["a"], role)
        types = sample.get("token_type_ids")
        return BatchLayout(
            pad=tokenizer.pad_token_id or 0,
            left=tokenizer.padding_side == "left",
            types="none" if types is None else "own" if types.any() else "zero",
            type_pad=tokenizer.pad_token_type_id,
            always={key: value for key, value in sample.items() if not isinstance(value, torch.Tensor)},
            unplaced=_unplaced(encoder.model),
        )


@dataclass(frozen=True)
class _Tokenized:
    """n texts whose tokens are kept."""

    ids: TokenIds

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return self.ids.lengths


@dataclass(frozen=True)
class Flat(_Tokenized):
    """For static encoders: one row of tokens, and where each text starts.

    Args:
        always: features that are the same in every batch: the task, where a later module asks for it.
    """

    always: Mapping[str, Any] = field(default_factory=dict)

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts, in this order."""
        import torch

        picked = self.ids.pick(np.asarray(chosen, dtype=np.int64))
        return {
            "input_ids": torch.from_numpy(picked.ids.astype(np.int64)),  # (t,)
            "offsets": torch.from_numpy(picked.starts[:-1]),  # (n,)
            **self.always,
        }


@dataclass(frozen=True)
class Padded(_Tokenized):
    """For every transformer: one row per text, padded to the longest."""

    layout: BatchLayout

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts, in this order."""
        import torch

        picked, left = self.ids.pick(np.asarray(chosen, dtype=np.int64)), self.layout.left
        lengths = picked.lengths  # (n,)
        rows = torch.from_numpy(padded(picked.ids, lengths, self.layout.pad, left=left))  # (n, L)
        mask = torch.from_numpy(own_places(lengths, left=left).astype(np.int64))  # (n, L)
        features: dict[str, Any] = {"input_ids": rows, "attention_mask": mask, **self.layout.always}
        if picked.types is not None:
            own = padded(picked.types, lengths, self.layout.type_pad, left=left)  # (n, L)
            features["token_type_ids"] = torch.from_numpy(own)
        elif self.layout.types == "zero":
            features["token_type_ids"] = torch.zeros_like(rows)
        return features


@dataclass(frozen=True)
class Packed(_Tokenized):
    """For transformers whose attention keeps texts apart: all texts end to end, longest first."""

    layout: BatchLayout

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts; `places` says where each of them is in the sorted row."""
        import torch

        numbers = np.asarray(chosen, dtype=np.int64)  # (n,)
        lengths = self.lengths[numbers]  # (n,)
        if not lengths.all():
            # A text without any token has no place in a single row of tokens; padded, it has a row of its own.
            return Padded(self.ids, self.layout).features(chosen)
        # Sorted, so that texts of equal length are neighbours, which attention then handles as one batch.
        order = np.argsort(-lengths, kind="stable")  # (n,)
        picked = self.ids.pick(numbers[order])
        rows = torch.from_numpy(picked.ids.astype(np.int64))[None]  # (1, t)
        features: dict[str, Any] = {
            "input_ids": rows,
            "position_ids": torch.from_numpy(self._positions(picked))[None],  # (1, t)
            "cu_seq_lens_q": torch.from_numpy(picked.starts),  # (n+1,)
            "places": torch.from_numpy(np.argsort(order)),  # (n,)
            # The same for attention and for sentence-transformers' pooling, which would wait for a device to say it.
            "packed_lengths": tuple(picked.lengths.tolist()),
            "seq_idx": torch.from_numpy(np.repeat(np.arange(len(lengths)), picked.lengths))[None],  # (1, t)
            **self.layout.always,
        }
        if picked.types is not None:
            features["token_type_ids"] = torch.from_numpy(picked.types.astype(np.int64))[None]  # (1, t)
        elif self.layout.types == "zero":
            features["token_type_ids"] = torch.zeros_like(rows)
        return features

    def _positions(self, picked: TokenIds) -> np.ndarray:
        """The position of each token in its text, as the model counts positions: (t,) int64."""
        unplaced = self.layout.unplaced
        if unplaced is None:
            return np.arange(len(picked.ids)) - np.repeat(picked.starts[:-1], picked.lengths)
        placed = picked.ids != unplaced  # (t,)
        before = np.concatenate([[0], np.cumsum(placed)])  # (t+1,)
        return (before[1:] - np.repeat(before[picked.starts[:-1]], picked.lengths)) * placed + unplaced


@dataclass(frozen=True)
class TextBatches:
    """Texts that the model's own preprocessing makes into batches.

    Args:
        encoder: whose model preprocesses.
        texts: n readable texts.
        role: decides the prompt, and the tower where there are two.
    """

    encoder: Encoder
    texts: Sequence[str]
    role: Role

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, counted in features that are then discarded: (n,) int64."""
        lengths = np.zeros(len(self.texts), dtype=np.int64)  # (n,)
        if signals := [place for place, text in enumerate(self.texts) if is_signal(text)]:
            lengths[signals] = signal_input_of(self.encoder).tokens
        # Texts of similar length together, because each batch is padded to its longest.
        order = sorted(np.flatnonzero(lengths == 0).tolist(), key=lambda i: len(self.texts[i]))
        for start in range(0, len(order), COUNTED_AT_ONCE):
            part = order[start : start + COUNTED_AT_ONCE]
            lengths[part] = feature_lengths(self.features(part), len(part))
        return lengths

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts, in this order."""
        return preprocess(self.encoder, [self.texts[i] for i in chosen], self.role)


def preprocess(encoder: Encoder, texts: Sequence[str], role: Role) -> dict[str, Any]:
    """The features that the model itself makes of readable texts, as in `encode_query` and `encode_document`.

    Or of signals, whose names are looked up here and nowhere else; a batch has one or the other.
    """
    task = task_of(encoder.model, role)
    if texts and is_signal(texts[0]):
        return dict(encoder.model.preprocess(signal_input_of(encoder).arrays(texts), task=task))
    made = dict(encoder.model.preprocess(list(texts), prompt=encoder.prompts[role] or None, task=task))
    return routed(encoder, role) | made


def signal_input_of(encoder: Encoder) -> SignalInput:
    """What the encoder reads of signals.

    Raises:
        ModelError: it reads texts alone.
    """
    if encoder.signals is None:
        raise ModelError(
            f"{encoder.name} reads texts, and these are signals",
            where="model",
            next="name a model that was trained on signals: embedtune train --data SIGNALS --descriptions FILE",
        )
    return encoder.signals


def routed(encoder: Encoder, role: Role) -> dict[str, Any]:
    """The feature by which later modules choose the way of texts in a role; empty if none of them has a choice."""
    return {"task": task_of(encoder.model, role)} if has_routes(encoder.model) else {}


def feature_lengths(features: "Mapping[str, Tensor]", rows: int) -> np.ndarray:
    """Number of tokens in each text of a batch, prompt included: (n,) int64.

    Args:
        features: as any sentence-transformers model prepares them.
        rows: n; features without tokens count as one token per text.
    """
    if "attention_mask" in features:
        return features["attention_mask"].sum(dim=1).numpy()
    if "offsets" in features:
        return np.diff(np.append(features["offsets"].numpy(), len(features["input_ids"])))
    if "cu_seq_lens_q" in features:
        return np.diff(features["cu_seq_lens_q"].numpy())
    return np.ones(rows, dtype=np.int64)


def _unplaced(model: "SentenceTransformer") -> int | None:
    """The padding token of models like RoBERTa, which start positions after its id."""
    from torch.nn import Embedding

    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, Embedding):
            padding = table.padding_idx if table.padding_idx is not None else getattr(module, "padding_idx", None)
            return padding if isinstance(padding, int) else None
    return None
