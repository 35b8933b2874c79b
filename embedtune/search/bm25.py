"""BM25 by bm25s: words, and character bigrams where a script has no blanks between words or glues particles on."""

from collections.abc import Iterable, Sequence

import numpy as np


def words(text: str) -> list[str]:
    """The words of a text, lowercased; Hangul, kana and Chinese characters as bigrams.

    >>> words("The 청년 월세 지원 24")
    ['the', '청년', '월세', '지원', '24']
    """
    raise NotImplementedError


class Bm25:
    """An index over texts, in memory.

    Args:
        documents: C texts, read once; a generator will do.
        k1, b: of BM25.
    """

    def __init__(self, documents: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        raise NotImplementedError

    def top_k(
        self, queries: Sequence[str], k: int, *, tie_rank: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best documents of every query, best first, ties by `tie_rank` as in `dense.top_k`.

        Returns: scores (Q, min(k, C)) float32 and positions (Q, min(k, C)) int64; -inf and -1 where no further document
            shares a word with the query.
        """
        raise NotImplementedError
