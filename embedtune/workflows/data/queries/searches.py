"""Who searches on the round trip from a query to its document: BM25, or an encoder."""

from collections.abc import Callable, Sequence

import numpy as np

from embedtune.config.sections.encoder import EncoderSection
from embedtune.search.bm25 import Bm25
from embedtune.workflows.shared.talk import Talk

Search = Callable[[Sequence[str], Sequence[str], int], np.ndarray]
"""Queries, documents and k -> positions (Q, k) of the k best documents, best first."""


def by_words(queries: Sequence[str], documents: Sequence[str], k: int) -> np.ndarray:
    """By BM25."""
    return Bm25(documents).top_k(queries, k)[1]


def by_encoder(model: str, talk: Talk, store: str = "auto") -> Search:
    """By the vectors of an encoder, which finds documents that share no word with the query.

    Args:
        model: as for any verb; loaded when the search begins.
        talk: receives progress.
        store: where vectors are kept.
    """

    def search(queries: Sequence[str], documents: Sequence[str], k: int) -> np.ndarray:
        from embedtune.models.encode.encode import encode
        from embedtune.models.encode.store import open_store
        from embedtune.models.files.load import load_encoder
        from embedtune.models.similarity import measure_of
        from embedtune.search.dense import top_k

        with talk.progress(f"loading {model}"):
            encoder = load_encoder(EncoderSection(name=model), texts=documents)
        for note in encoder.notes:
            talk.say(note)
        kept, unit = open_store(store), measure_of(encoder) == "cosine"
        with talk.progress("encoding the documents", total=len(documents)) as tell:
            there = encode(encoder, documents, role="document", store=kept, normalise=unit, progress=tell)  # (C, D)
        asked = encode(encoder, queries, role="query", store=kept, normalise=unit)  # (Q, D)
        return top_k(asked, there, k)[1]

    return search
