"""A retrieval set in BEIR's manner: a corpus, queries, and judgments per split.

    corpus.jsonl {_id, title, text}   queries.jsonl {_id, text}   qrels/<split>.tsv (query-id, corpus-id, score)

`pairs.jsonl` next to them is the training split when there is no qrels/train.tsv. Judgments of what is not there are
counted and not learned; where queries are scored, absent documents count against every ranking, as in trec_eval.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from embedtune.data.rows import Grouping, RetrievalSet, Rows, relevant_pairs
from embedtune.data.sources.columns import id_of
from embedtune.data.sources.layouts.beir_files import BeirFiles
from embedtune.data.sources.layouts.judgments import ROLES, grade_of
from embedtune.data.sources.layouts.named_texts import NamedTexts, check_columns, read_named
from embedtune.data.sources.problems import SHOWN, Problems
from embedtune.data.sources.tables import RecordTable
from embedtune.findings import Finding, counted

Judgments = dict[str, dict[str, int]]


class RetrievalTables(Protocol):
    """Where a retrieval set is read from: the files of a folder, a file that holds all of it, a set of the Hub."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def where(self) -> str:
        """What errors about it name."""

    @property
    def what(self) -> str:
        """What it is, in words."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have judgments; one empty name where it is not divided."""

    @property
    def pairs(self) -> Path | None:
        """The file of training pairs next to its corpus."""

    def documents(self, problems: Problems | None = None) -> Iterator[tuple[str, RecordTable]]:
        """The tables of its documents, each with the split that alone has them, "" for all."""

    def questions(self, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The tables of its queries."""

    def judgments(self, split: str, problems: Problems) -> Iterator[RecordTable]:
        """The tables of judgments of a split."""

    def hashes(self, splits: Sequence[str]) -> dict[str, str]:
        """Name -> sha256 of its documents and queries and the judgments of these splits."""

    def document_hashes(self) -> dict[str, str]:
        """Name -> sha256 of its documents."""

    def members(self) -> list[Path]:
        """The files that it is read from."""


@dataclass(frozen=True)
class Beir:
    """The content of a BEIR folder.

    Args:
        name: the folder's name.
        corpus: document id -> title and text in one.
        queries: query id -> text.
        groups: query id -> value of the group column, when one was asked for.
        qrels: split -> query id -> document id -> grade, for the splits that were read. Every query has a text; a
            document may be absent from the corpus.
        places: split -> (query id, document id) -> "file:line".
        findings: what to know about the folder.
        own: split -> ids of the documents that its queries are judged against, where that is not all of the corpus.
        group: the group column.
    """

    name: str
    corpus: Mapping[str, str]
    queries: Mapping[str, str]
    qrels: Mapping[str, Judgments]
    groups: Mapping[str, str] | None = None
    places: Mapping[str, Mapping[tuple[str, str], str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)
    group: str | None = None

    def judged(self, split: str, *, every_query: bool = False) -> RetrievalSet:
        """The queries of a split that have a relevant document, or every judged one, against the full corpus."""
        qrels = {
            query: grades
            for query, grades in self.qrels[split].items()
            if every_query or any(grade > 0 for grade in grades.values())
        }
        queries = {query: self.queries[query] for query in qrels}
        corpus = {key: self.corpus[key] for key in self.own[split]} if split in self.own else self.corpus
        groups = None
        if self.groups is not None and self.group is not None:
            groups = Grouping(self.group, {query: self.groups[query] for query in queries})
        return RetrievalSet(f"{self.name} {split}".rstrip(), queries, corpus, qrels, groups)

    def rows(self, split: str) -> Rows:
        """One row per relevant judgment of a split, in the order of its file."""
        pairs = [pair for pair in relevant_pairs(self.qrels[split]) if pair[1] in self.corpus]
        return Rows(
            anchors=[self.queries[query] for query, _ in pairs],
            positives=[self.corpus[document] for _, document in pairs],
            groups=None if self.groups is None else [self.groups[query] for query, _ in pairs],
            places=[self.places[split][pair] for pair in pairs],
        )


def read_beir(
    folder: Path | RetrievalTables, splits: Iterable[str], group: str | None = None, *, problems: Problems | None = None
) -> Beir:
    """Read the corpus, the queries and the judgments of some splits.

    Args:
        folder: the BEIR folder, or what else a retrieval set is read from.
        splits: whose judgments to read.
        group: a column of the queries.
        problems: gathers faults; None: they are raised.

    Raises:
        DataError: a file is missing or faulty; the faults of all files are reported together.
    """
    tables: RetrievalTables = BeirFiles(folder) if isinstance(folder, Path) else folder
    wanted = tuple(splits)
    problems = problems or Problems(tables.where)
    documents = list(tables.documents(problems))
    # A corpus of another split would only get in the way of this one, and its ids may be the same.
    needed = {"", *wanted} if wanted else {split for split, _ in documents}
    corpus = read_named(((split, table) for split, table in documents if split in needed), "corpus", problems)
    queries = read_named((("", table) for table in tables.questions(problems)), "queries", problems, group)
    read = {split: _Judged(corpus, queries) for split in wanted}
    for split, judged in read.items():
        for table in tables.judgments(split, problems):
            judged.read(table)
        judged.refuse_nothing(split, tables.where, problems)
    problems.raise_if_any()
    return Beir(
        tables.name,
        corpus.texts,
        queries.texts,
        {split: one.grades for split, one in read.items()},
        None if group is None else queries.groups,
        {split: one.places for split, one in read.items()},
        _findings(corpus, queries, list(read.values())),
        {split: own for split in wanted if (own := corpus.documents_of(split)) is not None},
        group,
    )


class _Judged:
    """The judgments of one split, read table by table; those of queries without a text are left out."""

    def __init__(self, corpus: NamedTexts, queries: NamedTexts) -> None:
        self.grades: Judgments = {}
        self.places: dict[tuple[str, str], str] = {}
        self.unasked: list[str] = []
        self.absent: list[str] = []
        self.repeated: list[str] = []
        self.harmless = 0
        self._rows = 0
        self._corpus, self._queries = corpus, queries

    def read(self, table: RecordTable) -> None:
        """Add the judgments of a table; faults go to its problems."""
        columns: dict[str, str] = {}
        for number, record in table.records:
            place = table.place(number)
            columns = columns or check_columns(table, record, ROLES, ROLES)
            query = id_of(record.get(columns["query-id"]), place, table.problems)
            document = id_of(record.get(columns["corpus-id"]), place, table.problems)
            grade = grade_of(record.get(columns["score"]), place, table.problems)
            self._rows += 1
            if query is not None and document is not None and grade is not None:
                self._add(query, document, grade, place, table.problems)

    def _add(self, query: str, document: str, grade: int, place: str, problems: Problems) -> None:
        if query not in self._queries.texts:
            self.unasked.append(f"{place} (query {query}{_why(self._queries, query)})")
            return
        before = self.grades.setdefault(query, {}).setdefault(document, grade)
        at = self.places.setdefault((query, document), place)
        if before != grade:
            problems.add(place, f"query {query!r} and document {document!r} are judged {grade} here, {before} at {at}")
        elif at != place:
            self.repeated.append(f"{place} (first at {at})")
        elif document not in self._corpus.texts:
            self.harmless += grade <= 0
            self.absent.append(f"{place} (document {document}{_why(self._corpus, document)})")

    def refuse_nothing(self, split: str, where: str, problems: Problems) -> None:
        """Note it as a fault if nothing is left that is relevant."""
        if problems.count or any(document in self._corpus.texts for _, document in relevant_pairs(self.grades)):
            return
        hint = None
        what = "no judgment is above 0, so nothing is relevant" if self._rows else "there are no judgments"
        lost = [*self.unasked, *self.absent]
        if lost:
            what = f"no judgment names both a query and a document that are there, such as at {lost[0]}"
            hint = "check that the ids are those of the corpus and the queries, and the order of the columns"
        problems.add(where, f"{f'split {split}: ' if split else ''}{what}", hint=hint)


def _why(texts: NamedTexts, key: str) -> str:
    return ", whose text is empty" if key in texts.empty else ""


def _findings(corpus: NamedTexts, queries: NamedTexts, read: Sequence[_Judged]) -> tuple[Finding, ...]:
    # Public sets have a few of each: 38 empty documents in FiQA, judgments of removed documents in others.
    absent = [one for judged in read for one in judged.absent]
    unasked = [one for judged in read for one in judged.unasked]
    repeated = [one for judged in read for one in judged.repeated]
    judged_too = len({key for judged in read for _, key in judged.places} & corpus.empty.keys())
    more = f"; {judged_too:,} of them judged" if judged_too else "; no judgment names them" if read else ""
    harmless = sum(judged.harmless for judged in read)
    which = f"the relevant ones ({len(absent) - harmless:,})" if harmless else "they"
    repeats = [*corpus.repeated, *queries.repeated]
    found = (
        _finding(
            "empty-documents",
            "note",
            [f"{place} (document {key})" for key, place in corpus.empty.items()],
            f"{counted(len(corpus.empty), 'document')} without any text left out of the corpus{more}.",
            "Remove them from the corpus.",
        ),
        _finding(
            "empty-queries",
            "note",
            [f"{place} (query {key})" for key, place in queries.empty.items()],
            f"{counted(len(queries.empty), 'query')} without any text left out.",
            "Remove them from the queries.",
        ),
        _finding(
            "judgments-outside-corpus",
            "warning",
            absent,
            f"{counted(len(absent), 'judgment')} of documents that are not in the corpus; {which} count against every "
            "ranking, and are not learned.",
            "Add the documents, or remove the judgments.",
        ),
        _finding(
            "judgments-without-query",
            "warning",
            unasked,
            f"{counted(len(unasked), 'judgment')} of queries that are not there left out.",
            "Add the queries, or remove the judgments.",
        ),
        _finding("repeated-judgments", "note", repeated, f"{counted(len(repeated), 'judgment')} repeated."),
        _finding(
            "repeated-ids", "note", repeats, f"{counted(len(repeats), 'text')} with the id of an equal text left out."
        ),
    )
    return tuple(one for one in found if one is not None)


def _finding(code: str, severity: str, examples: Sequence[str], message: str, fix: str = "") -> Finding | None:
    return Finding(code, severity, len(examples), message, fix, tuple(examples[:SHOWN])) if examples else None
