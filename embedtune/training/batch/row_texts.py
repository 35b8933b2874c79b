"""The texts of training rows, tokenized once or, where views change them, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows
from embedtune.data.views import Views
from embedtune.models.encode.begun import Begun
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.encoder import Role
from embedtune.progress import Progress
from embedtune.training.batch.curriculum import Curriculum

Columns = tuple[TokenizedTexts, np.ndarray]
"""Texts of one role, and which of them are in which row of a batch: (B, c) numbers."""


class RowTexts:
    """The distinct texts of rows in each role, and which row has which.

    Args:
        rows: R training rows.
        negatives: how many negatives of each row are used.
        curriculum: which of these are used in an epoch; None: all.
    """

    def __init__(self, rows: Rows, negatives: int, curriculum: Curriculum | None = None) -> None:
        self._curriculum = curriculum
        # A missing negative is masked, so any text that is encoded anyway can stand in for it.
        pairs = zip(rows.positives, rows.negatives, strict=True) if negatives else ()
        flat = [text for positive, own in pairs for text in [*own, *[positive] * negatives][:negatives]]
        self.queries, anchors = _distinct(rows.anchors)
        self.documents, documents = _distinct([*rows.positives, *flat])
        positives, others = documents[: len(rows)], documents[len(rows) :]
        self._queries = anchors[:, None]  # (R, 1)
        self._documents = torch.cat([positives[:, None], others.reshape(len(rows), negatives)], dim=1)  # (R, 1+M)

    def __len__(self) -> int:
        return len(self.queries) + len(self.documents)

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of these rows' (B,) anchors among the queries, of positives and negatives among the documents.

        Returns: (B, 1) and (B, 1+N).
        """
        documents = self._documents[rows]  # (B, 1+M)
        if self._curriculum is not None:
            places = torch.nn.functional.pad(1 + self._curriculum.places[rows], (1, 0))  # (B, 1+N)
            documents = documents.gather(1, places)  # (B, 1+N)
        return self._queries[rows], documents


@dataclass(frozen=True)
class KnownTexts:
    """Texts that do not change: each is tokenized once, before the first step."""

    reader: Tokenizer
    texts: RowTexts
    queries: TokenizedTexts
    documents: TokenizedTexts

    @property
    def known(self) -> dict[Role, TokenizedTexts]:
        """The tokenized texts, by role."""
        return {"query": self.queries, "document": self.documents}

    def begin(self, epoch: int) -> None:
        """Nothing to do: the choice of the curriculum is looked up."""

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        """Look the columns up."""
        queries, documents = self.texts.of(torch.tensor(rows))
        yield self.queries, queries.numpy()
        yield self.documents, documents.numpy()


@dataclass
class ViewedTexts:
    """Texts that are changed in each epoch, on demand, and not kept. None are merged as equal: views may differ by
    dropout alone."""

    reader: Tokenizer
    rows: Rows
    views: Views
    epoch: int = 0

    def begin(self, epoch: int) -> None:
        """Make the views of this epoch from now on; called before data workers are forked."""
        self.epoch = epoch

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        """Make the views of these rows and tokenize them."""
        made = [self.views_of(row) for row in rows]
        yield self._read([own[:1] for own in made], "query")
        yield self._read([own[1:] for own in made], "document")

    def views_of(self, row: int) -> list[str]:
        """The texts of a row in this epoch: anchor, positive, then the further views."""
        return self.views.of(self.rows.anchors[row], self.rows.positives[row], row=row, epoch=self.epoch)

    def _read(self, columns: Sequence[Sequence[str]], role: Role) -> Columns:
        texts = [text for own in columns for text in own]
        return self.reader.tokenize(texts, role), np.arange(len(texts)).reshape(len(columns), -1)  # (B, c)


@dataclass(frozen=True)
class QueryTexts:
    """The queries of rows, tokenized once; documents are not encoded."""

    reader: Tokenizer
    texts: RowTexts
    queries: TokenizedTexts

    @property
    def known(self) -> dict[Role, TokenizedTexts]:
        """The tokenized texts, by role."""
        return {"query": self.queries}

    def begin(self, epoch: int) -> None:
        """Nothing to do: the choice of the curriculum is looked up."""

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        """The one column that learns."""
        queries, _ = self.texts.of(torch.tensor(rows))
        yield self.queries, queries.numpy()


BatchTexts = KnownTexts | ViewedTexts | QueryTexts
"""Knows the texts in the columns of any rows, those in the role of queries first."""


def read_texts(reader: Tokenizer, texts: RowTexts, progress: Progress | None = None) -> KnownTexts:
    """Tokenize every text of the rows; `progress` receives the texts done and their total."""

    def after(before: int) -> Progress | None:
        return None if progress is None else lambda done, *_: progress(before + done, len(texts))

    queries = reader.tokenize(texts.queries, "query", after(0))
    return KnownTexts(reader, texts, queries, reader.tokenize(texts.documents, "document", after(len(texts.queries))))


def is_begun(texts: BatchTexts) -> bool:
    """Whether the first layers are done for all texts, so that no step computes them."""
    return isinstance(texts, KnownTexts) and all(isinstance(one, Begun) for one in texts.known.values())


def _distinct(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """Distinct texts in order of first appearance, and the position of each text among them."""
    positions: dict[str, int] = {}
    index = [positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), torch.tensor(index, dtype=torch.long)
