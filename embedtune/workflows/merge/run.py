"""`embedtune merge`: weights of several models mixed into one, with what that gains and what it keeps.

Why in this order:
- What can be refused is refused first: options, names of models, data, guard sets; then the models load, one by one.
- Each part is scored on the test queries as its owner uses it, with its own prompts, before anything is mixed.
- Alpha is chosen on dev queries and on one half of each guard set; the figures that are reported come from the others.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from embedtune.config.verbs.merge import MergeConfig
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.errors import ConfigError, EmbedtuneError
from embedtune.models.files.load import check_device
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.sources.resolve import resolve_trainable
from embedtune.reports.results.merge import MergeResult
from embedtune.runtime import loading
from embedtune.workflows.merge.judged import MergeData, read_judged_parts
from embedtune.workflows.shared.evaluation_folder import file_name
from embedtune.workflows.shared.guard.sets import read_guard
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings

MERGED = Path("merged")
"""Where merged models go by default."""
FEWEST = 2


@unchanged_inputs()
def merge(config: MergeConfig, *, talk: Talk | None = None) -> MergeResult:
    """Mix models, choose how far to go if asked to, and write the model with its report.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    _check(config)
    data = _read(config, talk)
    sets = read_guard(config.guard.sets, seed=config.run.seed)
    with fresh_folder(config.output.folder, MERGED, file_name(Path(config.models.names[-1]).name)) as folder:
        with loading():
            from embedtune.workflows.merge.stages import Merging

        return Merging(config, data, sets, folder, talk, started).run()


def _check(config: MergeConfig) -> None:
    """Refuse what the options or this machine do not allow, before anything is read."""
    models = config.models
    for message, where, next in _mistakes(config):
        raise ConfigError(message, where=where, next=next)
    if config.output.folder is not None:
        Outputs(folders=[Path(config.output.folder).expanduser()]).demand_apart(_named(config))
    check_device(config.run.device)
    for name in models.names:
        try:
            resolve_trainable(models.section(name), "mixed with other weights")
        except EmbedtuneError as error:
            error.where = f"MODEL {name}"
            raise


def _mistakes(config: MergeConfig) -> Iterator[tuple[str, str, str]]:
    models = config.models
    names, count = models.names, len(models.names)
    if count < FEWEST:
        yield f"a merge needs at least two models, got {count}", "MODEL", "name them: embedtune merge A B"
    if len(set(names)) < count:
        yield "a model is named more than once", "MODEL", "name each once; --weights says how much each counts"
    if STARTER in names:
        yield (
            "a starter is made from data, and none is given to make it from",
            "MODEL",
            "name the folder of a run: RUN/start is the starter that it began with",
        )
    if models.weights and len(models.weights) != count - 1:
        yield (
            f"{len(models.weights)} weights for {count - 1} models after the first",
            "--weights",
            "give one for each model but the first, or leave it out",
        )
    if models.method == "slerp" and count > FEWEST:
        yield f"slerp goes from one model to another, got {count}", "--method", "use linear, or merge two at a time"
    if models.alpha == "auto" and config.data.source is None:
        yield (
            "choosing alpha needs dev queries, and no data is given",
            "--alpha",
            "add --data SET, or give a number: --alpha 0.5",
        )


def _named(config: MergeConfig) -> Iterator[tuple[str, str | None]]:
    """Options and what the user named with them."""
    yield from (("--model", name) for name in config.models.names)
    yield "--data", config.data.source
    yield from (("--guard", name) for name in config.guard.sets if name not in ("default", "none"))


def _read(config: MergeConfig, talk: Talk) -> MergeData:
    data = read_judged_parts(config)
    for sentence in data.described:
        talk.say(sentence)
    tell_findings(talk, data.findings)
    wanting: Sequence[str] = [
        part
        for part, judged in (("dev", data.dev if config.models.alpha == "auto" else data.test), ("test", data.test))
        if judged is None
    ]
    if config.data.source is not None and wanting:
        raise ConfigError(
            f"there are too few rows for a {wanting[0]} split", where="--data", next="give more, or --alpha a number"
        )
    return data
