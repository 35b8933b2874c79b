"""`embedtune tune`: a budget in; the best recipe that it can find, its model and the evidence out.

Why in this order:
- What can be refused is refused first: the budget, the recipe, the data, the arms; then the encoder loads.
- The default recipe is settled and written down before any arm is made of it, so that a resumed race has the same arms.
- The test split is opened once, when everything is decided; a resumed race reads what it gave.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path

from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.durable import remove_all_unfinished, write_text
from embedtune.errors import ConfigError
from embedtune.racing.plan import smallest_budget
from embedtune.reports.document.short_names import folder_part, short_name
from embedtune.reports.results.tune import TuneResult
from embedtune.runtime import began, loading
from embedtune.workflows.shared.choosing.arms import OpenArms
from embedtune.workflows.shared.ending import Unfinished, orderly_end
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.output_folder import output_path, refuse_used, reporting_unwritable
from embedtune.workflows.shared.recorded_data import demand_same
from embedtune.workflows.shared.run_folder import STARTED_IN
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.tune.checks import check_race
from embedtune.workflows.tune.folder import CONFIG, TUNED, RaceFolder


@unchanged_inputs()
def tune(
    config: TuneConfig | None, *, open_arms: OpenArms, talk: Talk | None = None, resume: str | None = None
) -> TuneResult:
    """Race recipes within a budget, and leave the winner's recipe and model with a report.

    Args:
        config: the default recipe and the race; None: those of the race to resume.
        open_arms: reads the data of a recipe for training arms.
        talk: receives what happens.
        resume: the folder of an interrupted race.

    Raises:
        EmbedtuneError: anything the user can fix; says what to do.
    """
    started, talk = began(), talk or Silence()
    folder = _folder(config, resume)
    config = folder.config
    done = folder.result()
    if done is not None:
        talk.say(f"{folder.path} is already done")
        return done
    work = Unfinished(
        is_kept=lambda: resume is not None or folder.started,
        discard=folder.discard,
        kept="every arm trained so far is saved",
        lost="nothing was trained yet",
        resume=f"embedtune tune --resume {shlex.quote(str(folder.path))}",
    )
    with alone(folder.path / ".lock"), orderly_end(work):
        remove_all_unfinished(folder.path)
        if resume is not None:
            write_text(folder.path / CONFIG, dump_config(config))  # with its files as they were found from here
        opened = open_arms(config.recipe, talk)
        recorded: Mapping[str, str] = folder.facts().get("data_sha256", {})
        if recorded:
            demand_same(recorded, opened.data.hashes)
        folder.note(data_sha256=dict(opened.data.hashes))
        talk.say(f"folder: {folder.path}")
        with loading():
            from embedtune.workflows.tune.stages import Tuning

        return Tuning(config, opened, folder, talk, started).run()


def _folder(config: TuneConfig | None, resume: str | None) -> RaceFolder:
    """The folder of a new race, or of the one to resume.

    Raises:
        ConfigError: it holds other files, or no race; or the budget is too small.
    """
    if resume is not None:
        return RaceFolder(Path(resume).expanduser())
    config = config or TuneConfig()
    check_race(config)
    if config.tune.unit == "steps" and config.tune.amount < smallest_budget():
        raise ConfigError(
            f"{config.tune.budget} is too small for a race", where="--budget", next=f"give {smallest_budget()}steps"
        )
    data = folder_part(short_name(config.data.source).partition(".")[0])
    name = "-".join(filter(None, (data, folder_part(short_name(config.model.name)))))
    folder = RaceFolder(output_path(config.output.folder, TUNED, name))
    if (folder.path / CONFIG).is_file():
        raise ConfigError(
            f"{folder.path} already holds a race",
            where="--output",
            next=f"name another folder, or go on with it: embedtune tune --resume {shlex.quote(str(folder.path))}",
        )
    with reporting_unwritable(folder.path):
        refuse_used(folder.path)
        folder.heats.mkdir(parents=True, exist_ok=True)
    write_text(folder.path / CONFIG, dump_config(config))
    folder.note(**{STARTED_IN: str(Path.cwd())})
    return folder
