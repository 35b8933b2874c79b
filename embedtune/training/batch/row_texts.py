"""The texts of training rows as an encoder reads them: read once, or, where views change them, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.encoder import Role
from embedtune.progress import Progress
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.views import EpochViews

Columns = tuple[TokenizedTexts, np.ndarray]
"""Texts of one role, and which of them stand in which row of a batch: (B, c) numbers."""


class RowTexts:
    """The distinct texts of rows in each role, and where they stand.

    Args:
        rows: R training rows.
        negatives: how many negatives of each row are used.
        curriculum: which of these take part in an epoch; None: all.
    """

    def __init__(self, rows: Rows, negatives: int, curriculum: Curriculum | None = None) -> None:
        self._curriculum = curriculum
        # What is missing is masked, so any text will do for it that is encoded anyway.
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
        """The anchors of these rows (B,) among the queries, positives and negatives among the documents.

        Returns: (B, 1) and (B, 1+N).
        """
        documents = self._documents[rows]  # (B, 1+M)
        if self._curriculum is not None:
            places = torch.nn.functional.pad(1 + self._curriculum.places[rows], (1, 0))  # (B, 1+N)
            documents = documents.gather(1, places)  # (B, 1+N)
        return self._queries[rows], documents


class BatchTexts(Protocol):
    """Knows what stands in the columns of any rows."""

    @property
    def reader(self) -> Tokenizer:
        """Of the encoder that is trained."""

    def begin(self, epoch: int) -> None:
        """Told of each epoch that begins, after the curriculum and before data workers are forked."""

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        """The columns of these rows, those that speak as queries first."""


@dataclass(frozen=True)
class KnownTexts:
    """Texts that stay what they are: each is read once, before the first step."""

    reader: Tokenizer
    texts: RowTexts
    queries: TokenizedTexts
    documents: TokenizedTexts

    @property
    def known(self) -> dict[Role, TokenizedTexts]:
        """What was read, by role."""
        return {"query": self.queries, "document": self.documents}

    def begin(self, epoch: int) -> None:
        """Nothing: what the curriculum chooses is looked up."""

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        queries, documents = self.texts.of(torch.tensor(rows))
        yield self.queries, queries.numpy()
        yield self.documents, documents.numpy()


@dataclass(frozen=True)
class ViewedTexts:
    """Texts made anew in each epoch. No two are taken for the same: dropout alone may be what makes views differ."""

    reader: Tokenizer
    views: EpochViews

    def begin(self, epoch: int) -> None:
        """Make the views of this epoch from now on."""
        self.views.begin(epoch)

    def of(self, rows: Sequence[int]) -> Iterator[Columns]:
        made = [self.views.of(row) for row in rows]
        yield self._read([own[:1] for own in made], "query")
        yield self._read([own[1:] for own in made], "document")

    def _read(self, columns: Sequence[Sequence[str]], role: Role) -> Columns:
        texts = [text for own in columns for text in own]
        return self.reader.tokenize(texts, role), np.arange(len(texts)).reshape(len(columns), -1)  # (B, c)


def read_texts(reader: Tokenizer, texts: RowTexts, progress: Progress | None = None) -> KnownTexts:
    """Read every text of the rows.

    Args:
        reader: of the encoder that is trained.
        texts: of the rows.
        progress: called with (texts done, texts).
    """

    def told(before: int) -> Progress | None:
        return None if progress is None else lambda done, *_: progress(before + done, len(texts))

    queries = reader.tokenize(texts.queries, "query", told(0))
    return KnownTexts(reader, texts, queries, reader.tokenize(texts.documents, "document", told(len(texts.queries))))


def _distinct(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """Distinct texts in order of first appearance, and the position of each text among them."""
    positions: dict[str, int] = {}
    index = [positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), torch.tensor(index, dtype=torch.long)
