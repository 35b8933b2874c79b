"""Judged queries made from rows, for sets without a corpus of their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedtune.data.rows import Grouping, RetrievalSet, Rows
from embedtune.identity import text_id, text_ids


@dataclass(frozen=True)
class CorpusByText:
    """A corpus, and the documents that have a given text.

    Args:
        corpus: document id -> text.
        keys: text id -> ids of the documents with this text.
    """

    corpus: Mapping[str, str]
    keys: Mapping[int, Sequence[str]]

    def by_identity(self) -> dict[int, str]:
        """Text id -> text."""
        return {identity: self.corpus[keys[0]] for identity, keys in self.keys.items()}


def key_of(identity: int) -> str:
    """A text id as a document or query id: 16 hexadecimal digits.

    >>> key_of(-1)
    'ffffffffffffffff'
    """
    return f"{identity & 0xFFFFFFFFFFFFFFFF:016x}"


def documents_of(*sources: Rows) -> CorpusByText:
    """Every positive and given negative as a document, each text once."""
    texts: dict[int, str] = {}
    for rows in sources:
        for identity, text in zip(rows.positive_ids.tolist(), rows.positives, strict=True):
            texts.setdefault(identity, text)
        for identities, negatives in zip(rows.negative_ids, rows.negatives, strict=True):
            for identity, text in zip(identities.tolist(), negatives, strict=True):
                texts.setdefault(identity, text)
    corpus = {key_of(identity): text for identity, text in texts.items()}
    return CorpusByText(corpus, {identity: [key] for identity, key in zip(texts, corpus, strict=True)})


def documents_in(corpus: Mapping[str, str]) -> CorpusByText:
    """A corpus with the documents of each text."""
    keys: dict[int, list[str]] = {}
    for key, identity in zip(corpus, text_ids(corpus.values()).tolist(), strict=True):
        keys.setdefault(identity, []).append(key)
    return CorpusByText(corpus, keys)


def judged_from_rows(name: str, rows: Rows, documents: CorpusByText, group: str | None = None) -> RetrievalSet:
    """The distinct anchors as queries, all their positives relevant (grade 1); `documents` hold every positive.

    A query may be a document too, where a text appears on both sides of the pairs; evaluation ignores that document for
    that query. `group` is the column that the groups of the rows are from; a query is in that of its first row.
    """
    asked: dict[int, str] = {}
    relevant: dict[int, dict[str, int]] = {}
    for row, (anchor, positive) in enumerate(zip(rows.anchor_ids.tolist(), rows.positive_ids.tolist(), strict=True)):
        asked.setdefault(anchor, rows.anchors[row])
        relevant.setdefault(anchor, {}).update(dict.fromkeys(documents.keys[positive], 1))
    return RetrievalSet(
        name,
        {key_of(anchor): text for anchor, text in asked.items()},
        documents.corpus,
        {key_of(anchor): relevant[anchor] for anchor in asked},
        grouping_of(group, rows.groups, map(key_of, rows.anchor_ids.tolist())),
    )


def grouping_of(column: str | None, values: Sequence[str] | None, keys: Iterable[str]) -> Grouping | None:
    """Rows' groups as those of their queries, by the key of each row's query; None where there are none."""
    if column is None or values is None:
        return None
    of: dict[str, str] = {}
    for key, value in zip(keys, values, strict=True):
        of.setdefault(key, value)
    return Grouping(column, of)


def part_of(judged: RetrievalSet, anchor_ids: np.ndarray, name: str) -> RetrievalSet:
    """The queries of a judged set whose texts have these ids."""
    wanted = set(anchor_ids.tolist())
    queries = {query: text for query, text in judged.queries.items() if text_id(text) in wanted}
    return replace(judged, name=name, queries=queries, qrels={query: judged.qrels[query] for query in queries})
