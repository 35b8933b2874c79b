"""A judged set made small enough to score many times: fewer queries, and their documents among fewer others.

Choosing one of several models needs their order only, which a smaller corpus keeps; verdicts use the whole set.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from embedtune.data.rows import RetrievalSet

MOST_QUERIES, MOST_DOCUMENTS = 300, 2_000
"""Of a set that something is chosen on."""


def with_queries(judged: RetrievalSet, wanted: Collection[str]) -> RetrievalSet:
    """The set with some of its queries only, over the same corpus."""
    kept = {query: text for query, text in judged.queries.items() if query in wanted}
    return replace(judged, queries=kept, qrels={query: judged.qrels[query] for query in kept if query in judged.qrels})


def sampled(
    judged: RetrievalSet, seed: int, *, queries: int = MOST_QUERIES, documents: int = MOST_DOCUMENTS
) -> RetrievalSet:
    """At most so many queries, drawn; of the corpus all judged documents, and others drawn up to so many in all."""
    rng = np.random.default_rng(seed)
    answerable = [query for query in judged.queries if any(grade > 0 for grade in judged.qrels.get(query, {}).values())]
    drawn = {answerable[place] for place in rng.permutation(len(answerable))[:queries].tolist()}
    fewer = with_queries(judged, drawn)
    if len(judged.corpus) <= documents:
        return fewer
    named = {document for grades in fewer.qrels.values() for document in grades}
    others = [document for document in judged.corpus if document not in named]
    room = max(0, documents - len(named & judged.corpus.keys()))
    kept = named | {others[place] for place in rng.permutation(len(others))[:room].tolist()}
    return replace(fewer, corpus={document: text for document, text in judged.corpus.items() if document in kept})
