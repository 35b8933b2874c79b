"""How an encoder reads texts: tokenised once, and made into batches whenever they are wanted.

What is fed to the model is what sentence-transformers' own preprocessing would feed it. Where that cannot be told from
token ids alone, the texts are kept and the model's own preprocessing makes every batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from embedtune.models.encode.batching import BatchLayout, Flat, Packed, Padded, TextBatches, preprocess
from embedtune.models.encode.token_ids import TokenIds, flat, laid_end_to_end
from embedtune.models.encoder import Encoder, Role, has_towers, is_static, readable

if TYPE_CHECKING:
    from torch import Tensor, nn

Way = Literal["packed", "flat", "padded", "texts"]
Progress = Callable[[int, int], None]
AT_ONCE = 4096
"""Texts tokenised together: enough for threads to share, few enough for their Python objects to be soon forgotten."""
SAMPLE = ("a", "", "How do I reset my password? 비밀번호를 잊어버렸어요. " * 3)


class TokenizedTexts(Protocol):
    """Texts as an encoder reads them, tokenised once: n texts."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, prompt and special tokens included, cut to the maximum length: (n,) int64."""

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order, for `forward`."""


@dataclass(frozen=True)
class Some:
    """Some of the texts that were read, as readings of their own.

    Args:
        known: what was read.
        numbers: (n,) of these texts in it; one may stand there twice.
    """

    known: TokenizedTexts
    numbers: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return self.known.lengths[self.numbers]

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order."""
        return self.known.features(self.numbers[np.asarray(chosen, dtype=np.int64)].tolist())


class Tokenizer:
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

    def read(self, texts: Sequence[str], role: Role, progress: Progress | None = None) -> TokenizedTexts:
        """Tokenise texts under the prompt of their role.

        Args:
            texts: n texts.
            role: "query" or "document".
            progress: called with (texts done, texts).
        """
        if self.way == "texts":
            return TextBatches(self.encoder, tuple(map(readable, texts)), role)
        if self.way == "flat":
            return Flat(_tokenise(texts, progress, lambda part: _static_ids(self.encoder, part, role)))
        layout = BatchLayout.of(self.encoder, role)
        ids = _tokenise(texts, progress, lambda part: _token_ids(self.encoder, part, role, layout))
        return Packed(ids, layout) if self.way == "packed" else Padded(ids, layout)

    def cost(self, lengths: np.ndarray | Sequence[int]) -> int:
        """Tokens that a batch of texts of these lengths takes, padding included."""
        if len(lengths) == 0:
            return 0
        return int(np.sum(lengths) if self.way in ("packed", "flat") else len(lengths) * np.max(lengths))


def forward(model: "nn.Module", features: "Mapping[str, Tensor]") -> "Tensor":
    """Sentence vectors (n, D) of a batch of `Readings.features`, on the model's device; differentiable."""
    from embedtune.models.speed.full_precision import kept_in_float32
    from embedtune.models.speed.packing.eligible import forward_packed

    with kept_in_float32(model):
        if "places" in features:
            return forward_packed(model, features)
        # A copy, because modules write into the features.
        vectors: Tensor = model(dict(features))["sentence_embedding"]  # (n, D)
        return vectors


def _way(encoder: Encoder) -> tuple[Way, str]:
    from embedtune.models.speed.packing.eligible import why_not

    if is_static(encoder.model):
        return "flat", ""
    if has_towers(encoder.model):
        return "texts", "queries and documents go through different modules"
    if not all(_is_foretold(encoder, role) for role in get_args(Role)):
        return "texts", f"{type(encoder.model[0]).__name__} prepares texts in a way of its own"
    reason = why_not(encoder.model) or _why_not_tried(encoder)
    return ("padded", reason) if reason else ("packed", "")


def _is_foretold(encoder: Encoder, role: Role) -> bool:
    """Whether token ids alone give the features that the model's own preprocessing makes."""
    import torch
    from sentence_transformers.base.modules import Transformer

    # A maximum length among the settings of its processor would show on longer texts only.
    if not isinstance(encoder.model[0], Transformer) or encoder.model[0].processing_kwargs:
        return False
    theirs = preprocess(encoder, SAMPLE, role)
    ours = Padded(*_sample(encoder, role)).features(range(len(SAMPLE)))
    return theirs.keys() == ours.keys() and all(
        torch.equal(value, ours[key]) if isinstance(value, torch.Tensor) else value == ours[key]
        for key, value in theirs.items()
    )


def _why_not_tried(encoder: Encoder) -> str:
    from embedtune.models.speed.packing.eligible import why_not_tried

    ids, layout = _sample(encoder, "query")
    chosen = np.flatnonzero(ids.lengths).tolist()  # a text that has no tokens at all is never packed
    packed, padded = Packed(ids, layout).features(chosen), Padded(ids, layout).features(chosen)
    return why_not_tried(encoder.model, packed, padded)


def _sample(encoder: Encoder, role: Role) -> tuple[TokenIds, BatchLayout]:
    layout = BatchLayout.of(encoder, role)
    return _tokenise(SAMPLE, None, lambda part: _token_ids(encoder, part, role, layout)), layout


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


def _token_ids(
    encoder: Encoder, texts: list[str], role: Role, layout: BatchLayout
) -> tuple[list[list[int]], list[list[int]] | None]:
    """Token ids and, where they tell something, types of texts under the prompt of their role."""
    found = encoder.model.tokenizer(
        [encoder.prompts[role] + text for text in texts],
        truncation="longest_first",
        padding=False,
        return_attention_mask=False,
        return_token_type_ids=layout.types == "own",
        verbose=False,
    )
    return found["input_ids"], found["token_type_ids"] if layout.types == "own" else None
