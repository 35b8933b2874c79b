"""`embedtune encode`: texts in, a file of vectors out, however many; the same command resumes it when interrupted."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.verbs.encode import EncodeConfig, demand_named
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.sources.texts import TextStream
from embedtune.durable import UNFINISHED
from embedtune.errors import ConfigError, DataError
from embedtune.findings import counted
from embedtune.models.encode.encode import encode_to_file
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder, has_routes
from embedtune.models.files.load import choose_device, load_encoder, resolve
from embedtune.models.similarity import measure_of, similarity_findings
from embedtune.reports.document.short_names import short_name
from embedtune.reports.results.encode import EncodeResult
from embedtune.workflows.shared.ending import Unfinished, orderly_end
from embedtune.workflows.shared.engine.naming import engine_named
from embedtune.workflows.shared.engine.spreading import Spreading
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.output_folder import refuse_others, remove_own
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.remote.destination import written_here
from embedtune.workflows.shared.talk import Silence, Talk

SUFFIXES = (".npy", ".parquet")
BLOCK = 4096  # texts encoded, and rows written, at a time
VECTORS = "vectors.npy"
OWN = rf"{re.escape(VECTORS)}(\.part|\.json)?|lock|\..*{re.escape(UNFINISHED)}"
"""The names of what a job writes into its folder, as a regular expression."""


@unchanged_inputs()
def encode(config: EncodeConfig, *, talk: Talk | None = None, force: bool = False) -> EncodeResult:
    """Encode the texts of a source into a file.

    Args:
        config: the options.
        talk: gets messages and progress.
        force: replace an existing file that embedtune did not write.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    output = written_here(config.output.path)
    job = output.with_name(f"{output.name}.job")
    outputs = Outputs.of(config.output.path, [job])
    _check(config, outputs)
    outputs.demand_own(force=force)
    refuse_others(job, OWN)
    texts = TextStream(config.data.source, config.data.column, queries=config.encoding.role == "query")
    with talk.progress(f"reading {short_name(config.data.source)}"):
        count, empty, digest = texts.facts()
    if not count:
        raise DataError("it holds no texts", where=config.data.source)
    if empty:
        said = "is empty; its vector is" if empty == 1 else "are empty; their vectors are"
        talk.warn(f"{empty:,} of {counted(count, 'text')} {said} meaningless")
    with alone(job / "lock"), orderly_end(_unfinished(job)):
        outputs.remove_unfinished()
        encoder = _load(config, talk)
        known: list[int] = []
        spreading = Spreading(config.encoding.engine, config.model, config.encoding.device)
        with talk.progress(
            f"{short_name(encoder.name)}: encoding {short_name(config.data.source)}", total=count
        ) as tell:
            vectors = encode_to_file(
                encoder,
                ([document.text for document in batch] for batch in texts.batches(BLOCK)),
                job / VECTORS,
                count=count,
                role=config.encoding.role,
                texts_hash=digest,
                store=open_store(config.output.store),
                dtype=config.encoding.dtype,
                normalise=measure_of(encoder) == "cosine",
                progress=tell,
                known=known.append,
                spread=spreading.of(encoder, config.encoding.role),
            )  # (n, D)
        _write(outputs, job, texts, vectors, _role(encoder, config))
    remove_own(job, OWN)
    elapsed = round(time.perf_counter() - started, 2)
    return EncodeResult(outputs.shown(output), count, encoder.dimensions, elapsed, sum(known), config.encoding.role)


def _check(config: EncodeConfig, outputs: Outputs) -> None:
    """Refuse what this machine or the options do not allow, before anything is read."""
    output = outputs.files[0]
    if output.suffix not in SUFFIXES:
        raise ConfigError(
            f"cannot tell the format from the suffix {output.suffix!r}",
            where="--output",
            next="use a name that ends in .npy (vectors only) or .parquet (with ids and texts)",
        )
    outputs.demand_files()
    outputs.demand_apart([("--data", config.data.source), ("--model", config.model.name)])
    if config.encoding.dtype != "float32" and output.suffix != ".npy":
        raise ConfigError(
            "only .npy files can hold float16; readers of parquet expect float32", where="--dtype", next="leave it out"
        )
    demand_named(config)
    choose_device(config.encoding.device)
    engine_named(config.encoding.engine)
    resolve(config.model)


def _unfinished(job: Path) -> Unfinished:
    return Unfinished(
        is_kept=(job / f"{VECTORS}.json").exists,
        discard=lambda: remove_own(job, OWN),
        kept=f"what is done is kept in {job}",
        lost="nothing was done yet",
        resume="run the same command again to resume",
    )


def _load(config: EncodeConfig, talk: Talk) -> Encoder:
    with talk.progress(f"loading {short_name(config.model.name)}"):
        encoder = load_encoder(
            config.model, device=config.encoding.device, precision=config.encoding.precision, may_be_int8=True
        )
    for note in encoder.notes:
        talk.say(note)
    for finding in similarity_findings(encoder, measure_of(encoder), "its vectors are written to be compared"):
        talk.say(finding.message)
    return encoder


def _role(encoder: Encoder, config: EncodeConfig) -> str | None:
    """The role that the vectors are for; None if the encoder treats queries and documents alike."""
    alike = encoder.prompts["query"] == encoder.prompts["document"] and not has_routes(encoder.model)
    return None if alike else config.encoding.role


def _write(outputs: Outputs, job: Path, texts: TextStream, vectors: np.ndarray, role: str | None) -> None:
    """Write the output file, whole or not at all."""
    output = outputs.files[0]
    if output.suffix == ".npy":
        outputs.finish(job / VECTORS, output)
        return
    import pyarrow
    import pyarrow.parquet

    fields = {"id": pyarrow.string(), "text": pyarrow.large_string(), "vector": pyarrow.list_(pyarrow.float32())}
    schema = pyarrow.schema((fields | {"role": pyarrow.string()}) if role else fields)
    with outputs.writing(output) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        first = 0
        for batch in texts.batches(BLOCK):
            columns: dict[str, Sequence[Any]] = {
                "id": [document.id for document in batch],
                "text": [document.text for document in batch],
                "vector": list(vectors[first : first + len(batch)]),
            }
            writer.write_table(pyarrow.table(columns | ({"role": [role] * len(batch)} if role else {}), schema=schema))
            first += len(batch)
