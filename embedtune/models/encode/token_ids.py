"""The tokens of many texts, end to end: four bytes per token, whatever the number of texts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.models.encoder import Encoder, Role, exported, readable
from embedtune.models.reading import reader_of
from embedtune.progress import Progress

AT_ONCE = 4096
"""Texts tokenized together: enough to keep threads busy, few enough that their Python objects are soon freed."""


@dataclass(frozen=True)
class TokenIds:
    """The tokens of n texts, T in all.

    Args:
        ids: (T,) int32.
        starts: (n+1,) int64, where each text starts; the last is T.
        types: (T,) int32, the type of each token (its segment); None where all are 0.
    """

    ids: np.ndarray
    starts: np.ndarray
    types: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return np.diff(self.starts)

    def pick(self, chosen: np.ndarray) -> "TokenIds":
        """The tokens of these texts, in this order.

        Args:
            chosen: (c,) positions of texts; one may appear twice.
        """
        lengths = self.lengths[chosen]  # (c,)
        starts = np.concatenate([[0], np.cumsum(lengths)])  # (c+1,)
        places = np.arange(starts[-1]) + np.repeat(self.starts[chosen] - starts[:-1], lengths)  # (t,)
        return TokenIds(self.ids[places], starts, None if self.types is None else self.types[places])


def flat(values: Sequence[Sequence[int]]) -> np.ndarray:
    """The numbers of several lists in one row: (T,) int32.

    >>> flat([[1, 2], [], [3]])
    array([1, 2, 3], dtype=int32)
    """
    return np.fromiter((value for row in values for value in row), dtype=np.int32, count=sum(map(len, values)))


def laid_end_to_end(pieces: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray | None]]) -> TokenIds:
    """Join pieces of tokenized texts.

    Args:
        pieces: of each, its ids (t,), the lengths of its texts (c,) and, if any, the token types (t,).
    """
    ids, lengths, types = zip(*pieces, strict=True)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])  # (n+1,)
    return TokenIds(np.concatenate(ids), starts, None if types[0] is None else np.concatenate(types))


def tokenized(
    texts: Sequence[str],
    tokens: Callable[[list[str]], tuple[list[list[int]], list[list[int]] | None]],
    progress: Progress | None = None,
) -> TokenIds:
    """Tokenize texts a few thousand at a time; `progress` is called with (texts done, texts).

    `tokens` turns readable texts into their token ids and, where they differ, token types.
    """

    def pieces() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
        for start in range(0, max(1, len(texts)), AT_ONCE):
            part = [readable(text) for text in texts[start : start + AT_ONCE]]
            ids, types = tokens(part) if part else ([], None)
            yield flat(ids), np.array([len(row) for row in ids], dtype=np.int64), None if types is None else flat(types)
            if progress is not None:
                progress(start + len(part), len(texts))

    return laid_end_to_end(pieces())


def static_ids(tokenizer: Any, texts: list[str], prompt: str = "", *, special_tokens: bool = False) -> list[list[int]]:
    """The token ids that a tokenizer of a static encoder, or of an export, gives to readable texts after a prompt."""
    found = tokenizer.encode_batch_fast([prompt + text for text in texts], add_special_tokens=special_tokens)
    return [encoding.ids for encoding in found]


def untruncated(
    encoder: Encoder, texts: list[str], *, special_tokens: bool, role: Role = "query", prompt: str = ""
) -> list[list[int]]:
    """The token ids of readable texts after a prompt, however long.

    Args:
        encoder: whose tokenizer for this role it is.
        texts: n texts.
        special_tokens: whether to add those; a static encoder and an encoder of words have none.
        role: where queries and documents are read by different modules, it decides which.
        prompt: put before each text.
    """
    tokenizer = reader_of(encoder.model, role).tokenizer
    if hasattr(tokenizer, "encode_batch_fast"):
        export = exported(encoder.model)
        special_tokens = special_tokens and export is not None and export.settings.special_tokens
        return static_ids(without_truncation(tokenizer), texts, prompt, special_tokens=special_tokens)
    texts = [prompt + text for text in texts]
    if not callable(tokenizer):
        return [tokenizer.tokenize(text) for text in texts]
    # Not verbose: it would warn about texts longer than the model's maximum.
    found: list[list[int]] = tokenizer(
        texts,
        add_special_tokens=special_tokens,
        truncation=False,
        padding=False,
        verbose=False,
        return_attention_mask=False,
    )["input_ids"]
    return found


def without_truncation(tokenizer: Any) -> Any:
    """A tokenizer of a static encoder, or a copy of it that does not cut texts."""
    if tokenizer.truncation is None:
        return tokenizer
    copy = type(tokenizer).from_str(tokenizer.to_str())
    copy.no_truncation()
    return copy


def padded(values: np.ndarray, lengths: np.ndarray, fill: int, *, left: bool) -> np.ndarray:
    """One row per text, padded to the longest: (n, longest or 1) int64.

    >>> padded(np.arange(3), np.array([1, 2]), 9, left=False).tolist()
    [[0, 9], [1, 2]]
    """
    grid = np.full((len(lengths), max(1, lengths.max(initial=0))), fill, dtype=np.int64)  # (n, longest)
    grid[own_places(lengths, left=left)] = values
    return grid


def own_places(lengths: np.ndarray, *, left: bool) -> np.ndarray:
    """Where padded rows hold tokens of their own, not padding: (n, longest or 1) bool."""
    width = max(1, int(lengths.max(initial=0)))
    columns = np.arange(width)  # (longest,)
    return columns >= width - lengths[:, None] if left else columns < lengths[:, None]
