"""How an encoder reads texts: tokenised once, and made into batches whenever they are wanted.

What is fed to the model is what sentence-transformers' own preprocessing would feed it. Where that cannot be told from
token ids alone, the texts are kept and the model's own preprocessing makes every batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np

from embedtune.models.encoder import Encoder, Role, has_towers, is_static, readable
from embedtune.models.token_ids import TokenIds, flat, laid_end_to_end, own_places, padded

if TYPE_CHECKING:
    from torch import Tensor, nn

Way = Literal["packed", "flat", "padded", "texts"]
Progress = Callable[[int, int], None]
AT_ONCE = 4096
"""Texts tokenised together: enough for threads to share, few enough for their Python objects to be soon forgotten."""
SAMPLE = ("a", "", "How do I reset my password? 비밀번호를 잊어버렸어요. " * 3)


class Readings(Protocol):
    """Texts as an encoder reads them, tokenised once: n texts."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, prompt and special tokens included, cut to the maximum length: (n,) int64."""

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order, for `forward`."""


class Reader:
    """How an encoder reads texts.

    Args:
        encoder: whose tokenizer, prompts and maximum length count; at the time of reading.

    Attributes:
        way: packed: texts laid end to end, no padding. flat: the same for static encoders. padded: token ids are kept
            and batches are filled up to their longest text. texts: the model's own preprocessing makes each batch.
        reason: why not packed, in words; empty where it is.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.way, self.reason = _way(encoder)

    def read(self, texts: Sequence[str], role: Role, progress: Progress | None = None) -> Readings:
        """Tokenise texts under the prompt of their role.

        Args:
            texts: n texts.
            role: "query" or "document".
            progress: called with (texts done, texts).
        """
        if self.way == "texts":
            return _Texts(self.encoder, tuple(map(readable, texts)), role)
        if self.way == "flat":
            return _Flat(_tokenise(texts, progress, lambda part: _static_ids(self.encoder, part, role)))
        layout = _Layout.of(self.encoder, role)
        ids = _tokenise(texts, progress, lambda part: layout.tokens(self.encoder, part, role))
        return _Padded(ids, layout)

    def cost(self, lengths: np.ndarray | Sequence[int]) -> int:
        """Tokens that a batch of texts of these lengths takes, padding included."""
        if len(lengths) == 0:
            return 0
        return int(np.sum(lengths) if self.way in ("packed", "flat") else len(lengths) * np.max(lengths))


def forward(model: "nn.Module", features: "Mapping[str, Tensor]") -> "Tensor":
    """Sentence vectors (n, D) of a batch of `Readings.features`, on the model's device; differentiable."""
    # A copy, because modules write into the features.
    vectors: Tensor = model(dict(features))["sentence_embedding"]  # (n, D)
    return vectors


def _way(encoder: Encoder) -> tuple[Way, str]:
    model = encoder.model
    if is_static(model):
        return "flat", "a static encoder has no attention"
    if has_towers(model):
        return "texts", "queries and documents go through different modules"
    for role in get_args(Role):
        if not _foretold(encoder, role):
            return "texts", f"{type(model[0]).__name__} prepares texts in a way of its own"
    return "padded", "packing is not there yet"


def _foretold(encoder: Encoder, role: Role) -> bool:
    """Whether token ids alone give the features that the model's own preprocessing makes."""
    import torch
    from sentence_transformers.base.modules import Transformer

    # A maximum length among the settings of its processor would show on longer texts only.
    if not isinstance(encoder.model[0], Transformer) or encoder.model[0].processing_kwargs:
        return False
    theirs = _preprocess(encoder, SAMPLE, role)
    layout = _Layout.of(encoder, role)
    ours = _Padded(_tokenise(SAMPLE, None, lambda part: layout.tokens(encoder, part, role)), layout).features([0, 1, 2])
    return theirs.keys() == ours.keys() and all(
        torch.equal(value, ours[key]) if isinstance(value, torch.Tensor) else value == ours[key]
        for key, value in theirs.items()
    )


