"""What a mining job searches: documents on disk, queries and their positives."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from embedtune.config.verbs.mine import MineConfig
from embedtune.data.sources.documents import CorpusText, read_documents, source_hashes
from embedtune.data.splits.known_pairs import KnownPairs
from embedtune.data.texts.corpus import DiskCorpus, open_corpus, write_corpus
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.prompts import without_prompt
from embedtune.errors import DataError, raise_machine_fault
from embedtune.identity import text_id
from embedtune.mining.ledger import Decisions
from embedtune.workflows.shared.jobs.job import Job, is_done, key_of, load_array, save_array
from embedtune.workflows.shared.talk import Talk

_LACKED = "+"
"""The id of a document that is there only for its vector: a positive that the corpus lacks."""
NOBODY = 0
"""The group of a text that has none."""


@dataclass(frozen=True)
class JobDocuments:
    """The documents of a job.

    Args:
        corpus: what may be found, followed by the positives that the corpus lacks.
        searched: how many of them may be candidates: those before the added positives.
        pairs: queries and their positives.
        decisions: of a person, read from the ledger, or None.
    """

    corpus: DiskCorpus
    searched: int
    pairs: KnownPairs
    decisions: Decisions | None = None

    @property
    def repeated(self) -> int:
        """Documents of a given corpus that repeat the text of an earlier one; positives read after it do not count."""
        behind = len(self.pairs.rows) - (len(self.corpus) - self.searched)
        return self.corpus.duplicates - behind

    @cached_property
    def positives(self) -> np.ndarray:
        """int64 (P, 2): pairs (query number, position of one of its positives), queries in order."""
        known = self.pairs.known  # (P, 2)
        return np.stack([known[:, 0], self.corpus.find(known[:, 1])], axis=1)  # (P, 2)

    @cached_property
    def near_ids(self) -> np.ndarray:
        """int64 (C,): ids shared by nearly identical texts."""
        path = self.corpus.folder / "near.npy"
        if not is_done(path):
            batches = (near_ids(map(without_prompt, texts)) for texts in self.corpus.batches())
            save_array(path, np.concatenate(list(batches)))  # (C,)
        return load_array(path)  # (C,)

    def positives_near(self, pairs: np.ndarray) -> np.ndarray:
        """Pairs (number, document position) as pairs (number, near id): int64 (P, 2)."""
        return np.stack([pairs[:, 0], self.near_ids[pairs[:, 1]]], axis=1)  # (P, 2)

    @cached_property
    def query_near_ids(self) -> np.ndarray:
        """int64 (Q,): the same for the queries."""
        return near_ids(map(without_prompt, self.pairs.queries))

    def positives_of_twins(self, queries: np.ndarray) -> np.ndarray:
        """The positives of other queries that have the form of one of these (Q,): int64 (P, 2).

        Pairs (place among `queries`, document position).
        """
        forms, counts = np.unique(self.query_near_ids, return_counts=True)
        own = self.query_near_ids[queries]  # (Q,)
        own = np.where(np.isin(own, forms[counts > 1]), own, 0)  # (Q,), 0 where no other query has the form
        known = self.positives[np.isin(self.query_near_ids[self.positives[:, 0]], own)]  # (p, 2)
        row, place = np.nonzero(own[:, None] == self.query_near_ids[known[:, 0]][None, :])
        return np.stack([row, known[place, 1]], axis=1)

    @cached_property
    def queries_key(self) -> str:
        """A hash of the texts of the queries, in order."""
        return key_of({"queries": self.pairs.queries})

    @cached_property
    def asked_key(self) -> str:
        """A hash of everything known about the queries: texts, positives and groups."""
        known, groups = self.pairs.known.tolist(), self.pairs.rows.groups
        return key_of({"queries": self.queries_key, "known": known, "groups": groups})

    @property
    def marked_pairs(self) -> list[list[int]]:
        """Text ids of the pairs (query, candidate) that a person marked negative."""
        return [] if self.decisions is None else self.decisions.negative_ids.tolist()

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Group ids of documents (C,) and queries (Q,), `NOBODY` for texts without one; None without --group."""
        rows = self.pairs.rows
        if rows.groups is None:
            return None
        of_query = np.array([_group_id(rows.groups[first[0]]) for first in self.pairs.rows_of_query], dtype=np.int64)
        names: dict[str, int] = {}
        codes = [
            names[name] if name in names else names.setdefault(name, _group_id(name))
            for first in range(0, len(self.corpus), 65_536)
            for name in self.corpus.groups(range(first, min(first + 65_536, len(self.corpus))))
        ]
        of_document = np.array(codes, dtype=np.int64)  # (C,)
        # In a corpus without the column, positives get the group of their queries.
        unknown = self.positives[of_document[self.positives[:, 1]] == NOBODY]  # (U, 2)
        of_document[unknown[:, 1]] = of_query[unknown[:, 0]]
        return of_document, of_query


def gather_documents(
    config: MineConfig, pairs: KnownPairs, decisions: Decisions | None, job: Job, talk: Talk
) -> JobDocuments:
    """Write everything that may be found and every positive into one corpus on disk, or open the existing one."""
    source = config.data.corpus or pairs.corpus
    made_from = {
        "data": pairs.hashes,
        "section": config.data.model_dump(),
        "corpus": source_hashes(source) if source else None,
        "held_out": key_of({"ids": sorted(pairs.held_out)}) if source == pairs.corpus else None,
        "ledger": decisions.positive_ids.tolist() if decisions else [],
        "seed": config.mining.seed,
    }
    folder = job.stage("documents", **made_from)
    corpus = open_corpus(folder, made_from)
    if corpus is None:
        with talk.progress("reading the documents") as tell:
            documents = _documents(source, config.data.group, pairs, talk)
            corpus = write_corpus(documents, folder, made_from, progress=tell)
    return JobDocuments(corpus, _searched(corpus, pairs), pairs, decisions)


def _documents(source: str | None, group: str | None, pairs: KnownPairs, talk: Talk) -> Iterator[CorpusText]:
    """What may be found, then the positives that it may lack."""
    if source is None:
        return chain(pairs.positives(), pairs.negatives())
    lacked = (one._replace(id=_LACKED) for one in pairs.positives())
    held_out = pairs.held_out if source == pairs.corpus else frozenset()
    return chain((one for one in _corpus(source, group, talk) if one.id not in held_out), lacked)


def _corpus(source: str, group: str | None, talk: Talk) -> Iterator[CorpusText]:
    stream = read_documents(source, group=group)
    try:
        first = [next(stream)]
    except DataError as error:
        raise_machine_fault(error, Path(source))
        if group is None:
            raise
        # A missing column is allowed; any other problem is raised again by the second reading.
        stream, first = read_documents(source), []
        talk.say(f"the corpus has no column {group!r}: only positives get a group, that of their queries")
    return chain(first, stream)


def _searched(corpus: DiskCorpus, pairs: KnownPairs) -> int:
    tail = range(max(0, len(corpus) - len(pairs.known)), len(corpus))
    return len(corpus) - sum(name == _LACKED for name in corpus.ids(tail))


def _group_id(name: str) -> int:
    return text_id(name) if name else NOBODY
