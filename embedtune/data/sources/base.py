"""What every kind of source answers: its splits, rows, documents and judged queries, and what there is to learn from.

A kind of source is one class: files (`source.py`), a Hub set (`hub.py`) and a BEIR folder (`beir_folder.py`). It gives
tables and hashes, and overrides what cannot be read from its tables alone. No code outside this folder asks which kind
a source is.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.formats import Part
from embedtune.data.formats.shared.find import BLOCK, joined, read_blocks, read_part
from embedtune.data.rows import RawTexts, RetrievalSet
from embedtune.data.sources.layouts.splits import ALIASES
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable, look_ahead
from embedtune.errors import DataError
from embedtune.findings import Finding


@dataclass(frozen=True)
class TrainingParts:
    """What a source has for a training run, before anything is held out.

    Args:
        train: the rows or texts to learn from.
        where: what errors about them name.
        described: what was read, in sentences.
        findings: what to know about it.
        given: "dev" and "test" -> the rows that the source has for them.
        judged: "dev" and "test" -> the judged queries that the source has for them.
        corpus: document id -> text, where the source has a corpus of its own.
        judged_train: the training split as judged queries, which rows held out of it become.
        group: the column whose values are never divided, and count as one in the evidence.
    """

    train: Part
    where: str
    described: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    given: Mapping[str, Part] = field(default_factory=dict)
    judged: Mapping[str, RetrievalSet] = field(default_factory=dict)
    corpus: Mapping[str, str] | None = None
    judged_train: RetrievalSet | None = None
    group: str | None = None


@dataclass(frozen=True)
class MiningParts:
    """What a source has for mining.

    Args:
        part: the rows of one split.
        hashes: source file name -> sha256.
        corpus: the folder whose corpus holds the candidates; None: they are the rows' own documents.
        held_out: ids of its documents that answer queries of other splits and none of this one.
    """

    part: Part
    hashes: Mapping[str, str]
    corpus: str | None = None
    held_out: frozenset[str] = frozenset()


class Source(ABC):
    """One named source of data. `splits` is empty when the source is not divided.

    Args:
        name: as the user named it.
        what: what it is, in words: "a BEIR folder (welfare-ko)".
        splits: its split names, as the source calls them.
    """

    has_corpus = False
    """Whether it has documents of its own, which belong to no split; its queries are judged against them."""

    def __init__(self, name: str, what: str, splits: tuple[str, ...]) -> None:
        self.name = name
        self.what = what
        self.splits = splits

    def find(self, split: str) -> str | None:
        """The source's own name for a split: the same name, or another usual one."""
        if split in self.splits:
            return split
        names = next((names for names in ALIASES.values() if split in names), ())
        return next((name for name in names if name in self.splits), None)

    def demand(self, split: str, option: str) -> str:
        """The source's own name for a split; `option` is what the user named it with.

        Raises:
            DataError: the source has no such split.
        """
        found = self.find(split)
        if found is None:
            there = f"it has {', '.join(self.splits)}" if self.splits else "it is not divided into splits"
            raise DataError(
                f"there is no split {split!r} in {self.what}; {there}",
                where=self.name,
                next=f"{option} {self._nearest(split)}" if self.splits else f"omit {option}",
            )
        return found

    def _nearest(self, split: str) -> str:
        return (get_close_matches(split, self.splits, n=1) or self.splits)[0]

    @abstractmethod
    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The tables that hold the rows of a split ("" for all of an undivided source).

        Args:
            split: the source's own name for it.
            problems: gathers the faults of all tables; None: each table has its own.
        """

    @abstractmethod
    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name -> sha256, of the files that hold these splits."""

    def part(self, split: str, columns: Mapping[str, str], group: str | None) -> Part:
        """The rows of a split; `columns` are those that the user named, values of `group` are never divided."""
        return joined([read_part(table, columns, group) for table in self.tables(split)])

    def blocks(
        self, split: str, columns: Mapping[str, str], problems: Problems, group: str | None = None, rows: int = BLOCK
    ) -> Iterator[Part]:
        """The rows of a split, `rows` records at a time, so that data of any size fits in memory.

        Faults are gathered in `problems`, and rows with one are left out; the other arguments are those of `part`.

        Raises:
            DataError: nothing can be read at all, or reading cannot continue.
        """
        for table in self.tables(split, problems):
            yield from read_blocks(table, columns, group, rows)

    def training(self, train: str, given: Mapping[str, str], section: DataSection) -> TrainingParts:
        """What there is to learn from and to judge by.

        Args:
            train: the source's own name for the training split.
            given: "dev" and "test" -> the source's own names, where it has them.
            section: columns, groups, and whether only texts are used.
        """
        parts = {train: self.part(train, section.columns, section.group)}
        # Only what is divided further needs its groups, so dev and test files need not have the column.
        parts |= {
            split: self.part(split, section.columns, self.column_of(split, section.group)) for split in given.values()
        }
        if len({type(part.content) for part in parts.values()}) > 1:
            kinds = "; ".join(f"{split}: {part.unit}" for split, part in parts.items())
            raise DataError(f"the splits hold different things ({kinds})", where=self.name)
        own, split = parts[train], f", split {train}" if train else ""
        described = [f"read {own.amount} from {self.what}{split}"]
        described += [sentence for part in parts.values() for sentence in part.said]
        if isinstance(own.content, RawTexts) and given:
            described.append(f"not used, since texts alone contain no queries: {', '.join(given.values())}")
        return TrainingParts(
            own,
            self.name,
            tuple(described),
            tuple(finding for part in parts.values() for finding in part.findings),
            {role: parts[split] for role, split in given.items()},
            group=section.group,
        )

    def column_of(self, split: str, column: str | None) -> str | None:
        """The column, if the rows or queries of a split have it; None if not."""
        table = None if column is None else next(self.query_tables() or self.tables(split), None)
        return column if table is not None and column in look_ahead(table)[1] else None

    def mining(self, split: str, columns: Mapping[str, str], group: str | None) -> MiningParts:
        """The rows of a split to mine negatives for, and where candidates come from."""
        return MiningParts(self.part(split, columns, group), self.hashes((split,)))

    def judged(
        self, split: str, option: str, *, every_query: bool = False, group: str | None = None
    ) -> tuple[RetrievalSet, tuple[Finding, ...]] | None:
        """The source's own judged queries and findings about them; None where it has rows only.

        Args:
            split: the source's own name for it.
            option: what named the split, for messages.
            every_query: with queries that have no relevant document, and judgments of documents that are missing.
            group: the column of the queries that says which of them count as one in the evidence.
        """
        return None

    def document_tables(self) -> Iterator[RecordTable]:
        """The tables that hold its documents: those of its corpus, or else of all splits."""
        return (table for split in self.splits or ("",) for table in self.tables(split))

    def document_hashes(self) -> dict[str, str]:
        """File name -> sha256 of what `document_tables` reads."""
        return self.hashes(self.splits or ("",))

    def texts_table(self, split: str, *, texts_only: bool) -> RecordTable | None:
        """The table that a run on texts alone reads first; None where it learns from judged pairs."""
        return next(self.tables((self.find(split) or self.splits[0]) if self.splits else ""))

    def members(self) -> list[Path]:
        """The files that it is read from, where it is a folder of them."""
        return []

    def query_tables(self) -> Iterator[RecordTable] | None:
        """The tables that hold its queries, where they are apart from its documents."""
        return None

    def text_names(self) -> dict[str, dict[str, int]]:
        """Role ("query", "document") -> what the source calls a text -> text id; empty where it names none."""
        return {}
