"""What data may be: rows, labelled texts, scored pairs, texts, judged sets. Readers make them; nothing changes them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np

from embedtune.identity import text_ids

Qrels = Mapping[str, Mapping[str, int]]


def titled(title: object, text: str) -> str:
    """A document as one text: its title, a space, its text.

    >>> titled("", "Body"), titled("Head", "Body")
    ('Body', 'Head Body')
    """
    return f"{title} {text}".strip() if isinstance(title, str) and title.strip() else text


@dataclass(frozen=True)
class Columnar(ABC):
    """Data column by column; the position is the row number. Texts are as the user wrote them."""

    @property
    @abstractmethod
    def columns(self) -> dict[str, Sequence[str]]:
        """Role -> texts, one per row; negatives are not columns."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @cached_property
    def column_ids(self) -> list[np.ndarray]:
        """Text ids of each column: int64 (rows,)."""
        return [text_ids(texts) for texts in self.columns.values()]

    def take(self, indices: Sequence[int]) -> Self:
        """The rows with these numbers, in this order."""
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{name: [column[i] for i in indices] for name, column in columns.items() if column})


@dataclass(frozen=True)
class Rows(Columnar):
    """Training rows.

    Args:
        anchors: one text per row.
        positives: one text per row.
        negatives: zero or more texts per row; their number may vary.
        labels: a class per row, when the data has them.
        teacher_scores: scores of [positive, negatives...] per row, when the data has them.
        groups: the value of the user's group column per row.
        places: "file:line" per row, for messages.
        weights: the weight of each row in a mean, when the data has them.
        teachers: who gave the teacher scores of each row, when mining says so; "" for the miner itself.
        grades: how similar people found each pair, as a share of the highest score, where rows are scored pairs; NaN
            for a row that is not. A pair with a low grade is no positive.
        sources: the number of the data set that each row is from, where there are several.
        prompts: what is put before the row's anchor, and before its positive and negatives, instead of the encoder's
            own prompts; None for these. Prompts are no part of a text's identity.
    """

    anchors: Sequence[str]
    positives: Sequence[str]
    negatives: Sequence[Sequence[str]] = ()
    labels: Sequence[str] | None = None
    teacher_scores: Sequence[Sequence[float]] | None = None
    groups: Sequence[str] | None = None
    places: Sequence[str] = ()
    weights: Sequence[float] | None = None
    teachers: Sequence[str] | None = None
    grades: Sequence[float] | None = None
    sources: Sequence[int] | None = None
    prompts: Sequence[tuple[str | None, str | None]] | None = None

    @property
    def has_negatives(self) -> bool:
        """Whether any row has a negative."""
        return any(self.negatives)

    @property
    def columns(self) -> dict[str, Sequence[str]]:
        """Role -> texts, one per row; negatives are not columns."""
        return {"anchor": self.anchors, "positive": self.positives}

    @property
    def column_ids(self) -> list[np.ndarray]:
        """Text ids of each column: int64 (rows,)."""
        return [self.anchor_ids, self.positive_ids]

    @cached_property
    def anchor_ids(self) -> np.ndarray:
        """int64 (rows,)."""
        return text_ids(self.anchors)

    @cached_property
    def positive_ids(self) -> np.ndarray:
        """int64 (rows,)."""
        return text_ids(self.positives)

    @cached_property
    def negative_ids(self) -> list[np.ndarray]:
        """One int64 array per row, one id per negative."""
        return [text_ids(texts) for texts in self.negatives]

    def take(self, indices: Sequence[int]) -> Self:
        """The rows with these numbers, in this order."""
        taken = super().take(indices)
        # Ids cost more than anything else here, so those already computed are kept.
        for name in ("anchor_ids", "positive_ids"):
            if name in self.__dict__:
                taken.__dict__[name] = self.__dict__[name][np.asarray(indices, dtype=np.intp)]
        if "negative_ids" in self.__dict__ and taken.negatives:
            taken.__dict__["negative_ids"] = [self.negative_ids[i] for i in indices]
        return taken


@dataclass(frozen=True)
class LabelledTexts(Columnar):
    """Texts with a class each, before they are paired.

    Args:
        texts: one text per row.
        labels: its class.
        groups: the value of the user's group column per row.
        places: "file:line" per row, for messages.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    groups: Sequence[str] | None = None
    places: Sequence[str] = ()

    @property
    def columns(self) -> dict[str, Sequence[str]]:
        """Role -> texts, one per row."""
        return {"text": self.texts}

    @property
    def ids(self) -> np.ndarray:
        """int64 (rows,)."""
        return self.column_ids[0]


@dataclass(frozen=True)
class ScoredPairs(Columnar):
    """Pairs with human similarity scores on any scale; higher is more similar.

    Args:
        first: one sentence per row.
        second: one sentence per row.
        scores: one per row.
        places: "file:line" per row, for messages.
    """

    first: Sequence[str]
    second: Sequence[str]
    scores: Sequence[float]
    places: Sequence[str] = ()

    @property
    def columns(self) -> dict[str, Sequence[str]]:
        """Role -> texts, one per row."""
        return {"sentence1": self.first, "sentence2": self.second}


@dataclass(frozen=True)
class RawTexts(Columnar):
    """Texts without pairs, classes or scores.

    Args:
        texts: in the order of their source.
        places: "file:line" per text, for messages.
        titles: the title of each, "" for none; empty when no text has one.
        documents: the number of each text's document; neighbours in one document follow each other.
    """

    texts: Sequence[str]
    places: Sequence[str] = ()
    titles: Sequence[str] = ()
    documents: Sequence[int] = ()

    @property
    def columns(self) -> dict[str, Sequence[str]]:
        """Role -> texts, one per row."""
        return {"text": self.texts}


def relevant_pairs(qrels: Qrels) -> list[tuple[str, str]]:
    """Each query with each document that is relevant to it (grade above 0), in the order of the judgments."""
    return [(query, document) for query, grades in qrels.items() for document, grade in grades.items() if grade > 0]


@dataclass(frozen=True)
class Grouping:
    """Which queries are not independent of one another: those that share a value of a column.

    Args:
        column: the user's name for it, such as "recording".
        of: query id -> value.
    """

    column: str
    of: Mapping[str, str]


@dataclass(frozen=True)
class RetrievalSet:
    """Queries judged against a corpus. `qrels` maps query id -> document id -> grade (above 0 is relevant).

    `groups` says which queries count as one in tests and intervals; None: each counts by itself. `labels` is the class
    of each query and document by id, where they are labelled texts and the judgments follow from that.
    """

    name: str
    queries: Mapping[str, str]
    corpus: Mapping[str, str]
    qrels: Qrels
    groups: Grouping | None = None
    labels: Mapping[str, str] | None = None

    def __len__(self) -> int:
        return len(self.queries)


SameContent = TypeVar("SameContent", Rows | LabelledTexts | RawTexts, ScoredPairs)
_MISSING = {"negatives": (), "titles": ""}


def one_after_another(contents: Sequence[SameContent]) -> SameContent:
    """Contents of one kind as one; a column that one of them does not have is filled with empty values or left out."""
    columns: dict[str, Any] = {}
    for name in (one.name for one in fields(contents[0])):
        values = [getattr(content, name) for content in contents]
        if name in _MISSING and any(values):
            values = [value or [_MISSING[name]] * len(content) for value, content in zip(values, contents, strict=True)]
        columns[name] = None if any(value is None for value in values) else [v for value in values for v in value]
    return type(contents[0])(**columns)
