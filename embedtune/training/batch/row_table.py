"""What is known about each training row, looked up by row number.

Texts that differ only in case, width, spacing or outer punctuation have one id here, so that none of them is a negative
where another is a positive.

sentence-transformers' collator passes on one integer per row; everything else that a loss may need (text ids, labels,
teacher scores, known positives) is looked up here, so nothing is tokenized twice and no string reaches the training
step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows
from embedtune.data.splits.closure import closure_of
from embedtune.data.texts.same_texts import same_in
from embedtune.losses import EmbeddingBatch
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.known import ClosurePositives, DirectPositives
from embedtune.training.batch.row_texts import RowTexts


@dataclass(frozen=True)
class RowTable:
    """Columns by row number, as tensors. R rows, M negatives per row, of which N take part in an epoch.

    Args:
        rows: the training rows themselves.
        anchor_ids: (R,) int64.
        positive_ids: (R,) int64.
        negative_ids: (R, M) int64, 0 where a row has no more.
        labels: (R,) int64 or None.
        teacher_scores: (R, 1+M) or None.
        known: the known positives of each anchor.
        curriculum: which of the negatives take part.
        places: "file:line" by row, where they are known.
        weights: (R,) weight of each row, or None.
        grades: (R,) how similar people found each pair, NaN where nobody said, or None.
        sources: (R,) int64, the data set of each row, or None.
    """

    rows: Rows
    anchor_ids: Tensor
    positive_ids: Tensor
    negative_ids: Tensor
    labels: Tensor | None
    teacher_scores: Tensor | None
    known: DirectPositives | ClosurePositives
    curriculum: Curriculum
    places: Sequence[str] = ()
    weights: Tensor | None = None
    grades: Tensor | None = None
    sources: Tensor | None = None

    @cached_property
    def texts(self) -> RowTexts:
        """The distinct texts of the rows, numbered once for the tokenizer, the guide and the reference alike."""
        return RowTexts(self.rows, self.curriculum.stored, self.curriculum)

    def begin(self, epoch: int) -> list[tuple[int, ...]]:
        """Choose the negatives of this epoch; return the ids of each row's texts."""
        self.curriculum.begin(epoch)
        mask, ids = self._negatives(torch.arange(len(self.anchor_ids)))
        columns = zip(self.anchor_ids.tolist(), self.positive_ids.tolist(), ids.tolist(), mask.tolist(), strict=True)
        return [
            (anchor, positive, *(one for one, real in zip(own, has, strict=True) if real))
            for anchor, positive, own, has in columns
        ]

    def named(self, row: int) -> str:
        """A row for a message: its number, its place, and the ids of its texts."""
        place = f"{self.places[row]}, " if self.places else ""
        return f"{row} ({place}text ids {int(self.anchor_ids[row])} and {int(self.positive_ids[row])})"

    def _negatives(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Which of the chosen negatives of these rows are real, and their ids: bool (B, N), (B, N)."""
        places = self.curriculum.places[rows]  # (B, N)
        ids = self.negative_ids[rows].gather(1, places.clamp(min=0))  # (B, N)
        return places >= 0, ids.where(places >= 0, 0)

    def _teacher(self, rows: Tensor) -> Tensor | None:
        """Scores of the positive and of the chosen negatives, NaN where there is none: (B, 1+N)."""
        if self.teacher_scores is None:
            return None
        places = torch.nn.functional.pad(1 + self.curriculum.places[rows], (1, 0))  # (B, 1+N)
        scores = self.teacher_scores[rows].gather(1, places)  # (B, 1+N)
        scores[:, 1:][places[:, 1:] == 0] = torch.nan
        return scores

    def batch(
        self, rows: Tensor, vectors: Sequence[Tensor], *, step: int, guide: EmbeddingBatch | None
    ) -> EmbeddingBatch:
        """The batch of these rows.

        Args:
            rows: (B,) row numbers.
            vectors: the student's vectors by column: anchors, positives, then one tensor per negative, each (B, D).
            step: the global step.
            guide: the same rows as the guide sees them, or None.
        """
        device = vectors[0].device
        rows = rows.cpu()
        has_negatives = len(vectors) > 2
        mask, negative_ids = self._negatives(rows)
        teacher = self._teacher(rows)
        known = self.known_among(rows, torch.cat([self.anchor_ids[rows], self.positive_ids[rows], negative_ids[mask]]))

        def at(column: Tensor | None) -> Tensor | None:
            return None if column is None else column[rows].to(device, non_blocking=True)

        return EmbeddingBatch(
            anchors=vectors[0],
            positives=vectors[1],
            negatives=torch.stack(list(vectors[2:]), dim=1) if has_negatives else None,  # (B, N, D)
            # Ids and mask are looked up, not computed with, so they stay on the CPU.
            negatives_mask=mask if has_negatives else None,
            anchor_ids=self.anchor_ids[rows],
            positive_ids=self.positive_ids[rows],
            negative_ids=negative_ids if has_negatives else None,
            labels=at(self.labels),
            teacher_scores=None if teacher is None else teacher.to(device, non_blocking=True),
            weights=at(self.weights),
            grades=at(self.grades),
            sources=at(self.sources),
            known_positive_ids=known,
            step=step,
            guide=guide,
        )

    def known_among(self, rows: Tensor, candidate_ids: Tensor) -> Tensor:
        """(P, 2) pairs (position in `rows`, id): candidates (C,) known to be positives of these rows (B,)."""
        position, ids = self.known.pairs(self.anchor_ids[rows], candidate_ids)
        others = (ids != self.positive_ids[rows][position]) & (ids != self.anchor_ids[rows][position])
        return torch.stack([position[others], ids[others]], dim=1)


def build_table(
    rows: Rows,
    known_positives: np.ndarray,
    *,
    closure: bool = False,
    curriculum: Curriculum | None = None,
) -> RowTable:
    """The table of these rows.

    Args:
        rows: the training rows.
        known_positives: (P, 2) int64 pairs (anchor text id, positive text id).
        closure: texts connected by chains of these pairs are known positives of each other.
        curriculum: which negatives take part in which epoch; None: all in each.
    """
    curriculum = curriculum or Curriculum(rows)
    same = same_in(rows, negatives=bool(curriculum.stored))
    negative_ids = same.of(_padded(rows, curriculum.stored))  # (R, M)
    known_positives = same.of(known_positives)  # (P, 2)
    labels = None
    if rows.labels is not None:
        labels = torch.from_numpy(
            np.unique(np.asarray(rows.labels, dtype=str), return_inverse=True)[1].astype(np.int64)
        )
    scores = None
    if rows.teacher_scores is not None:
        width = 1 + negative_ids.shape[1]
        scores = torch.tensor([(list(row) + [float("nan")] * width)[:width] for row in rows.teacher_scores])
    return RowTable(
        rows=rows,
        anchor_ids=torch.from_numpy(same.of(rows.anchor_ids)),
        positive_ids=torch.from_numpy(same.of(rows.positive_ids)),
        negative_ids=torch.from_numpy(negative_ids),
        labels=labels,
        teacher_scores=scores,
        known=ClosurePositives(closure_of(known_positives)) if closure else DirectPositives(known_positives),
        curriculum=curriculum,
        places=rows.places,
        weights=None if rows.weights is None else torch.tensor(rows.weights, dtype=torch.float32),
        grades=None if rows.grades is None else torch.tensor(rows.grades, dtype=torch.float32),
        sources=None if rows.sources is None else torch.tensor(rows.sources, dtype=torch.int64),
    )


def _padded(rows: Rows, width: int) -> np.ndarray:
    ids = np.zeros((len(rows), width), dtype=np.int64)  # (R, M)
    for row, own in enumerate(rows.negative_ids if width else ()):
        ids[row, : len(own[:width])] = own[:width]
    return ids
