"""One export from checked options to its result: load, write, read back, measure, and keep or refuse."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.export import ExportConfig
from embedtune.errors import ConfigError, GuardError
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder, is_static
from embedtune.models.export.int8_encoder import INT8, keep_measured
from embedtune.models.export.job import STATIC_DIMENSIONS, ExportJob
from embedtune.models.export.settings import ExportSettings
from embedtune.models.files.load import load_encoder
from embedtune.reports.results.export import ExportResult
from embedtune.workflows.export.measured_on import MeasuredOn
from embedtune.workflows.export.parity import Parity, measure, vectors_of
from embedtune.workflows.shared.evaluation_folder import REPORT
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.talk import Talk


@dataclass
class Exporting:
    """An export in the making.

    Args:
        target: the module that writes it.
        on: what it is measured on.
        folder: a new folder for everything.
        started: `time.perf_counter()` when the command began.
    """

    config: ExportConfig
    target: ModuleType
    on: MeasuredOn
    folder: Path
    talk: Talk
    started: float

    def run(self) -> ExportResult:
        """All stages, in order.

        Raises:
            GuardError: the export does not do what the encoder does.
        """
        asked, encoder = self.config.export, self._encoder()
        longest = asked.dimensions or STATIC_DIMENSIONS
        job = ExportJob(encoder, self.folder, asked.precision, self.on.others, asked.calibrate, longest)
        with self.talk.progress(f"writing {asked.to} in {asked.precision}"):
            settings: ExportSettings | None = self.target.write(job)
        own_space = asked.to == "static" and not is_static(encoder.model)
        back = load_encoder(ModelSection(name=str(self.folder)), device="cpu")
        parity = self._measured(encoder, back, own_space=own_space)
        found = parity.as_json(asked.precision, own_space=own_space)
        if not found["holds"]:
            raise self._refusal(parity)
        if settings is not None:
            self._record(encoder, settings, found)
        return self._result(found, back.dimensions, own_space=own_space)

    def _encoder(self) -> Encoder:
        """The encoder, with the first components of its vectors only where that was asked for."""
        asked = self.config.export
        with self.talk.progress(f"loading {self.config.model.name}"):
            encoder = load_encoder(self.config.model, device="cpu")
        for note in encoder.notes:
            self.talk.say(note)
        if asked.dimensions is None or (asked.to == "static" and not is_static(encoder.model)):
            return encoder
        if asked.dimensions > encoder.dimensions:
            raise ConfigError(
                f"{encoder.name} has vectors of {encoder.dimensions} components",
                where="--dimensions",
                next=f"give a number up to {encoder.dimensions}",
            )
        encoder.model.truncate_dim = asked.dimensions
        return replace(encoder, dimensions=asked.dimensions)

    def _measured(self, encoder: Encoder, back: Encoder, *, own_space: bool) -> Parity:
        judged = as_arrays(self.on.judged)
        store = open_store(self.config.run.store)
        before = vectors_of(encoder, judged, store, self.talk, self.config.model.name)
        # Stored vectors would prove nothing of the file.
        after = vectors_of(back, judged, None, self.talk, "the export")
        return measure(before, after, self.on, own_space=own_space)

    def _refusal(self, parity: Parity) -> GuardError:
        asked = self.config.export
        then = "use the encoder with sentence-transformers, and report the model with these figures"
        if asked.precision != "fp32":
            uncalibrated = "leave out --calibrate, " if asked.calibrate else ""
            then = f"{uncalibrated}give --data with more judged queries, or use --precision fp32"
        return GuardError(
            f"the {asked.precision} export does not pass, and is not kept: {parity.sentence(asked.precision)}",
            where=f"--precision {asked.precision}",
            next=then,
        )

    def _record(self, encoder: Encoder, settings: ExportSettings, parity: Mapping[str, Any]) -> None:
        """Write what was measured into the export, and leave an int8 one where `auto` finds it."""
        measured = {**parity, "on": self.on.name}
        replace(settings, parity=measured).write(self.folder)
        if settings.precision == INT8 and settings.target == "onnx" and not self.config.export.calibrate:
            keep_measured(encoder, self.folder, settings, measured)

    def _result(self, parity: Mapping[str, Any], dimensions: int, *, own_space: bool) -> ExportResult:
        asked = self.config.export
        return ExportResult(
            output=str(self.folder),
            target=asked.to,
            precision=asked.precision,
            model=self.config.model.name,
            file=str(self.folder / self.target.FILE),
            bytes=sum(file.stat().st_size for file in self.folder.iterdir() if file.is_file()),
            dimensions=dimensions,
            runs_on=self.target.RUNS_ON,
            own_space=own_space,
            parity=parity,
            elapsed_s=round(time.perf_counter() - self.started, 2),
            described=self.on.described,
            facts={
                **machine_facts([self.config.model]),
                "data_sha256": dict(self.on.hashes),
                "options": self.config.model_dump(),
            },
            report=str(self.folder / REPORT),
        )
