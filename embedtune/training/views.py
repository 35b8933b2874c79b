"""Views of the training rows: what a batch is made of where texts are changed in each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedtune.data.rows import Rows
from embedtune.data.views import Views


@dataclass
class EpochViews:
    """The views of the rows in the epoch that training has come to; made when asked for, and not kept.

    Args:
        rows: the training rows.
        views: how their texts are changed.
        epoch: which epoch it is.
    """

    rows: Rows
    views: Views
    epoch: int = 0

    def begin(self, epoch: int) -> None:
        """Make the views of this epoch from now on."""
        self.epoch = epoch

    def columns(self, row: int) -> dict[str, str]:
        """The texts of a row by column: anchor, positive, view_1, ..."""
        texts = self.views.of(self.rows.anchors[row], self.rows.positives[row], row=row, epoch=self.epoch)
        names = ["anchor", "positive", *(f"view_{number}" for number in range(1, len(texts) - 1))]
        return dict(zip(names, texts, strict=True))


@dataclass(frozen=True)
class ViewingCollator:
    """A collator that is handed the views of an epoch in place of each row's own texts, further ones last.

    Args:
        inner: the collator of columns.
        views: of the rows.
    """

    inner: Any
    views: EpochViews

    @property
    def valid_label_columns(self) -> list[str]:
        """What the trainer asks its collator for."""
        return list(self.inner.valid_label_columns)

    def __call__(self, features: Sequence[dict[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = self.inner([row | self.views.columns(row["label"]) for row in features])
        return seen
