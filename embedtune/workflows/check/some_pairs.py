"""The first pairs of the data, to ask an encoder what it makes of them before it learns."""

from typing import TYPE_CHECKING

from embedtune.data.checks import RowBlock
from embedtune.data.rows import Rows
from embedtune.findings import Finding
from embedtune.workflows.shared.choosing.teacher import MOST_ROWS, taught_rows

if TYPE_CHECKING:
    from embedtune.models.encoder import Encoder

KEPT = 2000
"""Pairs that are kept; more are so many that the question does not arise."""


class SomePairs:
    """Keeps the first pairs, and counts all of them and those that a teacher has scored."""

    def __init__(self) -> None:
        self.anchors: list[str] = []
        self.positives: list[str] = []
        self.pairs = self.taught = 0

    def feed(self, block: RowBlock) -> None:
        """Look at rows; other content has no pairs."""
        content = block.content
        if not isinstance(content, Rows):
            return
        left = KEPT - len(self.anchors)
        self.anchors += content.anchors[:left]
        self.positives += content.positives[:left]
        self.pairs += len(content)
        self.taught += taught_rows(content)

    def findings(self) -> list[Finding]:
        """None: it only remembers."""
        return []

    def harm(self, encoder: "Encoder", seed: int) -> Finding | None:
        """Whether contrast on these pairs is likely to hurt the encoder; never where a teacher has scored most."""
        from embedtune.workflows.shared.guard.harm import harm_finding

        if self.taught >= MOST_ROWS * max(1, self.pairs):
            return None
        return harm_finding(encoder, self.anchors, self.positives, self.pairs, seed=seed)
