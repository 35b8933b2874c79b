"""Candidates that hold a query or one of its positives, or are part of one: never its negatives.

A corpus may hold a positive behind a title, with a suffix, whole or cut. Such documents are sought once per job, among
all candidates, and stored next to the results of the search; memory is bounded by reading the known texts in parts.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from embedtune.data.texts.copies.index import CopyIndex
from embedtune.data.texts.prompts import bare_forms
from embedtune.progress import Progress
from embedtune.workflows.mine.candidate_search import CandidateSearch, distinct_documents
from embedtune.workflows.shared.jobs.job import is_done, load_array, save_array
from embedtune.workflows.shared.talk import Talk

_FILE = "copies.npy"
_PART = 8_000_000
"""Characters of known texts that are indexed at a time, at about 5 bytes each."""
_BLOCK = 2048
_POSITIVE, _QUERY = 0, 1


class KnownCopies(NamedTuple):
    """Pairs of a known text and a document that holds it, or is part of it.

    Args:
        found: (n, 3) int64 in ascending order: whether the text is a positive (0) or a query (1), its position in the
            corpus or its number, and the position of the document.
    """

    found: np.ndarray

    def of(self, positives: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """The documents that are copies for some queries: int64 (P, 2) pairs (query number in the block, position).

        Args:
            positives: (p, 2) pairs (query number in the block, position of a positive).
            queries: (Q,) their numbers.
        """
        own = np.stack([np.arange(len(queries)), queries], axis=1)  # (Q, 2)
        return np.concatenate([self._joined(_POSITIVE, positives), self._joined(_QUERY, own)])

    def _joined(self, kind: int, pairs: np.ndarray) -> np.ndarray:
        found = self.found[self.found[:, 0] == kind]  # (m, 3)
        first = np.searchsorted(found[:, 1], pairs[:, 1])
        counts = np.searchsorted(found[:, 1], pairs[:, 1], side="right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.stack([np.repeat(pairs[:, 0], counts), found[np.repeat(first, counts) + within, 2]], axis=1)


def find_copies(search: CandidateSearch, talk: Talk) -> None:
    """Find the copies among the candidates of all queries, unless an earlier run has."""
    path = search.folder / _FILE
    if is_done(path):
        return
    with talk.progress("looking for copies of known positives") as tell:
        found = sorted(set(_pairs(search, tell)))
    save_array(path, np.array(found, dtype=np.int64).reshape(-1, 3))  # (n, 3)


def read_copies(search: CandidateSearch) -> KnownCopies:
    """What `find_copies` found."""
    return KnownCopies(load_array(search.folder / _FILE))


def _pairs(search: CandidateSearch, tell: Progress) -> Iterator[tuple[int, int, int]]:
    """The rows of `KnownCopies`, in any order and perhaps repeated."""
    corpus, candidates = search.documents.corpus, distinct_documents(search)
    for number, known in enumerate(_parts(search)):
        kinds, own, texts = zip(*known, strict=True)
        indexes = [CopyIndex(form, np.array(kinds) == _POSITIVE) for form in bare_forms(texts)]
        for start in range(0, len(candidates), _BLOCK):
            tell(number * len(candidates) + start)
            block = candidates[start : start + _BLOCK]
            for index, form in product(indexes, bare_forms(corpus.texts(block))):
                for copy in index.find(form):
                    yield kinds[copy.other], own[copy.other], int(block[copy.text])


def _parts(search: CandidateSearch) -> Iterator[list[tuple[int, int, str]]]:
    """Known texts with their kind and number, some at a time."""
    part: list[tuple[int, int, str]] = []
    size = 0
    for one in _known(search):
        part.append(one)
        size += len(one[2])
        if size >= _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _known(search: CandidateSearch) -> Iterator[tuple[int, int, str]]:
    documents = search.documents
    positives = np.unique(documents.positives[:, 1])
    for start in range(0, len(positives), _BLOCK):
        block = positives[start : start + _BLOCK]
        for position, text in zip(block.tolist(), documents.corpus.texts(block), strict=True):
            yield _POSITIVE, position, text
    for number, text in enumerate(documents.pairs.queries):
        yield _QUERY, number, text
