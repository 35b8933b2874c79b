"""BM25 by bm25s: stems, and character bigrams for scripts without spaces between words or with attached particles.

The scores are bm25s' own; the selection is ours, because bm25s does not say which of several tied documents it keeps.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from embedtune.errors import ConfigError, DataError
from embedtune.search.keys import WORST, TieOrder, largest
from embedtune.search.word_forms import recognise, terms
from embedtune.signals import is_signal

K1 = 1.2
"""How much further occurrences of a word add."""
B = 0.75
"""How much long texts are penalised, 0 to 1."""


def demand_words(inputs: Iterable[str]) -> None:
    """Refuse to compare words where there are none.

    Raises:
        ConfigError: an input is a signal.
    """
    if any(map(is_signal, inputs)):
        raise ConfigError("bm25 compares words, and signals have none", where="bm25", next="leave bm25 out")


class Bm25:
    """An index over texts, in memory: about 8 bytes per distinct word of each text, twice that while it is built.

    Source: Robertson and Zaragoza 2009, with the idf of Lucene, as in Kamphuis et al. 2020; bm25s is arXiv:2407.03618.
    Bounds: 0 when no word is shared; there is no upper bound.

    Args:
        documents: C texts, read once; a generator will do.

    Raises:
        DataError: there are no documents.

    >>> scores, positions = Bm25(["a red car", "a blue car", "한국어 문장"]).top_k(["blue cars", "문장"], 2)
    >>> positions.tolist()
    [[1, -1], [2, -1]]
    """

    def __init__(self, documents: Iterable[str]) -> None:
        import bm25s

        seen: dict[str, int] = {}
        numbers = [
            np.array([seen.setdefault(word, len(seen)) for word in terms(text)], dtype=np.int32) for text in documents
        ]
        if not numbers:
            raise DataError("there are no documents to index")
        self.count = len(numbers)
        counts = np.zeros(len(seen), dtype=np.int64)
        for own in numbers:
            np.add.at(counts, own, 1)
        self.forms = recognise(dict(zip(seen, counts.tolist(), strict=True)))
        # The language is known only now, and the texts are read once: words become forms by their numbers.
        self._vocabulary: dict[str, int] = {}
        form = [self._vocabulary.setdefault(self.forms.of(word), len(self._vocabulary)) for word in seen]
        form_of = np.array(form, dtype=np.int32)
        for place, own in enumerate(numbers):
            numbers[place] = form_of[own]
        self._index = bm25s.BM25(k1=K1, b=B, method="lucene")
        if self._vocabulary:
            self._index.index((numbers, self._vocabulary), show_progress=False)

    def top_k(
        self, queries: Sequence[str], k: int, *, tie_rank: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best documents of every query, best first, ties by `tie_rank` as in `dense.top_k`.

        Args:
            queries: Q texts.
            k: documents per query, >= 1.
            tie_rank: (C,) a permutation of 0..C-1, the greater first. None: the earlier document first.

        Returns: scores (Q, min(k, C)) float32 and positions (Q, min(k, C)) int64; -inf and -1 where no further document
            shares a word with the query.
        """
        if k < 1:
            raise ConfigError(f"k must be at least 1, not {k}", where="top_k")
        order = TieOrder(self.count, tie_rank)
        keys = np.full((len(queries), min(k, self.count)), WORST)  # (Q, k)
        for row, query in enumerate(queries):
            scores = self._scores(query)  # (C,)
            shared = np.flatnonzero(scores > 0)  # (n,)
            best = largest(order.pack(scores[shared], shared)[None], keys.shape[1])[0]  # (min(n, k),)
            keys[row, : len(best)] = best
        return order.unpack(keys)

    def pair_scores(self, queries: Sequence[str], positions: np.ndarray) -> np.ndarray:
        """The score of every query for each of its own documents.

        Args:
            queries: Q texts.
            positions: (Q, K) int64 of documents; -1 where there is none.

        Returns: float32 (Q, K), 0 where no word is shared; NaN where there is no document.
        """
        scores = np.full(positions.shape, np.nan, dtype=np.float32)  # (Q, K)
        for row, query in enumerate(queries):
            there = positions[row] >= 0
            scores[row, there] = self._scores(query)[positions[row, there]]
        return scores

    def _scores(self, query: str) -> np.ndarray:
        """The score of a query for every document: float32 (C,)."""
        known = [self._vocabulary[word] for word in self.forms.of_query(query) if word in self._vocabulary]
        if not known:
            return np.zeros(self.count, dtype=np.float32)
        scores: np.ndarray = self._index.get_scores_from_ids(known)
        return scores
