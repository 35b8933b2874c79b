"""onnx: one file for onnxruntime, in fp32, fp16 or int8."""

from pathlib import Path

from embedtune.errors import ConfigError
from embedtune.models.encode.batching import preprocess
from embedtune.models.encoder import readable
from embedtune.models.export.engines import NEEDED_TO_WRITE, demand_packages
from embedtune.models.export.example import write_example
from embedtune.models.export.graph import write_graph
from embedtune.models.export.job import ExportJob
from embedtune.models.export.lower_precision import AT_ONCE, Batch, to_fp16, to_int8
from embedtune.models.export.reading_files import ExportReading, reading_of, write_tokenizer
from embedtune.models.export.settings import ExportSettings, digest_of
from embedtune.models.similarity import measure_of

PRECISIONS = ("fp32", "fp16", "int8")
RUNS_ON = "onnxruntime, tokenizers, numpy"
FILE = "model.onnx"


def demand() -> None:
    """Refuse before any work where a package is missing.

    Raises:
        ConfigError: names it.
    """
    demand_packages("onnx", NEEDED_TO_WRITE["onnx"], "exporting to ONNX")


def write(job: ExportJob) -> ExportSettings:
    """Write the graph, the tokenizer, the settings and an example into the folder.

    Raises:
        ModelError: the encoder cannot be written as one graph.
    """
    reading = reading_of(job.encoder)
    write_tokenizer(job.encoder, job.folder)
    write_in_precision(job, reading, job.folder / FILE)
    settings = settings_of(job, reading, "onnx", FILE)
    settings.write(job.folder)
    write_example(settings, job.folder)
    return settings


def write_in_precision(job: ExportJob, reading: ExportReading, path: Path) -> None:
    """Write the graph in the precision that was asked for."""
    if job.precision == "fp32":
        write_graph(job.encoder, reading, path)
        return
    if job.precision == "int8" and not job.encoder.has_products:
        raise ConfigError(
            "a static encoder multiplies no matrices, so int8 would gain no time",
            where="--precision",
            next="use --precision fp32, or fp16 for a smaller file",
        )
    whole = path.with_name(f"{path.name}.fp32")
    try:
        write_graph(job.encoder, reading, whole)
        if job.precision == "fp16":
            to_fp16(whole, path)
        else:
            to_int8(whole, path, _calibration(job))
    finally:
        whole.unlink(missing_ok=True)


def settings_of(job: ExportJob, reading: ExportReading, target: str, file: str) -> ExportSettings:
    """What the export says of itself, before anything is measured."""
    encoder = job.encoder
    return ExportSettings(
        target=target,
        precision=job.precision,
        file=file,
        sha256=digest_of(job.folder, file),
        dimensions=encoder.dimensions,
        max_length=encoder.max_length,
        special_tokens=reading.special_tokens,
        prompts={str(role): prompt for role, prompt in encoder.prompts.items()},
        similarity=measure_of(encoder),
        made_from=Path(encoder.name).name if Path(encoder.name).is_dir() else encoder.name,
        fingerprint=encoder.fingerprint(),
    )


def _calibration(job: ExportJob) -> list[Batch]:
    """Batches of texts of like length, evenly spaced among those given."""
    if not job.calibrated:
        return []
    spaced = job.texts[:: max(1, len(job.texts) // job.calibrated)][: job.calibrated]
    texts = sorted(map(readable, spaced), key=len)
    made = (preprocess(job.encoder, texts[at : at + AT_ONCE], "document") for at in range(0, len(texts), AT_ONCE))
    return [(one["input_ids"].numpy(), one["attention_mask"].numpy()) for one in made]
