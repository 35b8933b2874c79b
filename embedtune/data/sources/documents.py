"""The documents of a corpus as a stream, whatever the kind of file: only a batch of rows is in memory."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from embedtune.config.suggest import did_you_mean
from embedtune.data.formats.pairs import ROLES as PAIRS
from embedtune.data.formats.shared.cells import FLAT
from embedtune.data.formats.shared.missing import is_placeholder
from embedtune.data.signals.arrow import COLUMNS
from embedtune.data.sources.columns import Roles, document_text, id_of, label_of, listed, match, refuse_twice, spoken
from embedtune.data.sources.layouts.named_texts import CORPUS_ROLES, QUERY_ROLES, likeliest
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import RecordTable, look_ahead
from embedtune.errors import ConfigError, DataError

ROLES: Roles = {**CORPUS_ROLES, "id": (*CORPUS_ROLES["id"], *QUERY_ROLES["id"])}


class CorpusText(NamedTuple):
    """One text that may be found.

    Args:
        id: the source's own; where it has none, the place, such as "corpus.txt:7".
        text: title and text as one.
        group: the value of the group column, "" without one.
    """

    id: str
    text: str
    group: str = ""


def read_documents(
    source: str, *, columns: Mapping[str, str] | None = None, group: str | None = None, queries: bool = False
) -> Iterator[CorpusText]:
    """The documents of a file, a BEIR folder (its corpus), a folder of files or a Hub set, all splits, one at a time.

    A text may be empty, as some are in public sets, and so is "nan" in a cell of a CSV; anything else that is not text
    is a fault.

    Args:
        source: as the user named it.
        columns: role ("id", "title", "text") -> column, where the names do not decide it.
        group: a column to keep with each text.
        queries: read the queries of a source that has them apart from its documents.

    Raises:
        DataError: it cannot be read; all faults of a file are reported together, at its end.
        ConfigError: `columns` names a role that documents do not have.
    """
    for role in columns or {}:
        if role not in ROLES:
            raise ConfigError(
                f"unknown role {role!r} of a document{did_you_mean(role, list(ROLES))}",
                where="--columns",
                next=f"roles are {', '.join(ROLES)}",
            )
    opened = open_source(source)
    apart = opened.query_tables() if queries else None
    for table in opened.document_tables() if apart is None else apart:
        yield from _of_table(table, columns or {}, group, ROLES if apart is None else {**ROLES, **QUERY_ROLES})


def source_hashes(source: str) -> dict[str, str]:
    """File name -> sha256 of what `read_documents` reads."""
    return open_source(source).document_hashes()


def _of_table(table: RecordTable, chosen: Mapping[str, str], group: str | None, roles: Roles) -> Iterator[CorpusText]:
    table, present = look_ahead(table)
    names = _columns(table, present, chosen, group, roles)
    for number, record in table.records:
        place = table.place(number)
        text = document_text(record, names, place, table.problems)
        value = record.get(names["id"]) if "id" in names else None
        key = f"{Path(table.name).name}:{number}" if value is None else id_of(value, place, table.problems)
        if text and table.kind in FLAT and is_placeholder(text):
            text = ""
        kept = label_of(record, group, place, table.problems) if group else ""
        if text is not None and kept is not None and key is not None:
            yield CorpusText(key, text, kept)
    table.problems.raise_if_any()


def _proposed(present: Sequence[str]) -> str:
    """A column to name in an advice: one of pairs if there is one, since ids and dates come first in many files."""
    pairs = [name for role in ("anchor", "positive") for name in match({role: PAIRS[role]}, present, {}).get(role, ())]
    return (pairs or present)[0]


def _columns(
    table: RecordTable, present: Sequence[str], chosen: Mapping[str, str], group: str | None, roles: Roles
) -> dict[str, str]:
    """Role -> column."""
    found = match(roles, present, chosen)
    missing = [name for name in (*chosen.values(), *([group] if group else [])) if name not in present]
    if missing:
        message = f"there is no column {missing[0]!r}; the columns are {listed(present)}"
        raise DataError(message, where=table.name, next="name one of these")
    if "text" not in found and (signals := match({"text": COLUMNS}, present, {})):
        return {role: columns[0] for role, columns in found.items() if role == "id"} | {"text": signals["text"][0]}
    if "text" not in found:
        raise DataError(
            f"cannot tell which of the columns {listed(present)} holds the texts; usual names are "
            + spoken(ROLES["text"]),
            where=table.name,
            next=f"name it: --columns text={shlex.quote(_proposed(present))}" if present else None,
        )
    refuse_twice(found, ("id",), table.name)
    return {role: likeliest(roles[role], columns) for role, columns in found.items()}


class TitledText(NamedTuple):
    """A document with its title apart.

    Args:
        id: as that of `CorpusText`.
        title: "" where it has none.
        body: the text without its title.
    """

    id: str
    title: str
    body: str


def read_titled(source: str, *, columns: Mapping[str, str] | None = None) -> Iterator[TitledText]:
    """The documents of `read_documents` that are not empty, with their titles apart.

    A heading or a short first line without an end of sentence, before more lines, is a title, too.
    """
    for table in open_source(source).document_tables():
        table, present = look_ahead(table)
        names = _columns(table, present, columns or {}, None, ROLES)
        for number, record in table.records:
            place = table.place(number)
            body = document_text(record, {"text": names["text"]}, place, table.problems)
            value = record.get(names["id"]) if "id" in names else None
            key = f"{Path(table.name).name}:{number}" if value is None else id_of(value, place, table.problems)
            if body is not None and key is not None and body.strip():
                title = record.get(names["title"]) if "title" in names else None
                known = title.strip() if isinstance(title, str) else ""
                yield TitledText(key, *((known, body) if known else _headed(body)))
        table.problems.raise_if_any()


LONGEST_HEADING = 100


def _headed(text: str) -> tuple[str, str]:
    """Title and body of a text that may begin with its heading.

    >>> _headed("# Refunds\\nWe refund within five days."), _headed("We refund.\\nAlways.")
    (('Refunds', 'We refund within five days.'), ('', 'We refund.\\nAlways.'))
    """
    first, _, rest = text.strip().partition("\n")
    heading = first.lstrip("#").strip()
    if rest.strip() and heading and len(heading) <= LONGEST_HEADING and heading[-1] not in ".!?。！？…:,;":
        return heading, rest.strip()
    return "", text
