"""Vectors computed elsewhere, read from a Parquet or JSON lines file as needed.

Columns: `text`, or `id` (the signed 64-bit id of a text, or its id in a BEIR folder); `vector`, a list of numbers; and
`role` (query or document), where a text has a vector for each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.sources.columns import numbers_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import open_table
from embedtune.errors import DataError
from embedtune.findings import counted, kind_of
from embedtune.identity import text_id, text_ids

ROLES = ("query", "document")
ROWS = 4096
_EXAMPLES = 3

Names = Mapping[str, Mapping[str, int]]
"""Role -> the data's own id of a text -> text id."""


@dataclass(frozen=True)
class GuideVectors:
    """A file of vectors, looked up by text as an encoder would compute them.

    Args:
        path: the file.
        names: the data's own ids, for files that use them.
    """

    path: Path
    names: Names = field(default_factory=dict)

    @cached_property
    def dimensions(self) -> int:
        """The length of the vectors."""
        table = open_table(self.path)
        number, record = next(table.records)
        vector = numbers_of(record.get("vector"), "vector", table.place(number), table.problems)
        table.problems.raise_if_any()
        return len(vector or ())

    def encode(self, texts: Sequence[str], role: str, into: np.ndarray | None = None) -> np.ndarray:
        """The vectors of these texts (n, G), of norm 1; written to `into` if given.

        Raises:
            DataError: some texts have no vector, or the file is faulty; all faults are reported at once.
        """
        vectors = np.zeros((len(texts), self.dimensions), np.float32) if into is None else into
        self._demand([(role, texts, self.look_up(texts, role, vectors))])
        return vectors

    def check(self, texts: Mapping[str, Sequence[str]]) -> None:
        """Raise as `encode` would, for the texts of all roles at once, without keeping any vector."""
        self._demand([(role, some, self.look_up(some, role)) for role, some in texts.items()])

    def _demand(self, looked_up: Sequence[tuple[str, Sequence[str], np.ndarray]]) -> None:
        short = [
            f"{len(missing):,} of {counted(len(texts), 'text')} used as {role}, such as "
            + ", ".join(repr(texts[i][:60]) for i in missing[:_EXAMPLES])
            for role, texts, missing in looked_up
            if len(missing)
        ]
        if short:
            raise DataError(
                f"no vector for {'; and for '.join(short)}",
                where=str(self.path),
                next="add them: every training text needs one (role query for anchors, document for the rest)",
            )

    def look_up(self, texts: Sequence[str], role: str, into: np.ndarray | None = None) -> np.ndarray:
        """Write the vectors found to `into` (n, G), if given; returns the numbers of the texts without one."""
        ids, first, inverse = np.unique(text_ids(texts), return_index=True, return_inverse=True)
        found = np.zeros(len(ids), dtype=bool)
        for keys, vectors in self._chunks(role):
            here = np.isin(keys, ids)
            place = np.searchsorted(ids, keys[here])
            found[place] = True
            if into is not None:
                into[first[place]] = vectors[here]
        if into is not None:
            again = np.flatnonzero(first[inverse] != np.arange(len(texts)))
            into[again] = into[first[inverse[again]]]
        return np.flatnonzero(~found[inverse])

    def _chunks(self, role: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Text ids (n,) and unit vectors (n, G) of this role, in chunks of rows."""
        table = open_table(self.path)
        while records := list(islice(table.records, ROWS)):
            read = [self._read(record, table.place(number), role, table.problems) for number, record in records]
            kept = [one for one in read if one is not None]
            if kept:
                vectors = np.array([vector for _, vector in kept], dtype=np.float32)  # (n, G)
                vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
                yield np.array([key for key, _ in kept], dtype=np.int64), vectors
        table.problems.raise_if_any()

    def _read(
        self, record: Mapping[str, Any], place: str, role: str, problems: Problems
    ) -> tuple[int, list[float]] | None:
        """Text id and vector of a record; None for another role, an unknown text or a fault."""
        vector = numbers_of(record.get("vector"), "vector", place, problems)
        if vector is not None and len(vector) != self.dimensions:
            problems.add(
                place, f"the vector has {len(vector):,} numbers, the first of the file has {self.dimensions:,}"
            )
            return None
        own = record.get("role") or role
        if own not in ROLES:
            problems.add(place, f"'role' must be query or document, got {kind_of(own)}")
        key = self._id(record, place, role, problems)
        return None if vector is None or key is None or own != role else (key, vector)

    def _id(self, record: Mapping[str, Any], place: str, role: str, problems: Problems) -> int | None:
        text, name = record.get("text"), record.get("id")
        if isinstance(text, str):
            return text_id(text)
        if isinstance(name, int) and not isinstance(name, bool) and -(2**63) <= name < 2**63:
            return name
        if isinstance(name, str) and self.names:
            return self.names.get(role, {}).get(name)
        what = kind_of(name if text is None else text)
        problems.add(place, f"a vector needs its text in 'text', or the signed 64-bit text id in 'id'; got {what}")
        return None
