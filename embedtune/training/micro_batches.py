"""Cuts a batch into micro-batches of nearly equally long texts, by tokens and not by rows, before it is tokenised.

Afterwards it would be too late: the features of a static encoder, or of one that skips padding, are flat, so that rows
cannot be sliced out of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import torch
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from torch import Tensor

from embedtune.models.encoder import Role
from embedtune.training.adapter import role_of

COUNTED_AT_ONCE = 512
"""Texts tokenised together to count their tokens: a whole batch, padded to its longest text, may be gigabytes."""


@dataclass
class MicroBatchCollator(SentenceTransformerDataCollator):
    """A collator whose features are those of micro-batches, `micro0_*`, `micro1_*` and so on, not of columns.

    A text that stands several times in a batch in the same role is encoded once. `label` is (B, 1+C): the row number,
    then for each column the place of its text among all texts of the micro-batches.

    Args:
        role_prompts: text put before each query or document.
        tokens: most tokens of a micro-batch, padding included; a longer text stands alone.
    """

    role_prompts: Mapping[Role, str] = field(default_factory=dict)
    tokens: int = 1

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        columns = [name for name in features[0] if name != "label"]
        micro_batches: list[Mapping[str, Tensor]] = []
        places: dict[tuple[Role, str], int] = {}
        for role in get_args(Role):
            own = [column for column in columns if role_of(column) == role]
            prompt = self.role_prompts.get(role) or None
            for texts in self._cut(dict.fromkeys(row[column] for row in features for column in own), prompt):
                micro_batches.append(self.preprocess_fn(texts, prompt=prompt))
                for text in texts:
                    places[role, text] = len(places)
        labels = [[row["label"], *(places[role_of(column), row[column]] for column in columns)] for row in features]
        named = {f"micro{i}_{key}": value for i, one in enumerate(micro_batches) for key, value in one.items()}
        return {"label": torch.tensor(labels), **named}

    def _cut(self, texts: Iterable[str], prompt: str | None) -> Iterator[list[str]]:
        """The texts in micro-batches, longest first, so that a batch too large for the memory fails at once."""
        counted = sorted(self._counted(list(texts), prompt), key=lambda one: -one[1])
        start = 0
        while start < len(counted):
            longest = max(1, counted[start][1])
            rows = max(1, self.tokens // longest)
            yield [text for text, _ in counted[start : start + rows]]
            start += rows

    def _counted(self, texts: Sequence[str], prompt: str | None) -> Iterator[tuple[str, int]]:
        for start in range(0, len(texts), COUNTED_AT_ONCE):
            part = texts[start : start + COUNTED_AT_ONCE]
            yield from zip(part, token_counts(self.preprocess_fn(part, prompt=prompt)).tolist(), strict=True)


def token_counts(features: Mapping[str, Tensor]) -> Tensor:
    """How many tokens each text has, prompt included: (n,).

    >>> token_counts({"input_ids": torch.arange(5), "offsets": torch.tensor([0, 2, 2])})
    tensor([2, 0, 3])
    """
    tokens = features["input_ids"]
    if "offsets" in features:  # one flat row, as static encoders want it
        return torch.diff(features["offsets"], append=torch.tensor([len(tokens)]))
    if "cu_seq_lens_q" in features:  # one flat row, as attention without padding wants it
        return torch.diff(features["cu_seq_lens_q"])
    return features["attention_mask"].sum(dim=1)
