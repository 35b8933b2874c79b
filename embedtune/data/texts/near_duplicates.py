"""Near duplicates: texts that share most of their words, whether or not a "not" negates one of them.

Shared words are counted and weighted, and the lower share decides. By weight, a rare word counts more than common ones,
so that questions from one template are not duplicates; by count, different questions about one rare thing are not
either.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.polarity import Statement, statement

NEAR = 0.65
"""The least share of their words, by count and by weight, that two near duplicates have in common."""
FEWEST_WORDS = 4
"""Shorter texts are similar by accident: they are duplicates only if nothing but punctuation and spaces differ."""
_MOST_SHARING = 300  # texts per word; more frequent words are not looked up
_BLOCK = 4096


class NearDuplicate(NamedTuple):
    """Two texts that are near duplicates.

    Args:
        text: number of the one.
        other: number of the other.
        similarity: share of their words in common, by count or by weight, whichever is lower; 1 when only case,
            punctuation or spaces differ.
        negated: whether one affirms what the other denies, as far as a not and antonyms show; never of questions.
    """

    text: int
    other: int
    similarity: float
    negated: bool


class NearIndex:
    """Texts in which near duplicates of others can be looked up.

    Two texts with at least `least` of their weight in common share at least one of their rarest words, those that make
    up the rest of the weight. So only texts that share such a word are compared (prefix filtering: Chaudhuri, Ganti and
    Kaushik 2006); this is exact except for words of more than 300 texts.

    Args:
        texts: to search in; takes about 12 bytes per word.
        backgrounds: further texts, which show which words are common.
        least: the similarity of a near duplicate.
    """

    def __init__(self, texts: Sequence[str], backgrounds: Iterable[Sequence[str]] = (), least: float = NEAR) -> None:
        self.least = least
        statements = [statement(text) for text in texts]
        more = [[statement(text).words for text in background] for background in backgrounds]
        self._words, self._rarity, self._unseen = _rarities([[one.words for one in statements], *more])
        self._texts = self._weigh(statements)
        prefix = self._texts.prefix(least)  # (n, V)
        self._lists = prefix.tocsc()
        self._forms = near_ids(texts)  # (n,)
        form_ids, first = np.unique(self._forms, return_index=True)
        self._number_of_form = dict(zip(form_ids.tolist(), first.tolist(), strict=True))

    def find(self, texts: Sequence[str], first: int = 0) -> list[NearDuplicate]:
        """Near duplicates of these texts among those of the index, in order; the texts are numbered from `first`."""
        return self._find(self._weigh([statement(text) for text in texts]), near_ids(texts), first)

    def within(self) -> Iterator[NearDuplicate]:
        """Near duplicates among the texts of the index, each pair once, the later text first."""
        for start in range(0, len(self._forms), _BLOCK):
            part = slice(start, start + _BLOCK)
            found = self._find(self._texts.part(part), self._forms[part], start)
            yield from (copy for copy in found if copy.other < copy.text)

    def _find(self, asked: "_Weighed", forms: np.ndarray, first: int) -> list[NearDuplicate]:
        rows, others = self._sharing(asked.prefix(self.least))  # (P,), (P,)
        similarity = asked.similarity(rows, self._texts, others)  # (P,)
        found = {
            (row, other): value
            for row, other, value in zip(rows.tolist(), others.tolist(), similarity.tolist(), strict=True)
            if value >= self.least and min(asked.sizes[row], self._texts.sizes[other]) >= FEWEST_WORDS
        }
        for row, identity in enumerate(forms.tolist()):
            if identity in self._number_of_form:
                found[row, self._number_of_form[identity]] = 1.0
        signs = self._texts.signs
        return [
            NearDuplicate(first + row, other, value, bool(asked.signs[row] * signs[other] < 0))
            for (row, other), value in sorted(found.items())
        ]

    def _sharing(self, prefix: csr_array) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of a row and a text of the index that share one of their rarest words: (P,), (P,)."""
        rows = np.repeat(np.arange(prefix.shape[0]), np.diff(prefix.indptr))  # (e,)
        starts, lengths = self._lists.indptr[prefix.indices], np.diff(self._lists.indptr)[prefix.indices]  # (e,), (e,)
        lengths = np.where(lengths > _MOST_SHARING, 0, lengths)  # (e,)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # (P',)
        others = self._lists.indices[np.repeat(starts, lengths) + within].astype(np.int64)  # (P',)
        pairs = np.unique(np.repeat(rows, lengths) * self._lists.shape[0] + others)  # (P,)
        return pairs // self._lists.shape[0], pairs % self._lists.shape[0]

    def _weigh(self, statements: Sequence[Statement]) -> "_Weighed":
        numbers = [sorted(self._words[word] for word in one.words if word in self._words) for one in statements]
        ends = np.cumsum([0, *map(len, numbers)])  # (n + 1,)
        columns = np.fromiter((number for row in numbers for number in row), dtype=np.int32, count=int(ends[-1]))
        matrix = csr_array((self._rarity[columns], columns, ends), shape=(len(statements), len(self._rarity)))  # (n, V)
        sizes = np.array([len(one.words) for one in statements], dtype=np.int64)  # (n,)
        unseen = (sizes - np.diff(ends)) * self._unseen  # (n,)
        signs = np.array([one.sign for one in statements], dtype=np.int8)  # (n,)
        return _Weighed(matrix, unseen, sizes, signs)


