"""Views of the training rows: the texts of a batch where these are changed in each epoch."""

from dataclasses import dataclass

from embedtune.data.rows import Rows
from embedtune.data.views import Views


@dataclass
class EpochViews:
    """The views of the rows in the current epoch; made on demand and not kept.

    Args:
        rows: the training rows.
        views: how their texts are changed.
        epoch: the current epoch.
    """

    rows: Rows
    views: Views
    epoch: int = 0

    def begin(self, epoch: int) -> None:
        """Make the views of this epoch from now on."""
        self.epoch = epoch

    def of(self, row: int) -> list[str]:
        """The texts of a row: anchor, positive, then the further views."""
        return self.views.of(self.rows.anchors[row], self.rows.positives[row], row=row, epoch=self.epoch)
