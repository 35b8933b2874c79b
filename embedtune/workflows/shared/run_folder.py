"""A run folder: everything needed to understand, repeat, resume and use the run."""

import json
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import dump_config, load
from embedtune.config.verbs.train import TrainConfig
from embedtune.durable import discard, remove_unfinished, write_text
from embedtune.errors import ConfigError, OutputError, raise_machine_fault
from embedtune.models.cross.mix import mix_of
from embedtune.models.towers.signal_input import FILE as SIGNAL_INPUT
from embedtune.models.towers.signal_input import signal_input_in
from embedtune.processes import this_process
from embedtune.reports.document.short_names import folder_part, short_name
from embedtune.reports.results.train import TrainResult
from embedtune.workflows.shared.ending import Unfinished
from embedtune.workflows.shared.output_folder import output_path, refuse_used, reporting_unwritable

RECIPE, FACTS, METRICS, REPORT = "recipe.yaml", "run.json", "metrics.jsonl", "report.json"
PAGE = "report.html"
STARTED_IN = "started_in"
SESSIONS = "sessions_s"
"""Key of a run's record: the seconds of each session, the last one as of its last note."""
RUNS = Path("runs")
"""Where runs go by default."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run."""

    path: Path

    @property
    def model(self) -> Path:
        """The trained encoder."""
        return self.path / "model"

    @property
    def start(self) -> Path:
        """The encoder before training, if it exists nowhere else."""
        return self.path / "start"

    @property
    def checkpoints(self) -> Path:
        """Where a run that is not done can go on from."""
        return self.path / "checkpoints"

    @property
    def domains(self) -> Path:
        """A run for each domain, where domains are learned one after the other."""
        return self.path / "domains"

    @property
    def has_stage(self) -> bool:
        """Whether a domain has been learned, or can be gone on with."""
        return any(RunFolder(path).done or RunFolder(path).trained for path in self.domains.glob("*"))

    @property
    def lock(self) -> Path:
        """Held by the process that works on the run."""
        return self.path / ".lock"

    @property
    def begun(self) -> bool:
        """Whether a run was started here."""
        return os.path.isfile(self.path / RECIPE)  # noqa: PTH113  (pathlib raises on a name no file can have)

    @property
    def trained(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return self.newest_checkpoint is not None

    @property
    def newest_checkpoint(self) -> Path | None:
        """The checkpoint of the latest step, which is a model too; the manifest is the last file written into one."""
        whole = [path.parent for path in self.checkpoints.glob("checkpoint-*/embedtune_manifest.json")]
        numbered = [path for path in whole if path.name.rpartition("-")[2].isdecimal()]
        return max(numbered, key=lambda path: int(path.name.rpartition("-")[2]), default=None)

    @property
    def done(self) -> bool:
        """Whether the run has finished."""
        return (self.path / REPORT).is_file()

    @property
    def has_model(self) -> bool:
        """Whether the trained encoder is there: its list of modules and its weights."""
        return (self.model / "modules.json").is_file() and any(self.model.rglob("*.safetensors"))

    def recipe(self) -> TrainConfig:
        """The recipe this run was started with."""
        return load(TrainConfig, str(self.path / RECIPE))

    def facts(self) -> dict[str, Any]:
        """The run's record of machine, data and options; empty if there is none yet."""
        return self.read_json(FACTS) if (self.path / FACTS).is_file() else {}

    @property
    def started_in(self) -> Path:
        """The working directory when the run was started; relative paths in its recipe start there."""
        # A run killed before it recorded this is assumed to have been started in the current directory.
        return Path(self.facts().get(STARTED_IN) or Path.cwd())

    def result(self) -> TrainResult:
        """The result of a finished run, with its files where the folder is now."""
        try:
            result = TrainResult.from_json(self.read_json(REPORT))
        except TypeError as error:
            raise self._damaged(REPORT, error) from error
        report = str(self.path / PAGE) if result.report else ""  # runs of early versions have no page
        return replace(
            result, run=str(self.path), model=str(self.model), report=report, how_to_use=how_to_use(self.model)
        )

    def read_json(self, name: str) -> dict[str, Any]:
        """The object in a file of the run.

        Raises:
            OutputError: it cannot be read.
        """
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise_machine_fault(error, self.path / name)
            raise self._damaged(name, error) from error
        return content

    def _damaged(self, name: str, error: Exception) -> OutputError:
        return OutputError(
            f"{name} of this run cannot be read: {error}",
            where=str(self.path),
            next="the run folder was damaged; start a new run with another --output",
        )

    def write(self, name: str, text: str) -> None:
        """Write a file, whole or not at all; of several processes, the first writes."""
        if this_process().is_first:
            write_text(self.path / name, text)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Write an object as JSON with readable Korean, whole or not at all."""
        self.write(name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def unfinished(self, *, resumed: bool) -> Unfinished:
        """The run as work that may be interrupted: kept once it has trained, or if it was resumed."""
        return Unfinished(
            is_kept=lambda: resumed or self.trained or self.has_stage,
            discard=self.discard,
            kept="everything up to the last checkpoint is saved",
            lost="nothing was trained yet",
            resume=f"embedtune train --resume {shlex.quote(str(self.path))}",
        )

    def discard(self) -> None:
        """Remove what the run wrote; files that others have put here stay, and so does the folder then."""
        for name in (RECIPE, FACTS, METRICS):
            discard(self.path / name)
            remove_unfinished(self.path / name)
        for left in (self.lock, self.start, self.checkpoints, self.domains):
            discard(left)
        with suppress(OSError):
            self.path.rmdir()
            if self.path.parent == RUNS:
                RUNS.rmdir()


def new_run(config: TrainConfig) -> RunFolder:
    """Make the folder of a new run and put its recipe there.

    Raises:
        ConfigError: the folder already holds a run or other files.
        OutputError: it cannot be made or written.
    """
    path = output_path(config.output.folder, RUNS, run_name(config))
    folder = RunFolder(path)
    if folder.begun:
        again = f"embedtune train --resume {path}"
        raise ConfigError(
            f"{path} already holds a {'finished ' if folder.done else ''}run",
            where="--output",
            next=f"name another folder; `{again}` {'shows its result again' if folder.done else 'resumes it'}",
        )
    with reporting_unwritable(path):
        refuse_used(path)
        path.mkdir(parents=True, exist_ok=True)
        folder.write(RECIPE, dump_config(config))
    return folder


def run_name(config: TrainConfig) -> str:
    """What a new run is called besides its date: data, model and loss.

    >>> run_name(load(TrainConfig, None, [], {"data": "export/고객 문의.csv", "model": "intfloat/e5-small"}))
    '고객-문의-e5-small-gist'
    """
    data = folder_part(short_name(config.data.source).partition(".")[0])
    loss = config.task if config.task == "reranker" else config.loss[0].name
    return "-".join(filter(None, (data, folder_part(short_name(config.model.name)), loss)))


def how_to_use(model: Path) -> tuple[str, ...]:
    """Lines of Python that use the tuned model with sentence-transformers alone; one with two routes says which."""
    if is_cross_encoder(model):
        mix = mix_of(model)
        mixed = (
            f"  # best on dev: scores + {mix.weight:.4g} * cosines of the pairs by {mix.encoder}" if mix.weight else ""
        )
        return (
            "from sentence_transformers import CrossEncoder",
            "",
            f"model = CrossEncoder({str(model)!r})",
            'scores = model.predict([("a question", "an answer"), ("a question", "another")])',
            f"print(scores){mixed}",
        )
    if (model / SIGNAL_INPUT).is_file():
        return _with_signals(model)
    routed = any(model.rglob("router_config.json"))
    query, document = (
        (f"encode_{role}([{texts}]" if routed else f'encode([{texts}], prompt_name="{role}"')
        for role, texts in (("query", '"a question"'), ("document", '"an answer", "another"'))
    )
    return (
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({str(model)!r})",
        f"queries = model.{query}, normalize_embeddings=True)",
        f"documents = model.{document}, normalize_embeddings=True)",
        "print(queries @ documents.T)",
    )


def _with_signals(model: Path) -> tuple[str, ...]:
    """Lines of Python that use a model of texts and signals."""
    tower = signal_input_in(model)
    what = "" if tower is None else f"  # {tower.described}"
    spectra = tower is not None and tower.kind == "spectrum"
    return (
        "from sentence_transformers import SentenceTransformer",
        *(("from embedtune.models.towers.spectrum import spectrum",) if spectra else ()),
        "",
        f"model = SentenceTransformer({str(model)!r})",
        f"windows = [...]{what if not spectra else ''}  # float32 arrays, a list of them and not one array".rstrip(),
        f"signals = model.encode({'[spectrum(one[None]) for one in windows]' if spectra else 'windows'}, "
        "normalize_embeddings=True)",
        'texts = model.encode(["a text", "another"], normalize_embeddings=True)',
        "print(signals @ texts.T)",
    )


def is_cross_encoder(model: Path) -> bool:
    """Whether the folder of a run's model says that it scores pairs."""
    file = model / "config_sentence_transformers.json"
    try:
        return json.loads(file.read_text(encoding="utf-8")).get("model_type") == "CrossEncoder"
    except (OSError, ValueError, AttributeError):
        return False
