"""A corpus of any size on disk: read once as a stream, one row per distinct text, then texts by position.

The Arrow file is memory-mapped, so that the system and not this process decides how much of it is in memory. Only the
id of each text is kept in memory, 8 bytes, to recognize repeated texts.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.sources.documents import CorpusText
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.durable import remove_unfinished, seal_folder, unseal_folder, whole_folder
from embedtune.errors import DataError
from embedtune.identity import text_ids
from embedtune.progress import Progress

Positions = Sequence[int] | np.ndarray
_ROWS = 4096  # per record batch, so that division finds a position
_TEXTS, _IDS, _FACTS = "documents.arrow", "text_ids.npy", "corpus.json"


class DiskCorpus:
    """Distinct texts in a memory-mapped Arrow file, with ids, groups and text ids.

    Args:
        folder: written by `write_corpus`.
        facts: what was recorded with it.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        import pyarrow.ipc  # noqa: PLC0415  (slow to import)

        self.folder = folder
        self.hash: str = facts["hash"]  # of ids, texts and groups, in order
        self.read: int = facts["read"]  # documents that were read
        self.duplicates: int = facts["duplicates"]  # left out: an earlier document has the same text
        self.empty: int = facts["empty"]  # left out: no text
        self.text_ids: np.ndarray = np.load(folder / _IDS, mmap_mode="r")  # (C,) int64
        self._batches = pyarrow.ipc.open_file(pyarrow.memory_map(str(folder / _TEXTS)))

    def __len__(self) -> int:
        return len(self.text_ids)

    def texts(self, positions: Positions) -> list[str]:
        """The texts at these positions, in this order."""
        return self._values("text", positions)

    def ids(self, positions: Positions) -> list[str]:
        """The source's ids at these positions."""
        return self._values("id", positions)

    def groups(self, positions: Positions) -> list[str]:
        """The groups at these positions; "" when there is no group column."""
        return self._values("group", positions)

    def batches(self, rows: int = 2048) -> Iterator[list[str]]:
        """All texts in order, `rows` at a time (fewer at the end)."""
        for start in range(0, len(self), rows):
            yield self.texts(range(start, min(start + rows, len(self))))

    def find(self, wanted: np.ndarray) -> np.ndarray:
        """The positions of texts by their ids: int64 (n,), -1 for a text that is not in the corpus."""
        place = np.minimum(np.searchsorted(self.text_ids, wanted, sorter=self._by_id), len(self) - 1)  # (n,)
        positions = self._by_id[place]  # (n,)
        return np.where(self.text_ids[positions] == wanted, positions, -1)

    def tie_ranks(self) -> np.ndarray:
        """int64 (C,), for `top_k`: ranks by text id, so that ties do not depend on corpus order."""
        ranks = np.empty(len(self), dtype=np.int64)  # (C,)
        ranks[self._by_id] = np.arange(len(self))
        return ranks

    @cached_property
    def _by_id(self) -> np.ndarray:
        return np.argsort(self.text_ids, kind="stable")  # (C,)

    def _values(self, column: str, positions: Positions) -> list[str]:
        batch, row = np.divmod(np.asarray(positions, dtype=np.int64), _ROWS)  # (n,), (n,)
        values: list[Any] = [None] * len(batch)
        for number in np.unique(batch):
            here = np.flatnonzero(batch == number)
            taken = self._batches.get_batch(int(number)).column(column).take(row[here])
            for i, value in zip(here, taken.to_pylist(), strict=True):
                values[i] = value
        return values


def open_corpus(folder: Path, key: Mapping[str, object]) -> DiskCorpus | None:
    """The corpus in this folder; None when there is none, it is damaged or it was made from something else."""
    facts = unseal_folder(folder, _FACTS)
    if facts is None or facts["key"] != json.loads(json.dumps(key)):
        return None
    return DiskCorpus(folder, facts)


def write_corpus(
    documents: Iterable[CorpusText], folder: Path, key: Mapping[str, object], *, progress: Progress | None = None
) -> DiskCorpus:
    """Write documents into a folder, each distinct text once: the first is kept. One process at a time.

    The content of the folder is replaced once everything is written; `key` is what the corpus is made from, for
    `open_corpus`; `progress` receives the number of documents read so far.

    Raises:
        DataError: no document has any text.
        OutputError: the folder cannot be written.
    """
    remove_unfinished(folder)
    with whole_folder(folder) as unfinished:
        facts = {**_write(documents, unfinished, progress), "key": dict(key)}
        seal_folder(unfinished, _FACTS, facts)
    return DiskCorpus(folder, facts)


def _write(documents: Iterable[CorpusText], folder: Path, progress: Progress | None) -> dict[str, object]:
    """Write the Arrow file and the ids; returns counts and the hash."""
    import pyarrow  # noqa: PLC0415  (slow to import)

    # Large strings: 4,096 texts may exceed the 2 GiB that plain ones can address.
    schema = pyarrow.schema([(name, pyarrow.large_string()) for name in CorpusText._fields])
    digest = hashlib.blake2b(digest_size=16)
    distinct = _FirstOfEachText()
    with pyarrow.OSFile(str(folder / _TEXTS), "wb") as sink, pyarrow.ipc.new_file(sink, schema) as file:
        for rows in _in_batches(distinct.of(documents, progress), _ROWS):
            digest.update("".join(f"{len(one)} {one}" for row in rows for one in row).encode("utf-8"))
            columns = [pyarrow.array(column, pyarrow.large_string()) for column in zip(*rows, strict=True)]
            file.write_batch(pyarrow.record_batch(columns, schema=schema))
    if not distinct.kept:
        raise DataError("no document of the corpus has any text")
    np.save(folder / _IDS, np.concatenate(distinct.kept))
    return {
        "hash": digest.hexdigest(),
        "read": distinct.read,
        "duplicates": distinct.duplicates,
        "empty": distinct.empty,
    }


class _FirstOfEachText:
    """Passes on the first document of each text, and counts the others."""

    def __init__(self) -> None:
        self.read = self.duplicates = self.empty = 0
        self.kept: list[np.ndarray] = []  # text ids in order
        self._seen = SeenIds()

    def of(self, documents: Iterable[CorpusText], progress: Progress | None) -> Iterator[CorpusText]:
        for rows in _in_batches(documents, _ROWS):
            written = [row for row in rows if row.text.strip()]
            ids = text_ids(row.text for row in written)  # (n,)
            numbers = np.arange(self.read, self.read + len(ids))  # (n,)
            first = self._seen.add(ids, numbers) == numbers  # (n,)
            self.read += len(rows)
            self.empty += len(rows) - len(written)
            self.duplicates += len(written) - int(first.sum())
            if first.any():
                self.kept.append(ids[first])
            yield from (row for row, is_first in zip(written, first, strict=True) if is_first)
            if progress is not None:
                progress(self.read)


def _in_batches(documents: Iterable[CorpusText], rows: int) -> Iterator[list[CorpusText]]:
    stream = iter(documents)
    while batch := list(islice(stream, rows)):
        yield batch
