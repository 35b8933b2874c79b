"""The bridge from sentence-transformers' loss signature to ours: (features, labels) -> EmbeddingBatch -> named terms.

Besides token features, sentence-transformers passes only the `label` column to a loss; here it has the row number and,
for each column, the position of its text among those of the micro-batches.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from embedtune.distributed import ranks
from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.frozen_side import FrozenDocuments
from embedtune.training.batch.micro_batches import LENGTHS
from embedtune.training.batch.row_table import RowTable
from embedtune.training.companions import Companion
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.columns import encode_columns, gathered, row_numbers
from embedtune.training.step.nonfinite import LastRows
from embedtune.training.step.objective import Objective
from embedtune.training.step.second_pass import SecondPass


class ObjectiveAdapter(nn.Module):
    """A sentence-transformers loss that computes our objective.

    Args:
        model: the student; a submodule under this name, so that the trainer may replace it by its wrapped form.
        objective: the weighted sum of losses.
        table: ids, labels and scores of each row.
        guide: the guide's vectors, or None if no loss uses them.
        companions: add fields to each batch.
        further_views: how many columns at the end are views other than anchor and positive.
        kept: tokens whose activations are kept; None: all.
        frozen: the vectors of the documents, where these are not encoded.
        second: encodes texts again whose gradients count, where others are left out; nothing is kept then.

    Attributes:
        lengths: tokens of each text of the last batch, (U,); empty if they were not counted.
        loss: of the last batch, of shape (); None before the first.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        table: RowTable,
        guide: GuideTable | None,
        companions: Sequence[Companion] = (),
        further_views: int = 0,
        kept: int | None = None,
        frozen: FrozenDocuments | None = None,
        second: SecondPass | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.table = table
        self.guide = guide
        self.companions = tuple(companions)
        self.further_views = further_views
        self.kept = kept
        self.frozen = frozen
        self.second = second
        self.lengths = np.zeros(0, dtype=np.int64)  # (U,)
        self.last_rows = LastRows(table)
        self.step = 0
        self.loss: Tensor | None = None

    def forward(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> dict[str, Tensor]:
        """Weighted loss terms by name, each of shape ().

        Args:
            features: token features by column, or by micro-batch.
            labels: (B,) row numbers, or (B, 1+C) row numbers and positions (`MicroBatchCollator`).

        Raises:
            StoppedError: the loss is NaN or infinite; gives the step and the rows.
        """
        counted = [one.pop(LENGTHS) for one in features if LENGTHS in one]
        self.lengths = np.concatenate(counted) if counted else self.lengths[:0]  # (U,)
        # Everything else about a row can be looked up by each process.
        # Before the encoder: the CPU, which looks rows up, would otherwise wait here until the device has encoded.
        own = row_numbers(labels).cpu()
        rows, vectors = gathered(own, self._columns(features, labels))
        device = vectors[0].device
        if self.frozen is not None:
            vectors = [*vectors, *self.frozen.columns(rows, device)]
        self.last_rows.watch(rows, vectors)
        guide = self.guide.batch(rows, device) if self.guide is not None else None
        batch = self._batch(rows, vectors, guide)
        for companion in self.companions:
            companion.read(features, labels)
            batch = companion.complete(batch, rows)
        # The encoder may run in bf16; a softmax over thousands of candidates may not.
        with torch.autocast(device_type=device.type, enabled=False):
            terms = self.objective(batch)
        self.last_rows.refuse_losses(terms, vectors, self.step)
        self.loss = torch.stack([term.detach() for term in terms.values()]).sum()
        if torch.is_grad_enabled():
            for companion in self.companions:
                companion.step(batch, rows)
            self.objective.step()
        return terms

    def gauges(self) -> dict[str, float]:
        """What the losses and the companions measured on the last batch, and what its backward pass left out."""
        found = self.objective.gauges()
        for companion in self.companions:
            found |= companion.gauges()
        return found | (self.second.gauges() if self.second is not None else {})

    def _columns(self, features: Sequence[dict[str, Tensor]], labels: Tensor) -> list[Tensor]:
        """The vectors by column, each (B, D)."""
        if self.second is None or labels.dim() == 1:
            return encode_columns(self.model, features, labels, self.kept)
        return self.second.columns(self.model, features, labels[:, 1:])

    def _batch(self, rows: Tensor, vectors: Sequence[Tensor], guide: EmbeddingBatch | None) -> EmbeddingBatch:
        paired, views = vectors[: len(vectors) - self.further_views], vectors[len(vectors) - self.further_views :]
        batch = self.table.batch(rows, paired, step=self.step, guide=guide)
        return replace(batch, gathered=ranks() > 1, views=torch.stack(list(views)) if views else None)  # (V, B, D)
