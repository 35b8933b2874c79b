"""The bridge from sentence-transformers' loss signature to ours: (features, labels) -> EmbeddingBatch -> named terms.

The one thing sentence-transformers hands a loss beside token features is the `label` column; here it carries the row
number, and where a batch comes in micro-batches, the place of each text among theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn

from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.losses._sketch import ranks
from embedtune.models.encoder import Role
from embedtune.training.companions import Companion, Reader
from embedtune.training.gather import gather
from embedtune.training.gradcache import encode_cached
from embedtune.training.guide import GuideTable
from embedtune.training.nonfinite import LastRows
from embedtune.training.objective import Objective
from embedtune.training.table import RowTable


def to_dataset(rows: Rows, negatives: int) -> Dataset:
    """The rows as the trainer wants them: text columns in role order and the row number in `label`.

    Rows with fewer negatives than the widest get an empty text there, which `RowTable.negatives_mask` hides from the
    loss.
    """
    columns: dict[str, Any] = {"anchor": list(rows.anchors), "positive": list(rows.positives)}
    for place in range(negatives):
        columns[f"negative_{place + 1}"] = [own[place] if place < len(own) else "" for own in rows.negatives]
    columns["label"] = list(range(len(rows)))
    return Dataset.from_dict(columns)


def role_of(column: str) -> Role:
    """The anchor speaks as a query, everything else as a document."""
    return "query" if column == "anchor" else "document"


def column_prompts(prompts: Mapping[Role, str], negatives: int, further_views: int = 0) -> dict[str, str]:
    """Prompts by column, where the column's role has one."""
    columns = ["anchor", "positive", *(f"negative_{place + 1}" for place in range(negatives))]
    columns += [f"view_{place + 1}" for place in range(further_views)]
    return {column: prompts[role_of(column)] for column in columns if prompts.get(role_of(column))}


class ObjectiveAdapter(nn.Module):
    """A sentence-transformers loss that computes our objective.

    Args:
        model: the student; a submodule under this name, so that the trainer may replace it by its wrapped form.
        objective: the weighted sum of losses.
        table: what is known about each row.
        guide: the guide's vectors, or None when no loss wants any.
        companions: fill further fields of each batch.
        further_views: how many of the last columns are views beside anchor and positive.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        table: RowTable,
        guide: GuideTable | None,
        companions: Sequence[Companion] = (),
        further_views: int = 0,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.table = table
        self.guide = guide
        self.companions = tuple(companions)
        self.further_views = further_views
        self.last_rows = LastRows(table)
        self.step = 0

    def forward(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> dict[str, Tensor]:
        """Weighted loss terms by name, each of shape ().

        Args:
            features: token features by column, or by micro-batch.
            labels: (B,) row numbers, or (B, 1+C) row numbers and places (`MicroBatchCollator`).

        Raises:
            StoppedError: the loss is NaN or infinite; names the step and the rows.
        """
        # What else is known of a row, every process can look up.
        rows, vectors = gathered(row_numbers(labels), encode_columns(self.model, features, labels))
        self.last_rows.watch(rows, vectors)
        device = vectors[0].device
        guide = self.guide.batch(rows, device) if self.guide is not None else None
        batch = self._batch(rows, vectors, guide)
        for companion in self.companions:
            if isinstance(companion, Reader):
                companion.read(features, labels)
            batch = companion.complete(batch, rows)
        # The encoder may run in bf16; a softmax over thousands of candidates may not.
        with torch.autocast(device_type=device.type, enabled=False):
            terms = self.objective(batch)
        self.last_rows.refuse_losses(terms, vectors, self.step)
        if torch.is_grad_enabled():
            for companion in self.companions:
                companion.step(batch, rows)
            self.objective.step()
        return terms

    def gauges(self) -> dict[str, float]:
        """What the losses and the companions counted on the last batch."""
        found = self.objective.gauges()
        for companion in self.companions:
            found |= companion.gauges()
        return found

    def _batch(self, rows: Tensor, vectors: Sequence[Tensor], guide: EmbeddingBatch | None) -> EmbeddingBatch:
        paired, views = vectors[: len(vectors) - self.further_views], vectors[len(vectors) - self.further_views :]
        batch = self.table.batch(rows, paired, step=self.step, guide=guide)
        return replace(batch, gathered=ranks() > 1, views=torch.stack(list(views)) if views else None)  # (V, B, D)


def row_numbers(labels: Tensor) -> Tensor:
    """The row numbers (B,) in what the collator gave as labels."""
    return labels if labels.dim() == 1 else labels[:, 0]


def encode_columns(model: nn.Module, features: Sequence[dict[str, Tensor]], labels: Tensor) -> list[Tensor]:
    """The vectors by column, each (B, D), of features by column or by micro-batch."""
    if labels.dim() == 1:
        return [model(dict(column))["sentence_embedding"] for column in features]
    return encode_cached(model, features, places=labels[:, 1:])


def gathered(rows: Tensor, vectors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Row numbers (B,) and vectors by column, each (B, D), of all processes."""
    if ranks() == 1:
        return rows, vectors
    return gather(rows), list(gather(torch.stack(vectors, dim=1)).unbind(dim=1))
