"""`embedtune export`: an encoder as a file for another engine, which leaves only if it gives the same answers."""

import json
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from embedtune.config.verbs.export import ExportConfig
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.durable import write_text
from embedtune.errors import ConfigError, GuardError
from embedtune.models.export.settings import ExportSettings, is_export
from embedtune.models.files.load import load_encoder, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.export import exporting
from embedtune.reports.results.export import ExportResult
from embedtune.runtime import loading
from embedtune.workflows.export.measured_on import MeasuredOn, measured_on
from embedtune.workflows.shared.evaluation_folder import REPORT, file_name
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk

if TYPE_CHECKING:
    from embedtune.models.encoder import Encoder

EXPORTS, RESULT = Path("exports"), "export.json"


@unchanged_inputs()
def export(config: ExportConfig, *, talk: Talk | None = None) -> ExportResult:
    """Write an export, measure it against its encoder, and keep it only if it passes.

    Args:
        config: the options.
        talk: receives what happens.

    Raises:
        GuardError: the export does not do what the encoder does; the message has the figures, and nothing is left.
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    target = _check(config)
    with talk.progress("reading the texts to measure on"):
        on = measured_on(config)
    for sentence in on.described:
        talk.say(sentence)
    if config.export.precision == "int8" and not on.is_judged:
        raise ConfigError(
            "int8 must be shown to rank alike, and nobody judged these texts",
            where=f"--data {on.name}",
            next="give queries with their documents: --data SET",
        )
    with fresh_folder(config.export.folder, EXPORTS, file_name(config.model.name)) as folder:
        with loading():
            import embedtune.workflows.export.parity  # noqa: F401
        result = _exported(config, target, on, folder, talk, started)
        write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
        report = exporting(result)
        write_text(folder / REPORT, page(report))
        write_text((folder / REPORT).with_suffix(".md"), markdown(report))
    return result


def _check(config: ExportConfig) -> ModuleType:
    """The target's module; refuses what the options, the packages or the model do not allow."""
    target = import_module(f"embedtune.models.export.targets.{config.export.to}")
    target.demand()
    if config.export.precision not in target.PRECISIONS:
        raise ConfigError(
            f"--to {config.export.to} has no {config.export.precision}",
            where="--precision",
            next=f"use one of {', '.join(target.PRECISIONS)}",
        )
    if config.export.calibrate and config.export.precision != "int8":
        raise ConfigError("only int8 has ranges to calibrate", where="--calibrate", next="add --precision int8")
    if config.model.name == STARTER:
        raise ConfigError(
            "a starter exists only in the run that made it", where="--model", next="embedtune export RUN/model"
        )
    found = resolve(config.model)
    if found.path is not None and is_export(found.path):
        raise ConfigError(
            f"{config.model.name} is an export already", where="--model", next="name the encoder that it was made from"
        )
    if config.export.folder is not None:
        read = [("--model", config.model.name), *([("--data", config.data.source)] if config.data.source else [])]
        Outputs(folders=[Path(config.export.folder).expanduser()]).demand_apart(read)
    return target


def _exported(
    config: ExportConfig, target: ModuleType, on: MeasuredOn, folder: Path, talk: Talk, started: float
) -> ExportResult:
    from embedtune.models.encoder import is_static
    from embedtune.models.export.int8_encoder import keep_measured
    from embedtune.models.export.job import STATIC_DIMENSIONS, ExportJob

    asked = config.export
    with talk.progress(f"loading {config.model.name}"):
        encoder = load_encoder(config.model, device="cpu")
    for note in encoder.notes:
        talk.say(note)
    if asked.dimensions is not None and (asked.to != "static" or is_static(encoder.model)):
        encoder = _cut(encoder, asked.dimensions)
    longest = asked.dimensions or STATIC_DIMENSIONS
    job = ExportJob(encoder, folder, asked.precision, on.others, asked.calibrate, longest)
    with talk.progress(f"writing {asked.to} in {asked.precision}"):
        settings: ExportSettings | None = target.write(job)
    own_space = asked.to == "static" and not is_static(encoder.model)
    parity, dimensions = _measured(config, encoder, folder, on, talk, own_space=own_space)
    if settings is not None:
        measured = {**parity, "on": on.name}
        replace(settings, parity=measured).write(folder)
        if settings.dynamic:
            keep_measured(encoder, folder, settings, measured)
    return ExportResult(
        output=str(folder),
        target=asked.to,
        precision=asked.precision,
        model=config.model.name,
        file=str(folder / target.FILE),
        bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        dimensions=dimensions,
        runs_on=target.RUNS_ON,
        own_space=own_space,
        parity=parity,
        elapsed_s=round(time.perf_counter() - started, 2),
        described=on.described,
        facts={
            **machine_facts([config.model]),
            "data_sha256": dict(on.hashes),
            "options": config.model_dump(),
        },
        report=str(folder / REPORT),
    )


def _cut(encoder: "Encoder", dimensions: int) -> "Encoder":
    """The encoder with the first components of its vectors only."""
    if dimensions > encoder.dimensions:
        raise ConfigError(
            f"{encoder.name} has vectors of {encoder.dimensions} components",
            where="--dimensions",
            next=f"give a number up to {encoder.dimensions}",
        )
    encoder.model.truncate_dim = dimensions
    return replace(encoder, dimensions=dimensions)


def _measured(
    config: ExportConfig, encoder: "Encoder", folder: Path, on: MeasuredOn, talk: Talk, *, own_space: bool
) -> tuple[dict[str, Any], int]:
    """What `parity` says, and the dimensions of the export.

    Raises:
        GuardError: the export may not leave.
    """
    from embedtune.config.encoder import ModelSection
    from embedtune.evaluation.tasks.judged_arrays import as_arrays
    from embedtune.workflows.export.parity import measure, vectors_of

    back = load_encoder(ModelSection(name=str(folder)), device="cpu")
    judged = as_arrays(on.judged)
    before = vectors_of(encoder, judged, talk, config.model.name)
    after = vectors_of(back, judged, talk, "the export")
    parity = measure(before, after, on, own_space=own_space)
    found = parity.as_json(config.export.precision, own_space=own_space)
    if not found["holds"]:
        raise GuardError(
            f"the {config.export.precision} export does not pass: {parity.sentence}",
            where=f"--precision {config.export.precision}",
            next=_next(config),
        )
    return found, back.dimensions


def _next(config: ExportConfig) -> str:
    if config.export.precision == "fp32":
        return "use the encoder with sentence-transformers; please report the model and this figure"
    more = "give --data with more judged queries, " if config.export.precision == "int8" else ""
    other = "--calibrate 0, " if config.export.calibrate else ""
    return f"{more}{other}or use --precision fp32; nothing was written"
