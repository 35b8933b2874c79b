"""A sample of the texts of each column, for measurements too slow for all: tokens, vocabulary, time."""

import heapq
from collections.abc import Iterable

from embedtune.data.checks import RowBlock
from embedtune.data.rows import Rows
from embedtune.findings import Finding
from embedtune.signals import is_signal

MOST_TEXTS = 10_000
"""Distinct texts per column; of more, those with the smallest ids, which is as good as drawing them."""


class Sample:
    """Keeps some texts of each column, the same ones whatever their order."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[int, str]]] = {}  # column -> heap of (negated id, text)
        self._known: dict[str, set[int]] = {}
        self.rows = 0
        self.negatives = 0

    def feed(self, block: RowBlock) -> None:
        """Consider the next texts."""
        content = block.content
        self.rows += len(content)
        for (name, texts), ids in zip(content.columns.items(), content.column_ids, strict=True):
            self._take(name, zip(ids.tolist(), texts, strict=True))
        if isinstance(content, Rows):
            for ids, negatives in zip(content.negative_ids, content.negatives, strict=True):
                self._take("negative", zip(ids.tolist(), negatives, strict=True))
                self.negatives += len(negatives)

    def _take(self, column: str, pairs: Iterable[tuple[int, str]]) -> None:
        kept, known = self._kept.setdefault(column, []), self._known.setdefault(column, set())
        for identity, text in pairs:
            if is_signal(text) or identity in known or (len(kept) == MOST_TEXTS and -identity < kept[0][0]):
                continue
            known.add(identity)
            if len(kept) < MOST_TEXTS:
                heapq.heappush(kept, (-identity, text))
            else:
                known.discard(-heapq.heapreplace(kept, (-identity, text))[0])

    def findings(self) -> list[Finding]:
        """None: it only remembers."""
        return []

    @property
    def columns(self) -> dict[str, list[str]]:
        """Column -> its texts, by id."""
        return {column: [text for _, text in sorted(kept, reverse=True)] for column, kept in self._kept.items()}

    @property
    def is_whole(self) -> bool:
        """Whether it includes every distinct text."""
        return all(len(kept) < MOST_TEXTS for kept in self._kept.values())
