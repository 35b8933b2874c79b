"""The rows to cluster, from any source: texts, time series, or nodes that only links describe.

Rows are read again for each use (vectors, keywords, output), so that a corpus of any size fits in memory.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from embedtune.config.verbs.cluster import ClusteredSection
from embedtune.data.formats.pairs import ROLES as PAIRS
from embedtune.data.formats.shared.cells import FLAT
from embedtune.data.formats.shared.clustered import ADDED
from embedtune.data.formats.shared.missing import is_missing
from embedtune.data.sources.columns import document_text, id_of, listed, match
from embedtune.data.sources.documents import ROLES
from embedtune.data.sources.layouts.named_texts import likeliest
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import RecordTable, look_ahead
from embedtune.data.texts.normal_form import near_form
from embedtune.errors import DataError
from embedtune.identity import text_id
from embedtune.workflows.cluster.items.series import series_of

Kind = Literal["texts", "series", "nodes"]
VALUES = "values"
LABEL = "label"


class ClusteredRow(NamedTuple):
    """A row as it is clustered.

    Args:
        id: the source's own; where it has none, the place, such as "corpus.txt:7".
        text: what is encoded; "" where there is none.
        label: its class, "" where it has none.
        values: a series (length, channels); None for texts.
        record: the row as it came.
    """

    id: str
    text: str
    label: str
    values: np.ndarray | None
    record: Mapping[str, Any]


@dataclass
class RowFacts:
    """What one pass over the rows found.

    Args:
        kind: what is clustered.
        digest: a hash of the texts in order.
        first: for each row, the number of its distinct text, -1 for an empty one: (rows,) int64.
        rows: of the first row with each distinct text (n,).
        labels: a label per row, "" for a row without one; empty without a label column.
        ids: id -> row, where links need them.
        series: of each row, for series.
        replaced: columns of the input that the output replaces.
    """

    kind: Kind
    digest: str = ""
    first: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    labels: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    series: list[np.ndarray] = field(default_factory=list)
    replaced: tuple[str, ...] = ()

    @property
    def empty(self) -> int:
        """Rows without a text."""
        return int((self.first < 0).sum())

    @property
    def repeated(self) -> int:
        """Rows that repeat the text of an earlier one."""
        return len(self.first) - self.empty - len(self.rows)


class ClusteredRows:
    """The rows of a source, as often as they are asked for."""

    def __init__(self, section: ClusteredSection) -> None:
        self.section = section
        self.what = open_source(section.source).what

    def __iter__(self) -> Iterator[ClusteredRow]:
        for table in open_source(self.section.source).document_tables():
            yield from _of_table(table, self.section)

    def batches(self, rows: np.ndarray, size: int) -> Iterator[list[str]]:
        """The texts of these rows (ascending), `size` at a time."""
        wanted = iter(_chosen(self, rows))
        while batch := [row.text for row in islice(wanted, size)]:
            yield batch

    def facts(self) -> RowFacts:
        """One pass: what is there, and which texts repeat.

        Raises:
            DataError: there is nothing to cluster, or the rows hold different things.
        """
        import hashlib

        digest, numbers = hashlib.blake2b(digest_size=16), dict[int, int]()
        first, rows, labels, ids = list[int](), list[int](), list[str](), dict[str, int]()
        series, columns, has_text = list[np.ndarray](), set[str](), False
        for place, row in enumerate(self):
            encoded = row.text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
            if row.values is not None:
                digest.update(np.ascontiguousarray(row.values).tobytes() + bytes(str(row.values.shape), "ascii"))
            columns.update(row.record.keys() & set(ADDED))
            labels.append(row.label)
            if self.section.links is not None:
                ids.setdefault(row.id, place)
            if row.values is not None:
                series.append(row.values)
            has_text = has_text or bool(row.text)
            # Only texts have copies; a series or a node is its own, and so is a text that links tell from its copy.
            alone = row.values is not None or self.section.links is not None
            if not row.text and not alone:
                first.append(-1)
                continue
            key = place if alone else text_id(near_form(row.text))
            number = numbers.setdefault(key, len(numbers))
            if number == len(rows):
                rows.append(place)
            first.append(number)
        if not rows:
            raise DataError("there is nothing to cluster: no row has a text", where=self.section.source)
        return RowFacts(
            _kind(series, labels, self.section) if has_text or series else "nodes",
            digest.hexdigest(),
            np.array(first, dtype=np.int64),
            np.array(rows, dtype=np.int64),
            labels if any(labels) else [],
            ids,
            series,
            tuple(name for name in ADDED if name in columns),
        )


def _kind(series: list[np.ndarray], labels: list[str], section: ClusteredSection) -> Kind:
    if series and len(series) < len(labels):
        raise DataError(
            f"{len(series):,} of {len(labels):,} rows have {VALUES!r}; cluster series and texts one after the other",
            where=section.source,
        )
    return "series" if series else "texts"


def _chosen(rows: ClusteredRows, places: np.ndarray) -> Iterator[ClusteredRow]:
    wanted = iter(places.tolist())
    following = next(wanted, None)
    for place, row in enumerate(rows):
        if place == following:
            yield row
            following = next(wanted, None)


def _of_table(table: RecordTable, section: ClusteredSection) -> Iterator[ClusteredRow]:
    table, present = look_ahead(table)
    names = _columns(table, present, section)
    channels: int | None = None
    for number, record in table.records:
        place = table.place(number)
        value = record.get(names["id"]) if "id" in names else None
        key = f"{Path(table.name).name}:{number}" if value is None else id_of(value, place, table.problems)
        values = None
        if VALUES in names:
            values = series_of(record.get(VALUES), place, table.problems, channels)
            channels = channels if values is None else values.shape[1]
        filled = _filled(record, names, flat=table.kind in FLAT)
        text = document_text(filled, names, place, table.problems) if "text" in names else ""
        if key is not None and text is not None and (values is not None or VALUES not in names):
            yield ClusteredRow(key, text, _label(record, names), values, record)
    table.problems.raise_if_any()


def _filled(record: Mapping[str, Any], names: Mapping[str, str], *, flat: bool) -> Mapping[str, Any]:
    """The record with a text that is missing as an empty one."""
    missing = "text" in names and is_missing(record.get(names["text"]), flat=flat)
    return {**record, names["text"]: ""} if missing else record


def _label(record: Mapping[str, Any], names: Mapping[str, str]) -> str:
    value = record.get(names[LABEL]) if LABEL in names else None
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value).strip()


def _columns(table: RecordTable, present: list[str], section: ClusteredSection) -> dict[str, str]:
    """Role ("id", "title", "text", "values", "label") -> column."""
    missing = [name for name in (section.column, section.label) if name is not None and name not in present]
    if missing:
        message = f"there is no column {missing[0]!r}; the columns are {listed(present)}"
        option = "--column" if missing[0] == section.column else "--label"
        raise DataError(message, where=table.name, next=f"name one of these with {option}")
    found = {role: likeliest(ROLES[role], columns) for role, columns in match(ROLES, present, {}).items()}
    if section.column is not None:
        found = {**{role: name for role, name in found.items() if role == "id"}, "text": section.column}
    elif VALUES in present:
        found = {role: name for role, name in found.items() if role == "id"} | {VALUES: VALUES}
    elif "text" not in found:
        anchors = match({"anchor": PAIRS["anchor"]}, present, {}).get("anchor")
        found |= {"text": anchors[0]} if anchors else {}
    if not {"text", VALUES} & found.keys() and section.links is None and section.vectors is None:
        raise DataError(
            f"cannot tell which of the columns {listed(present)} holds the texts",
            where=table.name,
            next="name the column that holds the texts: --column COLUMN",
        )
    label = section.label or (LABEL if LABEL in present else None)
    return found | ({LABEL: label} if label else {})


def as_line(record: Mapping[str, Any]) -> str:
    """A row as a line of JSON; what JSON cannot hold, such as a date, as text."""
    return json.dumps(record, ensure_ascii=False, default=str) + "\n"
