"""The documents of a corpus as a stream, whatever the file's kind: no more than a batch of rows is in memory."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from embedtune.config.suggest import did_you_mean
from embedtune.data.rows import titled
from embedtune.data.sources.beir import table_file
from embedtune.data.sources.columns import label_of, match, refuse_twice, spoken, text_of
from embedtune.data.sources.source import BeirSource, TableSource, open_source
from embedtune.data.sources.streams import sha256
from embedtune.data.sources.tables import RecordTable, open_table
from embedtune.errors import ConfigError, DataError

ROLES = {
    "id": ("_id", "id", "docid", "doc_id", "doc-id"),
    "title": ("title",),
    "text": ("text", "document", "passage", "contents", "content", "body"),
}
_LOOKED_AT = 50  # records whose fields together are the columns: JSON lines may leave fields out


class CorpusText(NamedTuple):
    """One text that may be found.

    Args:
        id: as the source calls it; where it does not, the place, as "corpus.txt:7".
        text: title and text as one.
        group: the value of the group column, "" without one.
    """

    id: str
    text: str
    group: str = ""


def read_documents(
    source: str, *, columns: Mapping[str, str] | None = None, group: str | None = None
) -> Iterator[CorpusText]:
    """The documents of a file, a BEIR folder (its corpus), a folder of files or a Hub set, all splits, one at a time.

    A text may be empty, as some are in public sets; anything else that is no text is a fault.

    Args:
        source: as the user named it.
        columns: role ("id", "title", "text") -> column, where names alone do not tell.
        group: a column to keep beside each text.

    Raises:
        DataError: it cannot be read; the faults of all rows of a file are told together, when it is at its end.
        ConfigError: `columns` names a role that documents have not.
    """
    for role in columns or {}:
        if role not in ROLES:
            raise ConfigError(
                f"{role!r} is no role of a document{did_you_mean(role, list(ROLES))}",
                where="--columns",
                next=f"roles are {', '.join(ROLES)}",
            )
    opened = open_source(source)
    if isinstance(opened, TableSource) and opened.hub:
        tables: Iterator[RecordTable] = (opened.hub.table(split) for split in opened.splits)
    else:
        tables = (open_table(path) for path in _files(opened))
    for table in tables:
        yield from _of_table(table, columns or {}, group)


def source_hashes(source: str) -> dict[str, str]:
    """File name -> sha256 of what `read_documents` reads."""
    opened = open_source(source)
    if isinstance(opened, TableSource) and opened.hub:
        return opened.hub.fingerprints(opened.splits)
    return {path.name: sha256(path) for path in _files(opened)}


def _files(source: TableSource | BeirSource) -> list[Path]:
    if isinstance(source, TableSource):
        return [path for paths in source.files.values() for path in paths]
    corpus = table_file(source.folder, "corpus")
    return [] if corpus is None else [corpus]


def _of_table(table: RecordTable, chosen: Mapping[str, str], group: str | None) -> Iterator[CorpusText]:
    head = list(islice(table.records, _LOOKED_AT))
    names = _columns(table, head, chosen, group)
    for number, record in chain(head, table.records):
        place = table.place(number)
        value = record.get(names["text"])
        title = record.get(names["title"]) if "title" in names else None
        whole = titled(title, value) if isinstance(value, str) else value
        blank = isinstance(whole, str) and not whole.strip()
        text = "" if blank else text_of(whole, names["text"], place, table.problems)
        key = record.get(names["id"]) if "id" in names else None
        kept = label_of(record, group, place, table.problems) if group else ""
        if text is not None and kept is not None:
            yield CorpusText(f"{Path(table.name).name}:{number}" if key is None else str(key), text, kept)
    table.problems.raise_if_any()


def _columns(
    table: RecordTable, head: list[tuple[int, dict[str, Any]]], chosen: Mapping[str, str], group: str | None
) -> dict[str, str]:
    """Role -> column."""
    if not head:
        table.problems.raise_if_any()
        raise table.problems.stop(table.name, "there are no rows in it")
    present = list(dict.fromkeys(column for _, record in head for column in record))
    found = match(ROLES, present, chosen)
    came = ", ".join(map(repr, present[:12])) or "none"
    lacking = [name for name in (*chosen.values(), *([group] if group else [])) if name not in present]
    if lacking:
        raise DataError(f"there is no column {lacking[0]!r}; the columns that came are {came}", where=table.name)
    if "text" not in found:
        raise DataError(
            f"cannot tell which column holds the texts: {came} came; needed {spoken(ROLES['text'])}",
            where=table.name,
            next=f"name it: --columns text={present[0]}" if present else None,
        )
    refuse_twice(found, (), table.name)
    return {role: columns[0] for role, columns in found.items()}
