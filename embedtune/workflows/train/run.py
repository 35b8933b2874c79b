"""`embedtune train`: data and recipe in; a tuned encoder, its evidence and a record of the run out.

Everything that can be refused is refused before anything heavy loads: first the recipe, with its devices and the names
of its models, then the data, and only then sentence-transformers (10 seconds) and the training itself.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

from embedtune.config.suggest import did_you_mean
from embedtune.config.train import TrainConfig
from embedtune.data.prepare import prepare
from embedtune.data.rows import TrainingData
from embedtune.durable import remove_all_unfinished
from embedtune.errors import ConfigError, ModelError
from embedtune.findings import Finding
from embedtune.models.files.load import choose_device, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.reports.results.train import TrainResult
from embedtune.runtime import loading
from embedtune.workflows.shared.ending import orderly_end
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.run_folder import RunFolder, new_run
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings
from embedtune.workflows.train.changes import record_changes, record_data, refuse_changes
from embedtune.workflows.train.guide.guide_files import check_scores, gives_scores, guide_path, guided_data
from embedtune.workflows.train.needs import check_needs, check_queue, check_term, check_views, guided_term
from embedtune.workflows.train.proposal import is_static, proposed

OWN_GUIDES = ("self", "none")


def train(
    config: TrainConfig,
    *,
    talk: Talk | None = None,
    resume: RunFolder | None = None,
    accept_changes: bool = False,
) -> TrainResult:
    """Fine-tune an encoder and measure what it became.

    Args:
        config: the resolved recipe.
        talk: told what happens.
        resume: an unfinished run to go on with; None starts a new one.
        accept_changes: go on with it although options or data are not those that it was started with.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    config, reasons = proposed(config)
    for reason in reasons:
        talk.say(reason)
    _check_recipe(config, talk)
    changes = [] if resume is None else refuse_changes(resume, config, accept=accept_changes)
    data = guided_data(config, read_data(config, talk))
    check_needs(config, data)
    folder = resume or new_run(config)
    with alone(folder.lock), orderly_end(folder, resumed=resume is not None):
        remove_all_unfinished(folder.path)
        changes += record_data(folder, data.hashes, accept=accept_changes)
        record_changes(folder, config, data.hashes, changes, talk.warn)
        talk.say(f"run folder: {folder.path}")
        with loading():  # sentence-transformers, so it comes last
            from embedtune.workflows.train.stages import TrainingRun

        return TrainingRun(config, data, folder, talk, started).run(resumed=resume is not None)


def _check_recipe(config: TrainConfig, talk: Talk) -> None:
    """Refuse what the recipe asks for and this machine does not have."""
    for term in config.loss:
        check_term(term.name, term.args)
    check_queue(config)
    check_views(config, has_dropout=not is_static(config.model))
    choose_device(config.training.device)
    model = config.model
    resolve(model.name, trust_remote_code=model.trust_remote_code, allow_pickle=model.allow_pickle)
    _resolve_guide(config, talk)
    if config.output.tensorboard and find_spec("tensorboard") is None:
        raise ConfigError(
            "TensorBoard is not installed",
            where="output.tensorboard",
            next="pip install 'embedtune[tensorboard]', or output.tensorboard=false",
        )


def read_data(config: TrainConfig, talk: Talk) -> TrainingData:
    """The data of the recipe, with what was read and what is odd about it said aloud."""
    data = prepare(config.data, config.training.seed)
    data = replace(data, findings=(*data.findings, *_unjudged(data)))
    for sentence in data.described:
        talk.say(sentence)
    tell_findings(talk, data.findings)
    return data


def _unjudged(data: TrainingData) -> Iterator[Finding]:
    """That splits are missing, told before hours of training end without a verdict."""
    more = "Name a judged set" if data.unpaired else "Give more pairs, or name a judged set"
    if data.test is None:
        without = "no dev and no test split: no step can be chosen, and" if data.dev is None else "no test split:"
        message = f"there is {without} nothing will say whether the model became better."
        later = "`embedtune evaluate --model RUN/model --data SET` scores it; `embedtune search` tries it by hand"
        yield Finding("no-evidence", "warning", 0, message, f"{more} with --eval-data. Afterwards, {later}.")
    elif data.dev is None:
        message = "there is no dev split: no step can be chosen, and the last one is kept."
        yield Finding("no-evidence", "warning", 0, message, f"{more} that has a dev split with --eval-data.")


def _resolve_guide(config: TrainConfig, talk: Talk) -> None:
    """Make sure that a guide named can be had; one that no loss would use is not looked for, and that is said."""
    name = config.guide.name
    if name in OWN_GUIDES:
        return
    if guide_path(config) is not None and gives_scores(config):
        check_scores(config)
        return
    if guided_term(config) is None:
        losses = " and ".join(term.name for term in config.loss)
        talk.warn(f"the guide {name} is not used, since {losses} takes none")
        return
    if name == STARTER:
        raise ModelError(
            "a starter is made from the data at hand and would guide by words alone",
            where="--guide",
            next="--guide self, --guide none, or a model trained elsewhere",
        )
    if guide_path(config) is not None:
        return
    try:
        resolve(name, trust_remote_code=config.guide.trust_remote_code, allow_pickle=config.guide.allow_pickle)
    except ModelError as error:
        hint = did_you_mean(name, OWN_GUIDES)
        error.where, error.message = "--guide", f"{error.message}{hint}" if hint else error.message
        error.next = "name a model that can be had, or give --guide self or --guide none, which need none"
        raise
