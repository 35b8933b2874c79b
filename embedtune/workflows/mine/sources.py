"""What a mining job searches: documents on disk, queries, their positives, and the vectors of all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from embedtune.config.encoder import EncoderSection
from embedtune.config.mine import MineConfig
from embedtune.data.sources.documents import CorpusText, read_documents, source_hashes
from embedtune.data.splits.known_pairs import KnownPairs
from embedtune.data.texts.corpus import DiskCorpus, open_corpus, write_corpus
from embedtune.data.texts.normal_form import near_ids
from embedtune.durable import seal_folder, unseal_folder
from embedtune.errors import DataError
from embedtune.identity import text_id
from embedtune.mining.ledger import Decisions
from embedtune.models.encode.encode import encode_to_file
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.files.resolve import STARTER
from embedtune.models.files.save import save_encoder
from embedtune.models.files.starter import MOST_TEXTS
from embedtune.workflows.mine.job import Job, is_done, key_of, load_array, save_array
from embedtune.workflows.shared.talk import Talk

Sliceable = TypeVar("Sliceable", list[str], np.ndarray)
_LACKED = "+"
"""The id of a document that is there for its vector alone: a positive that the corpus lacks."""
_STARTER_SEAL = "starter.json"
NOBODY = 0
"""The group of a text that has none."""


@dataclass(frozen=True)
class JobDocuments:
    """The documents of a job.

    Args:
        corpus: what may be found, then the positives that it lacks.
        searched: how many of them may be candidates: those before the lacking positives.
        pairs: queries and their positives.
        decisions: what a person decided in the ledger, or None.
    """

    corpus: DiskCorpus
    searched: int
    pairs: KnownPairs
    decisions: Decisions | None = None

    @property
    def repeated(self) -> int:
        """Documents of a given corpus whose text an earlier one has; the positives were read behind it, and are not."""
        behind = len(self.pairs.rows) - (len(self.corpus) - self.searched)
        return self.corpus.duplicates - behind

    @cached_property
    def positives(self) -> np.ndarray:
        """int64 (P, 2): pairs (query number, position of one of its positives), queries in order."""
        known = self.pairs.known  # (P, 2)
        return np.stack([known[:, 0], self.corpus.find(known[:, 1])], axis=1)  # (P, 2)

    @cached_property
    def near_ids(self) -> np.ndarray:
        """int64 (C,): ids that nearly identical texts share."""
        path = self.corpus.folder / "near.npy"
        if not is_done(path):
            save_array(path, np.concatenate([near_ids(texts) for texts in self.corpus.batches()]))  # (C,)
        return load_array(path)  # (C,)

    def positives_near(self, pairs: np.ndarray) -> np.ndarray:
        """Pairs (number, document position) as pairs (number, near id): int64 (P, 2)."""
        return np.stack([pairs[:, 0], self.near_ids[pairs[:, 1]]], axis=1)  # (P, 2)

    @cached_property
    def query_near_ids(self) -> np.ndarray:
        """int64 (Q,)."""
        return near_ids(self.pairs.queries)

    @cached_property
    def queries_key(self) -> str:
        """Stands for the texts of the queries, in order."""
        return key_of({"queries": self.pairs.queries})

    @cached_property
    def asked_key(self) -> str:
        """Stands for the queries with all that is known of them: their texts, positives and groups."""
        known, groups = self.pairs.known.tolist(), self.pairs.rows.groups
        return key_of({"queries": self.queries_key, "known": known, "groups": groups})

    @property
    def marked_pairs(self) -> list[list[int]]:
        """Text ids of the pairs (query, candidate) that a person marked negative."""
        return [] if self.decisions is None else self.decisions.negative_ids.tolist()

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Group ids of documents (C,) and of queries (Q,), `NOBODY` where there is none; None: none were asked for."""
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
        # A corpus without the column: its positives have the group of their queries.
        unknown = self.positives[of_document[self.positives[:, 1]] == NOBODY]  # (U, 2)
        of_document[unknown[:, 1]] = of_query[unknown[:, 0]]
        return of_document, of_query


def gather_documents(
    config: MineConfig, pairs: KnownPairs, decisions: Decisions | None, job: Job, talk: Talk
) -> JobDocuments:
    """Write everything that may be found, and every positive, into one corpus on disk; or open what is there."""
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
            corpus = write_corpus(_documents(source, config.data.group, pairs, talk), folder, made_from, progress=tell)
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
    except DataError:
        if group is None:
            raise
        # Only the column may be missing, which is allowed; anything else that is wrong comes again.
        stream, first = read_documents(source), []
        talk.say(f"the corpus has no column {group!r}: only positives have a group, that of their queries")
    return chain(first, stream)


