"""Batches made of token ids, in the ways that encoders take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedtune.models.encode.token_ids import TokenIds, own_places, padded
from embedtune.models.encoder import Encoder, Role, has_towers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Features = dict[str, "Tensor"]
COUNTED_AT_ONCE = 256


@dataclass(frozen=True)
class BatchLayout:
    """What beside the tokens stands in a batch of a transformer.

    Args:
        pad: token that rows are filled up with.
        left: whether they are filled up in front.
        types: "none" in the features, "zero" for every token, or "own" to each.
        type_pad: type of a token that rows are filled up with.
        always: what is the same in every batch, such as the length of the prompt.
        unplaced: token id that has no place of its own among a text's positions, and the position that it gets; places
            are counted from the one after it. None where they are counted from 0, and every token counts.
    """

    pad: int
    left: bool
    types: Literal["none", "zero", "own"]
    type_pad: int
    always: Mapping[str, Any]
    unplaced: int | None

    @staticmethod
    def of(encoder: Encoder, role: Role) -> "BatchLayout":
        """What the encoder's own preprocessing makes of texts in this role."""
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
class _Tokenised:
    """Texts of which the tokens are kept: n."""

    ids: TokenIds

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return self.ids.lengths


@dataclass(frozen=True)
class Flat(_Tokenised):
    """What a static encoder takes: one row of tokens, and where each text starts."""

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts, in this order."""
        import torch

        picked = self.ids.pick(np.asarray(chosen, dtype=np.int64))
        return {
            "input_ids": torch.from_numpy(picked.ids.astype(np.int64)),  # (t,)
            "offsets": torch.from_numpy(picked.starts[:-1]),  # (n,)
        }


@dataclass(frozen=True)
class Padded(_Tokenised):
    """What every transformer takes: one row a text, filled up to the longest one."""

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
class Packed(_Tokenised):
    """What a transformer takes whose attention keeps texts apart: all of them end to end, longest first."""

    layout: BatchLayout

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts; `places` says where each of them lies among those that are laid out."""
        import torch

        numbers = np.asarray(chosen, dtype=np.int64)  # (n,)
        lengths = self.lengths[numbers]  # (n,)
        if not lengths.all():
            # A text without any token is nowhere in a row of tokens; in a row of its own it is.
            return Padded(self.ids, self.layout).features(chosen)
        # Sorted, texts of equal length are neighbours, which attention then takes together.
        order = np.argsort(-lengths, kind="stable")  # (n,)
        picked = self.ids.pick(numbers[order])
        rows = torch.from_numpy(picked.ids.astype(np.int64))[None]  # (1, t)
        features: dict[str, Any] = {
            "input_ids": rows,
            "position_ids": torch.from_numpy(self._positions(picked))[None],  # (1, t)
            "cu_seq_lens_q": torch.from_numpy(picked.starts),  # (n+1,)
            "places": torch.from_numpy(np.argsort(order)),  # (n,)
            **self.layout.always,
        }
        if picked.types is not None:
            features["token_type_ids"] = torch.from_numpy(picked.types.astype(np.int64))[None]  # (1, t)
        elif self.layout.types == "zero":
            features["token_type_ids"] = torch.zeros_like(rows)
        return features

    def _positions(self, picked: TokenIds) -> np.ndarray:
        """The position of each token in its text as the model counts them: (t,) int64."""
        unplaced = self.layout.unplaced
        if unplaced is None:
            return np.arange(len(picked.ids)) - np.repeat(picked.starts[:-1], picked.lengths)
        placed = picked.ids != unplaced  # (t,)
        before = np.concatenate([[0], np.cumsum(placed)])  # (t+1,)
        return (before[1:] - np.repeat(before[picked.starts[:-1]], picked.lengths)) * placed + unplaced


@dataclass(frozen=True)
class TextBatches:
    """Texts that the model's own preprocessing makes batches of.

    Args:
        encoder: whose model does.
        texts: n readable texts.
        role: decides the prompt, and the tower where there are two.
    """

    encoder: Encoder
    texts: Sequence[str]
    role: Role

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, counted on features that are thrown away: (n,) int64."""
        # Nearly equally long ones together, because each batch is filled up to its longest.
        order = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]))
        lengths = np.zeros(len(self.texts), dtype=np.int64)  # (n,)
        for start in range(0, len(order), COUNTED_AT_ONCE):
            part = order[start : start + COUNTED_AT_ONCE]
            lengths[part] = token_counts(self.features(part), len(part))
        return lengths

    def features(self, chosen: Sequence[int]) -> Features:
        """A batch of these texts, in this order."""
        return preprocess(self.encoder, [self.texts[i] for i in chosen], self.role)


def preprocess(encoder: Encoder, texts: Sequence[str], role: Role) -> dict[str, Any]:
    """What the model itself makes of readable texts."""
    route = {"task": role} if has_towers(encoder.model) else {}
    return dict(encoder.model.preprocess(list(texts), prompt=encoder.prompts[role] or None, **route))


def token_counts(features: "Mapping[str, Tensor]", rows: int) -> np.ndarray:
    """How many tokens each text of a batch has, prompt included: (n,) int64.

    Args:
        features: as any sentence-transformers model prepares them.
        rows: n; features that name no tokens count as one a text.
    """
    if "attention_mask" in features:
        return features["attention_mask"].sum(dim=1).numpy()
    if "offsets" in features:
        return np.diff(np.append(features["offsets"].numpy(), len(features["input_ids"])))
    if "cu_seq_lens_q" in features:
        return np.diff(features["cu_seq_lens_q"].numpy())
    return np.ones(rows, dtype=np.int64)


def _unplaced(model: "SentenceTransformer") -> int | None:
    """The padding token of models like RoBERTa, which count positions from the one after its number."""
    from torch.nn import Embedding

    for module in model.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, Embedding):
            padding = table.padding_idx if table.padding_idx is not None else getattr(module, "padding_idx", None)
            return padding if isinstance(padding, int) else None
    return None
