"""Batches from tokenized texts: each distinct text once, in micro-batches of texts of similar length.

Cut by tokens and not by rows, and before there are features: those of a static encoder, or of one that skips padding,
are flat, so rows cannot be sliced out of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from datasets import Dataset

from embedtune.models.encode.compute import by_tokens
from embedtune.training.batch.row_texts import BatchTexts, Columns
from embedtune.training.step.held import Held

CPU_TOKENS, TOKENS = 4096, 16_384
"""The most tokens of a micro-batch, on a CPU and elsewhere: the activations of more leave a processor's caches, and the
more texts are padded to their longest, the more is padding. Not for static encoders, which compute next to nothing."""
LENGTHS = "lengths"
"""Key of the texts' lengths, which each micro-batch has in addition to its features."""


def row_numbers(rows: int) -> Dataset:
    """The data set of the trainer: the numbers of the rows."""
    return Dataset.from_dict({"label": range(rows)})


@dataclass(frozen=True)
class MicroBatchCollator:
    """Row numbers -> features of micro-batches, `micro0_*`, `micro1_*` and so on.

    A text that appears several times in a batch in the same role is encoded once. `label` is (B, 1+C): the row number,
    then for each column the position of its text among all texts of the micro-batches.
    """

    texts: BatchTexts
    held: Held
    valid_label_columns: ClassVar[Sequence[str]] = ("label",)  # the trainer reads this from its collator

    def __call__(self, features: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        rows = [row["label"] for row in features]
        roles = [_Distinct.of(columns) for columns in self.texts.of(rows)]
        most = self._most(roles)
        places: list[np.ndarray] = [np.array(rows)[:, None]]
        batch: dict[str, Any] = {}
        number = before = 0
        for role in roles:
            order = list(by_tokens(self.texts.reader, role.lengths, most))
            for micro_batch in order:
                made = role.features(micro_batch) | {LENGTHS: role.lengths[micro_batch]}
                batch |= {f"micro{number}_{key}": value for key, value in made.items()}
                number += 1
            places.append(before + role.places(order))
            before += len(role.lengths)
        return {"label": torch.from_numpy(np.concatenate(places, axis=1)), **batch}

    def _most(self, roles: Sequence["_Distinct"]) -> int:
        """Tokens of a micro-batch of this batch."""
        reader = self.texts.reader
        most = self.held.most(sum(int(role.lengths.sum()) for role in roles))
        if reader.way == "flat":
            return most
        return min(most, CPU_TOKENS if reader.encoder.model.device.type == "cpu" else TOKENS)

    def tokens(self, rows: Sequence[int]) -> tuple[int, int]:
        """Tokens of a batch of these rows, and tokens with padding if each column were padded by itself."""
        found = list(self.texts.of(rows))
        lengths = [readings.lengths[numbers] for readings, numbers in found]  # of (B, c)
        own = sum(int(_Distinct.of(columns).lengths.sum()) for columns in found)
        return own, sum(int(len(each) * each.max(axis=0).sum()) for each in lengths)


@dataclass(frozen=True)
class _Distinct:
    """The distinct texts of one role in a batch.

    Args:
        columns: the texts, and which of them are in which row and column.
        numbers: (U,) of the distinct ones.
        at: (B, c) which of these is in which row and column.
    """

    columns: Columns
    numbers: np.ndarray
    at: np.ndarray

    @staticmethod
    def of(columns: Columns) -> "_Distinct":
        numbers, at = np.unique(columns[1], return_inverse=True)  # (U,)
        return _Distinct(columns, numbers, at.reshape(columns[1].shape))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each distinct text: (U,)."""
        return self.columns[0].lengths[self.numbers]

    def features(self, chosen: np.ndarray) -> dict[str, Any]:
        """The features of a micro-batch of the chosen texts."""
        return dict(self.columns[0].features(self.numbers[chosen].tolist()))

    def places(self, order: Sequence[np.ndarray]) -> np.ndarray:
        """The position of each text if they are encoded in this order: (B, c)."""
        place = np.empty(len(self.numbers), dtype=np.int64)  # (U,)
        place[np.concatenate(order)] = np.arange(len(place))
        return place[self.at]
