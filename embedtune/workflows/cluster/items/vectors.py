"""The vectors of the distinct texts: encoded block by block into the job, or read from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode_to_file
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import similarity_findings
from embedtune.models.sources.on_hub import STARTER
from embedtune.workflows.cluster.items.reading import ClusteredRows, RowFacts
from embedtune.workflows.shared.jobs.job import Job
from embedtune.workflows.shared.talk import Talk

BLOCK = 4096
_STARTER_TEXTS = 200_000
"""Texts that a starter is made from at most."""


@dataclass(frozen=True)
class JobVectors:
    """Vectors of the distinct texts (n, D), the encoder that made them, and a key that tells them from others."""

    vectors: np.ndarray
    encoder: Encoder | None
    key: str
    findings: tuple[Finding, ...] = ()


def vectors_of(
    config: ClusterConfig, rows: ClusteredRows, facts: RowFacts, job: Job, talk: Talk, model: ModelSection | None = None
) -> JobVectors:
    """The vectors of the distinct texts, of length 1.

    Args:
        config: the recipe.
        rows: what is clustered.
        facts: about it.
        job: keeps the vectors.
        talk: gets progress.
        model: the encoder to use in place of the recipe's.
    """
    if config.data.vectors is not None:
        return _from_file(config.data.vectors, facts, job)
    section = model or config.model
    with talk.progress(f"loading {section.name}"):
        encoder = load_encoder(
            section,
            device=config.clustering.device,
            texts=_starter_texts(rows, facts) if section.name == STARTER else None,
            seed=config.clustering.seed,
            precision=config.clustering.precision,
        )
    for note in encoder.notes:
        talk.say(note)
    key = {"encoder": encoder.fingerprint(), "prompt": encoder.prompts["document"], "texts": facts.digest}
    folder = job.stage("vectors", **key, length=encoder.max_length, precision=encoder.precision)
    with talk.progress(f"{encoder.name}: encoding", total=len(facts.rows)) as tell:
        vectors = encode_to_file(
            encoder,
            rows.batches(facts.rows, BLOCK),
            folder / "vectors.npy",
            count=len(facts.rows),
            role="document",
            texts_hash=facts.digest,
            store=open_store(config.output.store),
            dtype="float16" if len(facts.rows) > _STARTER_TEXTS else "float32",
            progress=tell,
        )  # (n, D)
    found = similarity_findings(encoder, "cosine", "texts are clustered")
    return JobVectors(vectors, encoder, folder.name, tuple(found))


def _starter_texts(rows: ClusteredRows, facts: RowFacts) -> list[str]:
    return [text for batch in rows.batches(facts.rows[:_STARTER_TEXTS], BLOCK) for text in batch]


def _from_file(name: str, facts: RowFacts, job: Job) -> JobVectors:
    """The vectors of a file, a row for each row of the data; those of distinct texts, of length 1."""
    from embedtune.data.sources.streams import sha256

    path = Path(name).expanduser()
    try:
        found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError("cannot be read as a .npy file of numbers", where=name, next="write it with np.save") from error
    if found.ndim != 2 or found.dtype.kind != "f":
        raise DataError(f"vectors must be numbers (rows, dimensions), got {found.dtype} {found.shape}", where=name)
    if len(found) != len(facts.first):
        raise DataError(
            f"{counted(len(found), 'vector')} for {counted(len(facts.first), 'row')} of the data; each row needs one",
            where=name,
        )
    folder = job.stage("vectors", file=sha256(path), texts=facts.digest)
    unit = np.lib.format.open_memmap(
        folder / "unit.npy", mode="w+", dtype=np.float32, shape=(len(facts.rows), found.shape[1])
    )
    for start in range(0, len(facts.rows), BLOCK):
        part = np.asarray(found[facts.rows[start : start + BLOCK]], dtype=np.float32)
        if not np.isfinite(part).all():
            row = facts.rows[start + int(np.flatnonzero(~np.isfinite(part).all(axis=1))[0])]
            raise DataError(f"the vector of row {row:,} (from 0) holds NaN or infinity", where=name)
        unit[start : start + BLOCK] = part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
    return JobVectors(unit, None, folder.name)
