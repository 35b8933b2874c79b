"""`embedtune encode`: texts in, a file of vectors out, whatever their number; interrupted, the same command goes on."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.encode import EncodeConfig
from embedtune.data.sources.texts import TextStream
from embedtune.durable import replace, whole_path
from embedtune.errors import ConfigError, DataError, Interrupted
from embedtune.findings import counted
from embedtune.models.encode.encode import encode_to_file
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder, has_towers
from embedtune.models.files.load import choose_device, load_encoder, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.reports.results.encode import EncodeResult
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.output_file import demand_own_files
from embedtune.workflows.shared.talk import Silence, Talk

SUFFIXES = (".npy", ".parquet")
_BLOCK = 4096  # texts encoded, and rows written, at a time


def encode(config: EncodeConfig, *, talk: Talk | None = None) -> EncodeResult:
    """Encode the texts of a source into a file.

    Args:
        config: the options.
        talk: told what happens.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    output = Path(config.output.path).expanduser()
    _check(config, output)
    texts = TextStream(config.data.source, config.data.column, queries=config.encoding.role == "query")
    with talk.progress(f"reading {config.data.source}"):
        count, empty, digest = texts.facts()
    if not count:
        raise DataError("there is no text in it", where=config.data.source)
    if empty:
        talk.warn(f"{counted(empty, 'text')} of {count:,} hold nothing; their vectors say nothing either")
    job = output.with_name(f"{output.name}.job")
    with alone(job / "lock"), _kept(job):
        encoder = _load(config, talk)
        known: list[int] = []
        with talk.progress(f"{encoder.name}: encoding {config.data.source}", total=count) as tell:
            vectors = encode_to_file(
                encoder,
                ([document.text for document in batch] for batch in texts.batches(_BLOCK)),
                job / "vectors.npy",
                count=count,
                role=config.encoding.role,
                texts_hash=digest,
                store=open_store(config.output.store),
                dtype=config.encoding.dtype,
                progress=lambda done, _: tell(done),
                known=known.append,
            )  # (n, D)
        _write(output, job, texts, vectors, _role(encoder, config))
    shutil.rmtree(job, ignore_errors=True)
    elapsed = round(time.perf_counter() - started, 2)
    return EncodeResult(str(output), count, encoder.dimensions, elapsed, sum(known), config.encoding.role)


def _check(config: EncodeConfig, output: Path) -> None:
    """Refuse what this machine or the options themselves do not allow, before anything is read."""
    if output.suffix not in SUFFIXES:
        raise ConfigError(
            f"cannot tell what to write from the suffix {output.suffix!r}",
            where="--output",
            next="a name ending in .npy (vectors alone) or .parquet (with ids and texts)",
        )
    demand_own_files([output], {"--data": config.data.source})
    if config.encoding.dtype != "float32" and output.suffix != ".npy":
        raise ConfigError(
            "only .npy files hold float16; what reads parquet expects float32", where="--dtype", next="leave it out"
        )
    if config.model.name == STARTER:
        raise ConfigError(
            "a starter made for these texts would be gone afterwards, and nothing else shares its space",
            where="--model",
            next="name a model, or train one and name RUN/model",
        )
    choose_device(config.encoding.device)
    resolve(config.model.name, trust_remote_code=config.model.trust_remote_code)


def _load(config: EncodeConfig, talk: Talk) -> Encoder:
    with talk.progress(f"loading {config.model.name}"):
        encoder = load_encoder(config.model, device=config.encoding.device, precision=config.encoding.precision)
    for note in encoder.notes:
        talk.say(note)
    return encoder


def _role(encoder: Encoder, config: EncodeConfig) -> str | None:
    """The role that the vectors are good for; None where the encoder makes no difference between the two."""
    alike = encoder.prompts["query"] == encoder.prompts["document"] and not has_towers(encoder.model)
    return None if alike else config.encoding.role


def _write(output: Path, job: Path, texts: TextStream, vectors: np.ndarray, role: str | None) -> None:
    """Give the vectors their file, whole or not at all."""
    if output.suffix == ".npy":
        replace(job / "vectors.npy", output)
        return
    import pyarrow
    import pyarrow.parquet

    fields = {"id": pyarrow.string(), "text": pyarrow.large_string(), "vector": pyarrow.list_(pyarrow.float32())}
    schema = pyarrow.schema((fields | {"role": pyarrow.string()}) if role else fields)
    with whole_path(output) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema) as writer:
        first = 0
        for batch in texts.batches(_BLOCK):
            columns: dict[str, Sequence[Any]] = {
                "id": [document.id for document in batch],
                "text": [document.text for document in batch],
                "vector": list(vectors[first : first + len(batch)]),
            }
            writer.write_table(pyarrow.table(columns | ({"role": [role] * len(batch)} if role else {}), schema=schema))
            first += len(batch)


@contextmanager
def _kept(job: Path) -> Iterator[None]:
    """Say how to go on after an interruption; take the folder back where nothing was done in it."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as error:
        next_step = "give the same command again to go on"
        raise Interrupted(f"interrupted; what is done is kept in {job}", next=next_step) from error
    except BaseException:
        if not (job / "vectors.npy.json").exists():
            shutil.rmtree(job, ignore_errors=True)
        raise