class _Weighed(NamedTuple):
    """Statements as words weighted by rarity.

    Args:
        matrix: (n, V) the weight of each known word.
        unseen: (n,) the total weight of unknown words.
        sizes: (n,) words.
        signs: (n,) of the statements.
    """

    matrix: csr_array
    unseen: np.ndarray
    sizes: np.ndarray
    signs: np.ndarray

    @property
    def totals(self) -> np.ndarray:
        """The total weight of each: (n,)."""
        return self.matrix.sum(axis=1) + self.unseen

    def part(self, rows: slice) -> "_Weighed":
        """Some rows of it."""
        return _Weighed(self.matrix[rows], self.unseen[rows], self.sizes[rows], self.signs[rows])

    def prefix(self, least: float) -> csr_array:
        """The rarest words of each text; every text with `least` of the weight in common has one of them: (n, V)."""
        rows = np.repeat(np.arange(self.matrix.shape[0]), np.diff(self.matrix.indptr))  # (e,)
        # Equal weights are ordered by word, so that both sides of a pair use the same order.
        order = np.lexsort((self.matrix.indices, -self.matrix.data, rows))  # (e,)
        rows, columns, weights = rows[order], self.matrix.indices[order], self.matrix.data[order]
        sums = np.concatenate([[0.0], np.cumsum(weights)])  # (e + 1,)
        before = sums[:-1] - sums[self.matrix.indptr[:-1]][rows] + self.unseen[rows]  # (e,)
        kept = before <= (1 - least) * self.totals[rows] + 1e-6  # (e,)
        return csr_array((weights[kept], (rows[kept], columns[kept])), shape=self.matrix.shape)

    def similarity(self, rows: np.ndarray, others: "_Weighed", numbers: np.ndarray) -> np.ndarray:
        """Jaccard similarity of these rows and those of another set, plain or weighted, whichever is lower: (P,)."""
        weight, count = np.empty(len(rows)), np.empty(len(rows))  # (P,), (P,)
        for start in range(0, len(rows), _BLOCK * 4):
            part = slice(start, start + _BLOCK * 4)
            mine, theirs = self.matrix[rows[part]], others.matrix[numbers[part]]  # (p, V), (p, V)
            shared = mine.minimum(theirs)  # (p, V)
            weight[part], count[part] = shared.sum(axis=1), shared.count_nonzero(axis=1)
        return np.minimum(
            weight / np.maximum(self.totals[rows] + others.totals[numbers] - weight, 1e-12),
            count / np.maximum(self.sizes[rows] + others.sizes[numbers] - count, 1e-12),
        )


def _rarities(groups: Sequence[Sequence[frozenset[str]]]) -> tuple[dict[str, int], np.ndarray, float]:
    """Word -> number, the rarity of each word where it is most common (V,), and the rarity of an unseen word."""
    vocabulary: dict[str, int] = {}
    rarities = []
    counts = [Counter(word for words in group for word in words) for group in groups]
    for counter in counts:
        for word in sorted(counter):
            vocabulary.setdefault(word, len(vocabulary))
    for counter, group in zip(counts, groups, strict=True):
        frequency = np.array([counter[word] for word in vocabulary], dtype=np.float64)  # (V,)
        rarities.append(np.log1p(len(group) / np.maximum(frequency, 0.5)) ** 2)
    unseen = min(float(np.log1p(2 * len(group)) ** 2) for group in groups)
    return vocabulary, np.min(rarities, axis=0), unseen
