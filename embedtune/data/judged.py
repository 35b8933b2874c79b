"""Judged queries made from rows: what a set without a corpus of its own is evaluated on."""

from collections.abc import Iterable, Mapping

import numpy as np

from embedtune.data.rows import Finding, RetrievalSet, Rows
from embedtune.identity import text_id

FEW_QUERIES = 50


def key_of(identity: int) -> str:
    """A text id as a document or query id: 16 hexadecimal digits.

    >>> key_of(-1)
    'ffffffffffffffff'
    """
    return f"{identity & 0xFFFFFFFFFFFFFFFF:016x}"


def documents_of(*sources: Rows) -> dict[str, str]:
    """Every positive and given negative, once each, by the key of its text id."""
    documents: dict[str, str] = {}
    for rows in sources:
        for identity, text in zip(rows.positive_ids, rows.positives, strict=True):
            documents.setdefault(key_of(int(identity)), text)
        for identities, texts in zip(rows.negative_ids, rows.negatives, strict=True):
            for identity, text in zip(identities, texts, strict=True):
                documents.setdefault(key_of(int(identity)), text)
    return documents


def judged_from_rows(
    name: str, rows: Rows, documents: Mapping[str, str], keys: Mapping[int, Iterable[str]] | None = None
) -> tuple[RetrievalSet, list[Finding]]:
    """The distinct anchors as queries, all their positives relevant (grade 1).

    A query that is a document too would find itself first and tell nothing: it is left out while enough others remain.

    Args:
        name: what to call the set.
        rows: the held-out rows.
        documents: document id -> text.
        keys: text id -> ids of the documents with that text; None when documents came from `documents_of`.
    """
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for row, (anchor, positive) in enumerate(zip(rows.anchor_ids, rows.positive_ids, strict=True)):
        query = key_of(int(anchor))
        queries.setdefault(query, rows.anchors[row])
        relevant = [key_of(int(positive))] if keys is None else keys[int(positive)]
        qrels.setdefault(query, {}).update(dict.fromkeys(relevant, 1))
    found = {query for query in queries if (query in documents if keys is None else int_of(query) in keys)}
    if found and len(queries) - len(found) >= FEW_QUERIES:
        queries = {query: text for query, text in queries.items() if query not in found}
        qrels = {query: qrels[query] for query in queries}
    return RetrievalSet(name, queries, documents, qrels), _self_finding(
        name, len(found), len(queries), found - set(queries)
    )


def int_of(key: str) -> int:
    """The text id behind a key.

    >>> int_of(key_of(-5))
    -5
    """
    value = int(key, 16)
    return value - (1 << 64) if value >> 63 else value


def _self_finding(name: str, found: int, queries: int, left_out: Iterable[str]) -> list[Finding]:
    if not found:
        return []
    done = "and are left out" if left_out else "and are kept, since too few would remain; each finds itself first"
    message = f"{found:,} queries of {name} stand in its corpus as documents {done}; {queries:,} queries ask."
    return [Finding("queries-are-documents", "note", found, message)]


def part_of(judged: RetrievalSet, anchor_ids: np.ndarray, name: str) -> RetrievalSet:
    """The queries of a judged set whose texts have these ids."""
    wanted = set(anchor_ids.tolist())
    queries = {query: text for query, text in judged.queries.items() if text_id(text) in wanted}
    return RetrievalSet(name, queries, judged.corpus, {query: judged.qrels[query] for query in queries})
