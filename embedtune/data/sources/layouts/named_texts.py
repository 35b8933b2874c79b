"""Texts by id: the corpus or the queries of a retrieval set, read table by table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embedtune.data.sources.columns import Roles, document_text, id_of, label_of, listed, match, refuse_twice
from embedtune.data.sources.problems import ADD_ROWS, NO_ROWS, Problems
from embedtune.data.sources.tables import RecordTable

CORPUS_ROLES: Roles = {
    "id": ("_id", "id", "docid", "doc_id", "doc-id", "docno", "pid", "corpus-id", "corpus_id"),
    "title": ("title",),
    "text": ("text", "document", "passage", "contents", "content", "body"),
}
"""Role -> the usual names of its column, the likeliest first."""
QUERY_ROLES: Roles = {
    "id": ("_id", "id", "qid", "query_id", "query-id", "docid", "doc_id", "doc-id"),
    "title": ("title",),
    "text": ("text", "query", "question"),
}
_ROLES = {"corpus": CORPUS_ROLES, "queries": QUERY_ROLES}


@dataclass(frozen=True)
class NamedTexts:
    """The texts of the corpus or of the queries.

    Args:
        texts: id -> text, its title before it.
        groups: id -> value of the group column.
        empty: id -> "file:line" of a text that is empty.
        keys: split -> ids of the texts that it has, "" for those of all splits.
        repeated: places of texts that repeat an earlier one with its id.
    """

    texts: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    empty: dict[str, str] = field(default_factory=dict)
    keys: dict[str, dict[str, None]] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    def documents_of(self, split: str) -> list[str] | None:
        """The ids of the texts of a split; None where that is all of them."""
        if not self.keys.keys() - {"", split}:
            return None
        own = self.keys.get("", {}) | self.keys.get(split, {})
        return [key for key in own if key in self.texts]


def read_named(
    tables: Iterable[tuple[str, RecordTable]], part: str, problems: Problems, group: str | None = None
) -> NamedTexts:
    """Read texts by id; faults are noted.

    Args:
        tables: each with the split that alone has it, "" for all.
        part: "corpus" or "queries".
        problems: gathers faults.
        group: a column to keep.

    Raises:
        DataError: a table lacks a column, or there is no table.
    """
    named, places = NamedTexts(), dict[str, str]()
    for split, table in tables:
        if not _read_table(named, table, places, split, _ROLES[part], group):
            problems.add(table.name, NO_ROWS, hint=ADD_ROWS)
    if not named.keys:
        raise problems.stop(problems.source, f"a BEIR folder also needs {part}.jsonl")
    return named


def _read_table(
    named: NamedTexts, table: RecordTable, places: dict[str, str], split: str, roles: Roles, group: str | None
) -> int:
    """Add the texts of a table; returns the number of its rows."""
    columns: dict[str, str] = {}
    own, rows = named.keys.setdefault(split, {}), 0
    for number, record in table.records:
        rows += 1
        place = table.place(number)
        columns = columns or check_columns(table, record, roles, ("id", "text"), group)
        key = id_of(record.get(columns["id"]), place, table.problems)
        if key is None:
            continue
        text = document_text(record, columns, place, table.problems)
        if key in places:
            # Two splits with a corpus each may share documents.
            if key in own or text != named.texts.get(key, ""):
                _repeat(named, key, text, place, places[key], table.problems)
            own[key] = None
            continue
        places[key], own[key] = place, None
        if text == "":
            named.empty[key] = place
            continue
        if text is not None:
            named.texts[key] = text
        if group is not None:
            named.groups[key] = label_of(record, group, place, table.problems) or ""
    return rows


def _repeat(named: NamedTexts, key: str, text: str | None, place: str, first: str, problems: Problems) -> None:
    """Count a text that has the id of an equal one; another text with this id is a fault."""
    if text == named.texts.get(key, ""):
        named.repeated.append(f"{place} ({key}, first at {first})")
    else:
        same_file = first.rpartition(":")[0] == place.rpartition(":")[0]
        at = f"in line {first.rpartition(':')[2]}" if same_file else f"at {first}"
        problems.add(place, f"the id {key!r} appears twice, first {at}, with another text")


def check_columns(
    table: RecordTable, record: Mapping[str, Any], roles: Roles, needed: Iterable[str], group: str | None = None
) -> dict[str, str]:
    """Role -> column of a table, by its first record; of several names of an id or a text, the likeliest.

    Raises:
        DataError: a needed role has no column.
    """
    found = match(roles, list(record), {})
    absent = [roles[role][0] if role == "id" else role for role in needed if role not in found]
    absent += [group] if group and group not in record else []
    if absent:
        raise table.problems.stop(
            table.name,
            f"the columns are {listed(list(record))}; missing: {', '.join(map(repr, absent))}",
            hint="the first line must name the columns query-id, corpus-id and score, separated by tabs"
            if "score" in roles
            else f"name the columns {' and '.join(roles[role][0] for role in needed)}",
        )
    if "score" in roles:
        refuse_twice(found, (), table.name)
    return {role: likeliest(roles[role], columns) for role, columns in found.items()}


def likeliest(names: Sequence[str], columns: Sequence[str]) -> str:
    """The column whose name comes first among the usual ones."""
    return next((name for name in names if name in columns), columns[0])
