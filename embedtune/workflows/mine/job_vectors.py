"""The vectors of a mining job: its encoder, and all queries and documents encoded on disk."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.verbs.mine import MineConfig
from embedtune.durable import seal_folder, unseal_folder
from embedtune.models.encode.encode import encode_to_file
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.files.starter import MOST_TEXTS
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.mine.job_documents import JobDocuments
from embedtune.workflows.shared.engine.spreading import Spreading
from embedtune.workflows.shared.jobs.job import Job, key_of
from embedtune.workflows.shared.talk import Talk

Sliceable = TypeVar("Sliceable", list[str], np.ndarray)
_STARTER_SEAL = "starter.json"
_BLOCK = 2048  # texts encoded at a time


@dataclass(frozen=True)
class Vectors:
    """The vectors of one encoder for a job.

    Args:
        queries: (Q, D).
        documents: (C, D).
        key: a hash of the encoder and how it encodes.
    """

    queries: np.ndarray
    documents: np.ndarray
    key: str


def encode_all(
    encoder: Encoder, documents: JobDocuments, config: MineConfig, job: Job, store: VectorStore | None, talk: Talk
) -> Vectors:
    """The vectors of all queries and documents, on disk; after an interruption, only the missing ones are encoded."""
    corpus, queries = documents.corpus, documents.pairs.queries
    key = key_of({**identity_of(encoder), "dtype": config.mining.vectors})
    folder = job.stage("vectors", encoder=key, documents=corpus.hash, queries=documents.queries_key)
    section = config.model if config.model.name != STARTER else EncoderSection(name=encoder.name)
    write = VectorWriter(encoder, folder, store, talk, Spreading(config.mining.engine, section, config.mining.device))
    return Vectors(
        queries=write("query", in_blocks(queries), len(queries)),
        documents=write("document", corpus.batches(), len(corpus), dtype=config.mining.vectors),
        key=key,
    )


@dataclass(frozen=True)
class VectorWriter:
    """Encodes into a folder of the job, one file per role, and resumes after an interruption.

    Args:
        encoder: what encodes.
        folder: of the stage; its name is a hash of the texts.
        store: vectors computed earlier, or None.
        talk: reports the progress.
        spreading: where texts are encoded; None: in this process.
    """

    encoder: Encoder
    folder: Path
    store: VectorStore | None
    talk: Talk
    spreading: Spreading | None = None

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
        with self.talk.progress(f"{short_name(self.encoder.name)}: encoding the {texts}", total=count) as tell:
            return encode_to_file(
                self.encoder,
                batches,
                self.folder / f"{role}.npy",
                count=count,
                role=role,
                texts_hash=self.folder.name,
                store=self.store,
                dtype=dtype,
                progress=tell,
                spread=None if self.spreading is None else self.spreading.of(self.encoder, role),
            )


def in_blocks(things: Sliceable) -> Iterator[Sliceable]:
    """Texts or positions in order, a block at a time."""
    return (things[first : first + _BLOCK] for first in range(0, len(things), _BLOCK))


def identity_of(encoder: Encoder) -> dict[str, Any]:
    """Everything that an encoder's vectors depend on, besides the texts."""
    return {
        "fingerprint": encoder.fingerprint(),
        "prompts": dict(encoder.prompts),
        "max_length": encoder.max_length,
        "precision": encoder.precision,
    }


def mining_encoder(config: MineConfig, documents: JobDocuments, job: Job, talk: Talk) -> Encoder:
    """The encoder of the recipe; a starter is made once, from these documents and queries, and kept in the job."""
    section = config.model
    if section.name != STARTER:
        with talk.progress("loading the encoder"):
            found = load_encoder(
                section, device=config.mining.device, precision=config.mining.precision, may_be_int8=True
            )
        for note in found.notes:
            talk.say(note)
        return found
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
    """All queries and, from a large corpus, as many evenly spaced documents as a starter reads."""
    corpus = documents.corpus
    some = np.unique(np.linspace(0, len(corpus) - 1, min(len(corpus), MOST_TEXTS)).astype(np.int64))
    return [*corpus.texts(some), *documents.pairs.queries]
