"""Some of the texts of several packed batches, packed again into fewer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

LAYOUT = ("cu_seq_lens_q", "places", "packed_lengths", "seq_idx")
"""Features that say where the texts of a packed batch are; they are made again."""


class PackedTexts:
    """U texts of packed batches, as `TokenizedTexts` again.

    Args:
        batches: features as of `Packed`, on one device, alike in all that they have in addition to tokens (`kind_of`).

    Attributes:
        lengths: tokens of each text, in the order in which the batches were requested: (U,).
    """

    def __init__(self, batches: Sequence[Mapping[str, Any]]) -> None:
        tokens = _of_tokens(batches[0])
        self._rows = {name: torch.cat([one[name][0] for one in batches]) for name in tokens}  # of (T, ...)
        self._always = {name: value for name, value in batches[0].items() if name not in (*tokens, *LAYOUT)}
        before = np.cumsum([0, *(len(one["input_ids"][0]) for one in batches)])
        ends = [one["cu_seq_lens_q"].cpu().numpy() for one in batches]  # of (n+1,)
        places = [one["places"].cpu().numpy() for one in batches]  # of (n,)
        layouts = list(zip(before[:-1], ends, places, strict=True))
        self._starts = np.concatenate([first + end[at] for first, end, at in layouts])  # (U,)
        self.lengths = np.concatenate([np.diff(end)[at] for _, end, at in layouts])  # (U,)

    def features(self, chosen: Sequence[int]) -> dict[str, Any]:
        """A packed batch of these texts (c,), longest first in its row; `forward` gives their vectors in this order."""
        numbers = np.asarray(chosen, dtype=np.int64)  # (c,)
        order = np.argsort(-self.lengths[numbers], kind="stable")  # (c,)
        lengths = self.lengths[numbers[order]]  # (c,)
        ends = np.concatenate([[0], np.cumsum(lengths)])  # (c+1,)
        tokens = np.arange(ends[-1]) + np.repeat(self._starts[numbers[order]] - ends[:-1], lengths)  # (t,)
        laid = {
            "cu_seq_lens_q": torch.from_numpy(ends),
            "places": torch.from_numpy(np.argsort(order)),  # (c,)
            "seq_idx": torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))[None],  # (1, t)
        }
        device = self._rows["input_ids"].device
        at = torch.from_numpy(tokens).to(device)
        return {
            **self._always,
            **{name: values[at][None] for name, values in self._rows.items()},
            **{name: values.to(device) for name, values in laid.items()},
            "packed_lengths": tuple(lengths.tolist()),
        }


def is_packed(features: Mapping[str, Any]) -> bool:
    """Whether the features are those of texts end to end."""
    return "places" in features


def kind_of(features: Mapping[str, Any]) -> tuple[Any, ...]:
    """What texts that are to share a packed batch must have in common, such as their role's prompt."""
    tokens = _of_tokens(features)
    return tokens, *sorted((name, repr(value)) for name, value in features.items() if name not in (*tokens, *LAYOUT))


def _of_tokens(features: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of features with a value for each token: (1, t, ...)."""
    first = features["input_ids"].shape[:2]
    return tuple(
        name
        for name, value in features.items()
        if name not in LAYOUT and isinstance(value, Tensor) and value.shape[:2] == first
    )
