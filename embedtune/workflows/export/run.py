"""`embedtune export`: an encoder as a file for another engine, which leaves only if it gives the same answers."""

import json
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

from embedtune.config.verbs.export import ExportConfig
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.durable import write_text
from embedtune.errors import ConfigError
from embedtune.models.export.settings import is_export
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.sources.resolve import resolve
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.export import exporting
from embedtune.reports.results.export import ExportResult
from embedtune.runtime import loading
from embedtune.workflows.export.measured_on import measured_on
from embedtune.workflows.shared.evaluation_folder import REPORT, file_name
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk

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
    if config.export.precision != "fp32" and not on.is_judged and config.export.to != "static":
        raise ConfigError(
            f"{config.export.precision} must be shown to rank alike, and nobody judged these texts",
            where=f"--data {on.name}",
            next="give queries with their documents: --data SET",
        )
    with fresh_folder(config.export.folder, EXPORTS, file_name(config.model.name)) as folder:
        with loading():
            from embedtune.workflows.export.stages import Exporting

        result = Exporting(config, target, on, folder, talk, started).run()
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
