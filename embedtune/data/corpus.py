"""A corpus of any size on disk: read once as a stream, one row a distinct text, then texts by position."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

Progress = Callable[[int], None]


class Document(NamedTuple):
    """One text that may be found.

    Args:
        id: as the source calls it.
        text: title and text as one.
        group: the value of the group column, "" without one.
    """

    id: str
    text: str
    group: str = ""


class DiskCorpus:
    """Distinct texts in a memory-mapped Arrow file, with ids, groups and text ids.

    Args:
        folder: where it lies.
        hash: hex digest of its ids, texts and groups in order.
        duplicates: documents left out because an earlier one has the same text.
        empty: documents left out because there is no text in them.
    """

    folder: Path
    hash: str
    duplicates: int
    empty: int

    @property
    def text_ids(self) -> np.ndarray:
        """int64 (C,), memory-mapped."""
        raise NotImplementedError

    def tie_ranks(self) -> np.ndarray:
        """int64 (C,), for `top_k`: ranks by text id, so that ties do not depend on the order of the corpus."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def texts(self, positions: Sequence[int] | np.ndarray) -> list[str]:
        """The texts at these positions, in this order."""
        raise NotImplementedError

    def ids(self, positions: Sequence[int] | np.ndarray) -> list[str]:
        """The source's ids at these positions."""
        raise NotImplementedError

    def groups(self, positions: Sequence[int] | np.ndarray) -> list[str]:
        """The groups at these positions; "" when there is no group column."""
        raise NotImplementedError

    def batches(self, rows: int = 2048) -> Iterator[list[str]]:
        """All texts in order, `rows` at a time (fewer at the end)."""
        raise NotImplementedError


def read_documents(
    source: str, *, columns: Mapping[str, str] | None = None, group: str | None = None
) -> Iterator[Document]:
    """The documents of a file, a BEIR folder (its corpus) or a Hub set, one at a time; an empty text comes as "".

    Raises:
        DataError: it cannot be read; the faults of all its rows are told together, at the end.
    """
    raise NotImplementedError


def source_hashes(source: str) -> dict[str, str]:
    """File name -> sha256 of what `read_documents` reads."""
    raise NotImplementedError


def write_corpus(
    documents: Iterable[Document], folder: Path, key: Mapping[str, object], *, progress: Progress | None = None
) -> DiskCorpus:
    """Write documents into a folder, each distinct text once: the first is kept.

    Args:
        documents: a stream.
        folder: made when it does not exist; what it held is replaced once all is written.
        key: what the corpus is made of (hashes, columns), for `open_corpus`.
        progress: called with the number of documents read so far.

    Raises:
        DataError: there is no text at all.
        OutputError: the folder cannot be written.
    """
    raise NotImplementedError


def open_corpus(folder: Path, key: Mapping[str, object]) -> DiskCorpus | None:
    """The corpus in this folder, or None when there is none or it was made of something else."""
    raise NotImplementedError


def corpus_on_disk(
    source: str,
    folder: Path,
    *,
    columns: Mapping[str, str] | None = None,
    group: str | None = None,
    progress: Progress | None = None,
) -> DiskCorpus:
    """The corpus of one source: opened where it is there already and the source is the same, otherwise read and written."""
    raise NotImplementedError