def _searched(corpus: DiskCorpus, pairs: KnownPairs) -> int:
    tail = range(max(0, len(corpus) - len(pairs.known)), len(corpus))
    return len(corpus) - sum(name == _LACKED for name in corpus.ids(tail))


def _group_id(name: str) -> int:
    return text_id(name) if name else NOBODY


@dataclass(frozen=True)
class Vectors:
    """The vectors of one encoder for a job.

    Args:
        queries: (Q, D).
        documents: (C, D).
        key: stands for the encoder and the way it encodes.
    """

    queries: np.ndarray
    documents: np.ndarray
    key: str


def encode_all(
    encoder: Encoder, documents: JobDocuments, config: MineConfig, job: Job, store: VectorStore | None, talk: Talk
) -> Vectors:
    """The vectors of all queries and documents, on disk; what was done before an interruption is not done again."""
    corpus, queries = documents.corpus, documents.pairs.queries
    key = key_of({**way_of(encoder), "dtype": config.mining.vectors})
    folder = job.stage("vectors", encoder=key, documents=corpus.hash, queries=documents.queries_key)
    write = VectorWriter(encoder, folder, store, talk)
    return Vectors(
        queries=write("query", in_blocks(queries), len(queries)),
        documents=write("document", corpus.batches(), len(corpus), dtype=config.mining.vectors),
        key=key,
    )


@dataclass(frozen=True)
class VectorWriter:
    """Encodes into a folder of the job, a file a role, and goes on where an interruption stopped it.

    Args:
        encoder: what encodes.
        folder: of the stage; its name stands for the texts.
        store: vectors computed before, or None.
        talk: told how far it is.
    """

    encoder: Encoder
    folder: Path
    store: VectorStore | None
    talk: Talk

    def __call__(
        self,
        role: Role,
        batches: Iterable[Sequence[str]],
        count: int,
        *,
        dtype: Literal["float16", "float32"] = "float32",
    ) -> np.ndarray:
        """The vectors of `count` texts: (count, D), memory-mapped."""
        texts = "queries" if role == "query" else "documents"
        with self.talk.progress(f"{self.encoder.name} reads the {texts}", total=count) as tell:
            return encode_to_file(
                self.encoder,
                batches,
                self.folder / f"{role}.npy",
                count=count,
                role=role,
                texts_hash=self.folder.name,
                store=self.store,
                dtype=dtype,
                progress=lambda done, *_: tell(done),
            )


def in_blocks(things: Sliceable, size: int = 2048) -> Iterator[Sliceable]:
    """Texts or positions in order, `size` at a time."""
    return (things[first : first + size] for first in range(0, len(things), size))


def way_of(encoder: Encoder) -> dict[str, Any]:
    """All that an encoder's vectors depend on beside the texts."""
    return {
        "fingerprint": encoder.fingerprint(),
        "prompts": dict(encoder.prompts),
        "max_length": encoder.max_length,
        "precision": encoder.precision,
    }


def mining_encoder(config: MineConfig, documents: JobDocuments, job: Job, talk: Talk) -> Encoder:
    """The encoder of the recipe; a starter is made from these documents and queries once, and kept in the job."""
    section = config.model.as_model()
    if section.name != STARTER:
        with talk.progress("loading the encoder"):
            return load_encoder(section, device=config.mining.device, precision=config.mining.precision)
    made_from = {"documents": documents.corpus.hash, "queries": documents.queries_key}
    stage = job.stage("starter", **made_from, seed=config.mining.seed)
    folder = stage / "model"
    if unseal_folder(stage, _STARTER_SEAL) is None:
        with talk.progress("making a starter"):
            made = load_encoder(
                section, device=config.mining.device, texts=_starter_texts(documents), seed=config.mining.seed
            )
        save_encoder(made, folder)
        seal_folder(stage, _STARTER_SEAL, {})
        for note in made.notes:
            talk.say(note)
    return load_encoder(EncoderSection(name=str(folder)), device=config.mining.device)


def _starter_texts(documents: JobDocuments) -> list[str]:
    """Every query and, of a large corpus, as many documents as a starter reads, evenly spread."""
    corpus = documents.corpus
    some = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), MOST_TEXTS)).astype(np.int64))
    return [*corpus.texts(some), *documents.pairs.queries]
