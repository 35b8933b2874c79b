"""The parts of embedtune's training step; each can be switched off alone to see what it contributes.

What a user cannot switch off is patched here and nowhere else. The replacement does the same work in a plain way, so
the result does not change.
"""

# ruff: noqa: PLC0415  (run-time settings come before torch loads, so nothing here imports it at the top)

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RUNTIME = "run-time settings"
"""Applied before torch loads, so they are skipped where they would be applied."""


@contextmanager
def without(part: str | None) -> Iterator[None]:
    """Run with this part switched off; None: with all parts."""
    with OFF[part]() if part else nullcontext():
        yield


def padded() -> AbstractContextManager[Any]:
    """One row per text, padded to the longest of its micro-batch."""
    from embedtune.models.speed.packing import eligible

    return patch.object(eligible, "why_not", lambda model: "switched off")


@contextmanager
def guide_in_each_step() -> Iterator[None]:
    """The guide encodes the texts of each batch in the step that needs them."""
    import torch

    from embedtune.losses import EmbeddingBatch
    from embedtune.training.guide.vectors import GuideTable

    def fill(table: Any, encode: Callable[[Sequence[str], str], np.ndarray]) -> None:
        table.encode = encode

    def batch(table: Any, rows: "Tensor", device: "torch.device") -> EmbeddingBatch:
        queries, documents = table._texts.of(rows.cpu())  # (B, 1), (B, 1+N)
        anchors = read(table, table._texts.queries, queries, "query", device)  # (B, 1, G)
        others = read(table, table._texts.documents, documents, "document", device)  # (B, 1+N, G)
        return EmbeddingBatch(anchors=anchors[:, 0], positives=others[:, 0], negatives=others[:, 1:])

    def read(table: Any, texts: Sequence[str], places: "Tensor", role: str, device: "torch.device") -> "Tensor":
        numbers, at = np.unique(places.numpy(), return_inverse=True)  # (U,)
        vectors = torch.from_numpy(table.encode([texts[i] for i in numbers], role)).to(device)  # (U, G)
        return vectors[torch.from_numpy(at.reshape(places.shape))]

    with patch.object(GuideTable, "fill", fill), patch.object(GuideTable, "batch", batch):
        yield


def every_text() -> AbstractContextManager[Any]:
    """Equal texts of a batch are encoded as often as they occur."""
    from embedtune.training.batch import micro_batches

    def of(columns: Any) -> Any:
        numbers = columns[1]  # (B, c)
        return micro_batches._Distinct(columns, numbers.ravel(), np.arange(numbers.size).reshape(numbers.shape))

    return patch.object(micro_batches._Distinct, "of", staticmethod(of))


def tokenised_in_each_step() -> AbstractContextManager[Any]:
    """The texts of each batch are tokenized at its step."""
    import torch

    from embedtune.training.batch.row_texts import KnownTexts

    def of(known: Any, rows: Sequence[int]) -> Iterator[Any]:
        queries, documents = (places.numpy() for places in known.texts.of(torch.tensor(rows)))  # (B, c) each
        own = ((known.texts.queries, queries, "query"), (known.texts.documents, documents, "document"))
        for texts, places, role in own:
            numbers, at = np.unique(places, return_inverse=True)  # (U,)
            yield known.reader.read([texts[i] for i in numbers], role), at.reshape(places.shape)

    return patch.object(KnownTexts, "of", of)


def plain_optimizer() -> AbstractContextManager[Any]:
    """Unfused AdamW, which passes over the weights several times per step."""
    from embedtune.training.run import trainer

    made = trainer.arguments_of

    def arguments(*given: Any) -> Any:
        found = made(*given)
        found.optim = type(found.optim)("adamw_torch")
        return found

    return patch.object(trainer, "arguments_of", arguments)


@contextmanager
def torch_dropout() -> Iterator[None]:
    """torch's dropout, which draws one number at a time."""
    from torch.nn.functional import dropout

    from embedtune.models.speed import dropout as ours
    from embedtune.models.speed.packing import attention

    with plain_attention(), patch.object(attention, "drop", dropout), patch.object(ours, "drop", dropout):
        yield


def plain_attention() -> AbstractContextManager[Any]:
    """Products and a softmax over all scores of equally long texts at once, in float32 between them."""
    from embedtune.models.speed.packing import attention
    from embedtune.models.speed.packing.band import Band

    def plain(query: "Tensor", key: "Tensor", value: "Tensor", scaling: float, dropout: float) -> "Tensor":
        return attention._plain(query, key, value, Band(2**20, 2**20), scaling, dropout, None)

    return patch.object(attention, "attention_in_blocks", plain)


OFF: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "packing": padded,
    "the guide's vectors kept": guide_in_each_step,
    "equal texts encoded once": every_text,
    "token ids kept": tokenised_in_each_step,
    "attention in blocks": plain_attention,
    "cheap dropout": torch_dropout,
    "the fused optimizer": plain_optimizer,
    RUNTIME: nullcontext,
}
PARTS = tuple(OFF)
