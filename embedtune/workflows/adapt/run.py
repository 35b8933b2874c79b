"""`embedtune adapt`: a map between two encoders' spaces, so that an index need not be made again."""

import time
from pathlib import Path

from embedtune.config.verbs.adapt import AdaptConfig
from embedtune.data.guides.guide_file import is_guide_file
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.errors import ConfigError
from embedtune.models.files.load import check_device
from embedtune.reports.results.adapt import AdaptResult
from embedtune.runtime import loading
from embedtune.workflows.shared.evaluation_folder import file_name
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.spaces.sides import check_side
from embedtune.workflows.shared.spaces.texts import read_space_texts
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings

ADAPTED = Path("adapted")
"""Where maps go by default."""


@unchanged_inputs()
def adapt(config: AdaptConfig, *, talk: Talk | None = None) -> AdaptResult:
    """Fit a map between two encoders' spaces, test it against encoding everything again, and save it.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    old, new = _check(config)
    with talk.progress(f"reading {config.data.source}"):
        texts = read_space_texts(config.data.source, config.data.columns, seed=config.run.seed)
    for sentence in texts.described:
        talk.say(sentence)
    tell_findings(talk, texts.findings)
    with fresh_folder(config.output.folder, ADAPTED, file_name(new)) as folder:
        with loading():
            from embedtune.workflows.adapt.stages import Adapting

        return Adapting(config, old, new, texts, folder, talk, started).run()


def _check(config: AdaptConfig) -> tuple[str, str]:
    """The names of both encoders; refuses what the options or this machine do not allow."""
    models = config.models
    if models.old is None or models.new is None:
        raise ConfigError(
            "two encoders are needed: the one that made the index, and the new one",
            where="--from" if models.old is None else "--to",
            next="embedtune adapt --from OLD --to NEW --data SET",
        )
    if models.old == models.new:
        raise ConfigError("--from and --to name the same encoder", where="--to", next="name the new one")
    for option, name in (("--from", models.old), ("--to", models.new)):
        check_side(name, models.section(name), option)
    if config.output.folder is not None:
        read = [("--data" if is_guide_file(name) else "--model", name) for name in (models.old, models.new)]
        folder = Path(config.output.folder).expanduser()
        Outputs(folders=[folder]).demand_apart([*read, ("--data", config.data.source)])
    check_device(config.run.device)
    return models.old, models.new
