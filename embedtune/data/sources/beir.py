"""A BEIR folder: a corpus, queries, and one file of judgments per split.

    corpus.jsonl {_id, title, text}   queries.jsonl {_id, text}   qrels/<split>.tsv (query-id, corpus-id, score)

`pairs.jsonl` next to them is the training split when there is no qrels/train.tsv.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.data.rows import RetrievalSet, Rows, relevant_pairs
from embedtune.data.sources.columns import document_text, label_of, listed, match, refuse_twice
from embedtune.data.sources.problems import SHOWN, Problems
from embedtune.data.sources.streams import plain_stem, plain_suffix
from embedtune.data.sources.tables import READABLE, RecordTable, open_table
from embedtune.errors import DataError
from embedtune.findings import Finding, counted, kind_of

_ID = ("_id", "id", "docid", "doc_id", "doc-id", "qid", "query_id", "query-id")
_TEXT_ROLES = {"id": _ID, "text": ("text",), "title": ("title",)}
_TITLE_AND_TEXT = {"title": "title", "text": "text"}
_QREL_ROLES = {
    "query-id": ("query-id", "query_id", "qid"),
    "corpus-id": ("corpus-id", "corpus_id", "docid", "doc_id", "doc-id"),
    "score": ("score", "grade", "relevance"),
}

Judgments = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Beir:
    """The content of a BEIR folder.

    Args:
        name: the folder's name.
        corpus: document id -> title and text in one.
        queries: query id -> text.
        groups: query id -> value of the group column, when one was asked for.
        qrels: split -> query id -> document id -> grade, for the splits that were read.
        places: split -> (query id, document id) -> "file:line".
        findings: what to know about the folder.
    """

    name: str
    corpus: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Mapping[str, Judgments]
    groups: Mapping[str, str] | None = None
    places: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def judged(self, split: str) -> RetrievalSet:
        """The queries of a split with at least one relevant document, against the full corpus."""
        relevant = {
            query: grades for query, grades in self.qrels[split].items() if any(grade > 0 for grade in grades.values())
        }
        return RetrievalSet(
            f"{self.name} {split}", {query: self.queries[query] for query in relevant}, self.corpus, relevant
        )

    def rows(self, split: str) -> Rows:
        """One row per relevant judgment of a split, in the order of its file."""
        pairs = [
            (query, document)
            for query, document in relevant_pairs(self.qrels[split])
            if query in self.queries and document in self.corpus
        ]
        return Rows(
            anchors=[self.queries[query] for query, _ in pairs],
            positives=[self.corpus[document] for _, document in pairs],
            groups=None if self.groups is None else [self.groups[query] for query, _ in pairs],
            places=[self.places[split][pair] for pair in pairs],
        )


def table_file(folder: Path, stem: str) -> Path | None:
    """The file of this name that can be read as records, whatever its suffix."""
    found = [path for path in sorted(folder.glob(f"{stem}.*")) if plain_stem(path) == stem]
    readable = [path for path in found if path.is_file() and plain_suffix(path) in READABLE]
    if len(readable) > 1:
        names = " and ".join(path.name for path in readable)
        raise DataError(f"two files are named {stem}: {names}", where=str(folder), next="keep one of them")
    return readable[0] if readable else None


def qrels_files(folder: Path) -> dict[str, Path]:
    """Split name -> file of judgments."""
    qrels = folder / "qrels"
    files = sorted(qrels.iterdir(), key=plain_stem) if qrels.is_dir() else []
    return {plain_stem(path): path for path in files if plain_suffix(path) in {".tsv", ".csv", ".jsonl", ".parquet"}}


def is_beir(folder: Path) -> bool:
    """Whether a folder looks like a BEIR folder: it has a corpus, and queries or judgments."""
    return table_file(folder, "corpus") is not None and (
        table_file(folder, "queries") is not None or (folder / "qrels").is_dir()
    )


def read_beir(
    folder: Path,
    splits: Iterable[str],
    group: str | None = None,
    *,
    allow_absent: bool = False,
    problems: Problems | None = None,
) -> Beir:
    """Read the corpus, the queries and the judgments of some splits.

    Args:
        folder: the BEIR folder.
        splits: whose judgments to read.
        group: a column of the queries.
        allow_absent: whether judgments may name documents that are not in the corpus. No ranking can contain them, so
            they count against every one, as in trec_eval; they are a finding then, not an error.
        problems: gathers faults; None: they are raised.

    Raises:
        DataError: a file is missing or faulty; the faults of all files are reported together.
    """
    name = folder.resolve().name
    files = {}
    for stem in ("corpus", "queries"):
        path = table_file(folder, stem)
        if path is None:
            raise DataError(f"a BEIR folder also needs {stem}.jsonl", where=str(folder))
        files[stem] = path
    problems = problems or Problems(str(folder))
    corpus = _read_named(files["corpus"], problems)
    queries = _read_named(files["queries"], problems, group)
    for number in queries.empty.values():
        problems.add(f"{queries.file}:{number}", "'text' is empty", kind="empty-texts")
    qrels: dict[str, Judgments] = {}
    places: dict[str, dict[tuple[str, str], str]] = {}
    for split in splits:
        path = qrels_files(folder)[split]
        qrels[split], places[split] = _judgments(open_table(path, problems), queries, None if allow_absent else corpus)
    problems.raise_if_any()
    findings = (*_empty_documents(corpus, qrels), *_absent_documents(corpus.texts, qrels, places))
    groups = None if group is None else queries.groups
    return Beir(name, corpus.texts, queries.texts, qrels, groups, places, findings)


@dataclass(frozen=True)
class _Named:
    """The texts of a file by id, the values of the group column by id, and the lines of empty texts by id."""

    file: Path
    texts: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    empty: dict[str, int] = field(default_factory=dict)

    def fault(self, key: str, kind: str) -> str | None:
        if key in self.texts:
            return None
        if key in self.empty:
            return f"the judgment names the {kind} {key!r}, whose text is empty ({self.file.name}:{self.empty[key]})"
        return f"the judgment names the {kind} {key!r}, which is not in {self.file.name}"


def _empty_documents(corpus: _Named, qrels: Mapping[str, Judgments]) -> tuple[Finding, ...]:
    # Public sets have a few (38 in FiQA). Where they may not be judged, reading has failed before.
    empty = corpus.empty
    if not empty:
        return ()
    named = len({document for judged in qrels.values() for grades in judged.values() for document in grades} & {*empty})
    fate = f"{named:,} of them judged, which counts against every ranking" if named else "no judgment names them"
    message = f"{counted(len(empty), 'document')} without any text left out of the corpus; {fate}."
    examples = tuple(f"{corpus.file.name}:{line} (document {key})" for key, line in list(empty.items())[:SHOWN])
    return (Finding("empty-documents", "note", len(empty), message, "Remove them from the corpus.", examples),)


def _absent_documents(
    corpus: Mapping[str, str],
    qrels: Mapping[str, Judgments],
    places: Mapping[str, Mapping[tuple[str, str], str]],
) -> tuple[Finding, ...]:
    absent = [
        f"{places[split][query, document]} (document {document})"
        for split, judged in qrels.items()
        for query, grades in judged.items()
        for document in grades
        if document not in corpus
    ]
    if not absent:
        return ()
    message = (
        f"{counted(len(absent), 'judgment')} of documents that are not in the corpus; they count against every ranking."
    )
    fix = "Add the documents, or remove the judgments."
    return (Finding("judgments-outside-corpus", "warning", len(absent), message, fix, tuple(absent[:SHOWN])),)


def _read_named(path: Path, problems: Problems, group: str | None = None) -> _Named:
    table, named = open_table(path, problems), _Named(path)
    lines: dict[str, int] = {}
    for number, record in table.records:
        place = table.place(number)
        if not lines:
            _check_columns(table, record, _TEXT_ROLES, ("id", "text"), group)
        key = _id_of(record, _ID, place, problems)
        if key is None:
            continue
        if key in lines:
            problems.add(place, f"the id {key!r} appears twice, first in line {lines[key]}")
        lines.setdefault(key, number)
        text = document_text(record, _TITLE_AND_TEXT, place, problems)
        if text == "":
            named.empty[key] = number
            continue
        if text is not None:
            named.texts[key] = text
        if group is not None:
            named.groups[key] = label_of(record, group, place, problems) or ""
    if not lines:
        problems.add(str(path), "there are no rows")
    return named


def _check_columns(
    table: RecordTable,
    record: Mapping[str, Any],
    roles: Mapping[str, tuple[str, ...]],
    needed: Iterable[str],
    group: str | None,
) -> None:
    found = match(roles, list(record), {})
    absent = ["_id" if role == "id" else role for role in needed if role not in found]
    absent += [group] if group and group not in record else []
    if absent:
        raise table.problems.stop(
            table.name,
            f"the columns are {listed(list(record))}; missing: {', '.join(map(repr, absent))}",
            hint="the first line must name the columns query-id, corpus-id and score, separated by tabs"
            if "score" in needed
            else None,
        )
    if "score" in needed:
        refuse_twice(found, (), table.name)


def _id_of(record: Mapping[str, Any], names: Iterable[str], place: str, problems: Problems) -> str | None:
    name = next((name for name in names if name in record), None)
    value = record.get(name) if name else None
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
        return str(value)
    problems.add(place, "the id is missing or empty" if value in (None, "") else f"the id must be text, got {value!r}")
    return None


def _judgments(
    table: RecordTable, queries: _Named, corpus: _Named | None
) -> tuple[Judgments, dict[tuple[str, str], str]]:
    """Grades, and the place of each judgment; without a corpus, documents may be absent from it."""
    grades: Judgments = {}
    places: dict[tuple[str, str], str] = {}
    first = True
    for number, record in table.records:
        place = table.place(number)
        if first:
            _check_columns(table, record, _QREL_ROLES, _QREL_ROLES, None)
            columns, first = match(_QREL_ROLES, list(record), {}), False
        query = _id_of(record, columns["query-id"], place, table.problems)
        document = _id_of(record, columns["corpus-id"], place, table.problems)
        grade = _grade(record.get(columns["score"][0]), place, table.problems)
        if query is None or document is None or grade is None:
            continue
        faults = [queries.fault(query, "query")]
        faults += [corpus.fault(document, "document")] if corpus else []
        for fault in filter(None, faults):
            table.problems.add(place, fault)
        before = grades.setdefault(query, {}).setdefault(document, grade)
        if before != grade:
            at = places[query, document]
            table.problems.add(
                place, f"query {query!r} and document {document!r} are judged {grade} here, {before} at {at}"
            )
        places.setdefault((query, document), place)
    if not relevant_pairs(grades) and not table.problems.count:
        what = "there are no judgments" if first else "no judgment is above 0, so nothing is relevant"
        table.problems.add(table.name, what)
    return grades, places


def _grade(value: Any, place: str, problems: Problems) -> int | None:
    try:
        if isinstance(value, int | str) and not isinstance(value, bool):
            return int(value)
    except ValueError:
        pass
    problems.add(place, f"the grade must be an integer, got {kind_of(value)}")
    return None
