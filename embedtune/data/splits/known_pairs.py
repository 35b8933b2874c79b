"""The queries of one split with everything known to be relevant to them: the input of a mining job."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from embedtune.config.verbs.mine import PairsSection
from embedtune.data.checks.duplicates import drop_duplicates
from embedtune.data.checks.quick import check_rows
from embedtune.data.formats import Part
from embedtune.data.rows import RawTexts, Rows
from embedtune.data.sources.documents import CorpusText
from embedtune.data.sources.source import open_source
from embedtune.data.splits.classes import distinct, pair_within_classes
from embedtune.errors import DataError
from embedtune.findings import Finding, counted


@dataclass(frozen=True)
class KnownPairs:
    """Rows of one split, and where their candidates come from.

    Args:
        rows: anchor, positive, given negatives and groups; each pair once.
        corpus: the BEIR folder whose corpus holds the candidates; None: they are the rows' own documents.
        held_out: ids of its documents that are relevant to queries of other splits and to none of this one.
        described: what was read, in sentences to print.
        findings: what to know about it.
        hashes: source file name -> sha256 of its bytes.
    """

    rows: Rows
    corpus: str | None = None
    held_out: frozenset[str] = frozenset()
    described: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hashes: Mapping[str, str] | None = None

    @cached_property
    def query_ids(self) -> np.ndarray:
        """int64 (Q,): text ids of the distinct anchors, in the order of first appearance."""
        ids, first = np.unique(self.rows.anchor_ids, return_index=True)
        return ids[np.argsort(first)]  # (Q,)

    @cached_property
    def rows_of_query(self) -> list[list[int]]:
        """The row numbers of each query, in the order of `query_ids`."""
        numbers = {identity: number for number, identity in enumerate(self.query_ids.tolist())}
        rows: list[list[int]] = [[] for _ in numbers]
        for row, identity in enumerate(self.rows.anchor_ids.tolist()):
            rows[numbers[identity]].append(row)
        return rows

    @cached_property
    def queries(self) -> list[str]:
        """The text of each query."""
        return [self.rows.anchors[rows[0]] for rows in self.rows_of_query]

    @cached_property
    def known(self) -> np.ndarray:
        """int64 (P, 2): pairs (query number, text id of one of its positives), each once."""
        pairs = [
            (query, int(self.rows.positive_ids[row])) for query, rows in enumerate(self.rows_of_query) for row in rows
        ]
        return np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), axis=0)  # (P, 2)

    def positives(self) -> Iterator[CorpusText]:
        """The positive of every row, with the group of its query."""
        nothing = [""] * len(self.rows)
        columns = (self.rows.places or nothing, self.rows.positives, self.rows.groups or nothing)
        return (CorpusText(*values) for values in zip(*columns, strict=True))

    def negatives(self) -> Iterator[CorpusText]:
        """Every given negative; its group is unknown."""
        places = self.rows.places or [""] * len(self.rows.negatives)
        for place, texts in zip(places, self.rows.negatives, strict=False):
            yield from (CorpusText(place, text) for text in texts)

    def with_positives(self, pairs: Iterator[tuple[str, str]] | tuple[tuple[str, str], ...]) -> "KnownPairs":
        """The same with further pairs (query, positive) of known queries; pairs of other queries are left out."""
        row_of = {identity: rows[0] for identity, rows in zip(self.query_ids.tolist(), self.rows_of_query, strict=True)}
        added = Rows(*(zip(*pairs, strict=True))) if pairs else Rows([], [])
        found = [(row_of[a], row) for row, a in enumerate(added.anchor_ids.tolist()) if a in row_of]
        if not found:
            return self
        rows = self.rows
        more = Rows(
            anchors=[*rows.anchors, *(rows.anchors[like] for like, _ in found)],
            positives=[*rows.positives, *(added.positives[row] for _, row in found)],
            negatives=[*rows.negatives, *(() for _ in found)] if rows.negatives else (),
            groups=None if rows.groups is None else [*rows.groups, *(rows.groups[like] for like, _ in found)],
            places=[*rows.places, *("the ledger" for _ in found)],
        )
        return replace(self, rows=drop_duplicates(more)[0])


def read_pairs(section: PairsSection, seed: int) -> KnownPairs:
    """Read the queries and positives of one split; `seed` decides how texts that have only a class are paired.

    Raises:
        DataError: the data cannot be used; all faults of a file at once.
        ConfigError: a role in `columns` does not exist.
    """
    source = open_source(section.source)
    split = source.demand(section.split, "--split") if source.splits or section.split != "train" else ""
    read = source.mining(split, section.columns, section.group)
    rows, found = _rows(read.part, section, seed)
    if not len(rows):
        raise DataError(
            "there is no pair to mine negatives for",
            where=section.source,
            next="provide at least one query and its positive",
        )
    where = f"{source.what}" + (f", split {split}" if split else "")
    if read.corpus is None:
        said = [f"read {read.part.amount} from {where}", *read.part.said]
    else:
        said = [f"read {counted(len(rows), 'pair')} from {where}"]
    if read.held_out:
        documents = counted(len(read.held_out), "document")
        said.append(f"{documents} excluded from training: only queries of other splits refer to them")
    findings = (*read.part.findings, *found, *check_rows(rows))
    return KnownPairs(rows, read.corpus, read.held_out, tuple(said), findings, read.hashes)


def _rows(part: Part, section: PairsSection, seed: int) -> tuple[Rows, tuple[Finding, ...]]:
    content = part.content
    if isinstance(content, RawTexts):
        raise DataError(
            f"these are {len(content):,} texts without pairs; mining needs queries with their positives",
            where=section.source,
            next="name the pairs with --data, and these texts with --corpus",
        )
    if isinstance(content, Rows):
        rows, findings = drop_duplicates(content)
        return rows, tuple(findings)
    once, doubled = distinct(content)
    rows, alone = pair_within_classes(once, seed)
    # Every text of a class is a right answer to every other, so the class is the group, whatever column was named.
    return (
        Rows(rows.anchors, rows.positives, labels=rows.labels, groups=rows.labels, places=rows.places),
        (*doubled, *alone),
    )