def _preprocess(encoder: Encoder, texts: Sequence[str], role: Role) -> dict[str, Any]:
    """What the model itself makes of readable texts."""
    route = {"task": role} if has_towers(encoder.model) else {}
    return dict(encoder.model.preprocess(list(texts), prompt=encoder.prompts[role] or None, **route))


def _tokenise(
    texts: Sequence[str],
    progress: Progress | None,
    tokens: Callable[[list[str]], tuple[list[list[int]], list[list[int]] | None]],
) -> TokenIds:
    def pieces() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        for start in range(0, max(1, len(texts)), AT_ONCE):
            part = [readable(text) for text in texts[start : start + AT_ONCE]]
            ids, types = tokens(part) if part else ([], None)
            yield flat(ids), np.array([len(row) for row in ids], dtype=np.int64), None if types is None else flat(types)
            if progress is not None:
                progress(start + len(part), len(texts))

    return laid_end_to_end(pieces())


def _static_ids(encoder: Encoder, texts: list[str], role: Role) -> tuple[list[list[int]], None]:
    prompt = encoder.prompts[role]
    encodings = encoder.model.tokenizer.encode_batch_fast([prompt + text for text in texts], add_special_tokens=False)
    return [encoding.ids for encoding in encodings], None


@dataclass(frozen=True)
class _Layout:
    """What beside the tokens stands in a batch of a transformer.

    Args:
        pad: token that rows are filled up with.
        left: whether they are filled up in front.
        types: "none" in the features, "zero" for every token, or "own" to each.
        type_pad: type of a token that rows are filled up with.
        always: what is the same in every batch, such as the length of the prompt.
    """

    pad: int
    left: bool
    types: Literal["none", "zero", "own"]
    type_pad: int
    always: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(encoder: Encoder, role: Role) -> "_Layout":
        import torch

        tokenizer = encoder.model.tokenizer
        sample = _preprocess(encoder, SAMPLE[:1], role)
        types = sample.get("token_type_ids")
        return _Layout(
            pad=tokenizer.pad_token_id or 0,
            left=tokenizer.padding_side == "left",
            types="none" if types is None else "own" if types.any() else "zero",
            type_pad=tokenizer.pad_token_type_id,
            always={key: value for key, value in sample.items() if not isinstance(value, torch.Tensor)},
        )

    def tokens(self, encoder: Encoder, texts: list[str], role: Role) -> tuple[list[list[int]], list[list[int]] | None]:
        """Token ids and, where they tell something, types of texts under the prompt of their role."""
        found = encoder.model.tokenizer(
            [encoder.prompts[role] + text for text in texts],
            truncation="longest_first",
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=self.types == "own",
            verbose=False,
        )
        return found["input_ids"], found["token_type_ids"] if self.types == "own" else None


@dataclass(frozen=True)
class _Flat:
    """What a static encoder reads: one row of tokens, and where each text starts."""

    ids: TokenIds

    @property
    def lengths(self) -> np.ndarray:
        return self.ids.lengths

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        import torch

        picked = self.ids.pick(np.asarray(chosen, dtype=np.int64))
        return {
            "input_ids": torch.from_numpy(picked.ids.astype(np.int64)),  # (t,)
            "offsets": torch.from_numpy(picked.starts[:-1]),  # (n,)
        }


@dataclass(frozen=True)
class _Padded:
    """What most transformers read: one row a text, filled up to the longest one."""

    ids: TokenIds
    layout: _Layout

    @property
    def lengths(self) -> np.ndarray:
        return self.ids.lengths

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
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
class _Texts:
    """Texts that the model's own preprocessing makes batches of."""

    encoder: Encoder
    texts: Sequence[str]
    role: Role

    @cached_property
    def lengths(self) -> np.ndarray:
        order = sorted(range(len(self.texts)), key=lambda i: len(self.texts[i]))
        lengths = np.zeros(len(self.texts), dtype=np.int64)  # (n,)
        # Nearly equally long ones together, because each batch is filled up to its longest.
        for start in range(0, len(order), 256):
            part = order[start : start + 256]
            lengths[part] = token_counts(self.features(part), len(part))
        return lengths

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        return _preprocess(self.encoder, [self.texts[i] for i in chosen], self.role)


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
    return np.ones(rows, dtype=np.int64)
