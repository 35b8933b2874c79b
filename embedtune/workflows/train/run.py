"""`embedtune train`: data and recipe in; a tuned encoder, its evidence and a record of the run out.

Everything that can be refused is refused before anything heavy loads: first the recipe, with its devices and the names
of its models, then the data, and only then sentence-transformers (10 seconds) and the training itself.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from embedtune.config.sections.student import STATIC
from embedtune.config.suggest import did_you_mean
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.domains.cut import Domain, domains_of
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.sets.several import prepare_sets, sets_of
from embedtune.data.sources.base import Source
from embedtune.data.sources.reading.unchanged import declare_encoding, declare_read_besides, unchanged_inputs
from embedtune.data.sources.source import open_source
from embedtune.data.splits.unpaired import queries_made
from embedtune.distributed import is_first, of_first
from embedtune.durable import remove_all_unfinished
from embedtune.errors import ConfigError, ModelError
from embedtune.findings import Finding
from embedtune.models.files.load import choose_device, resolve
from embedtune.models.folders.static_folder import declared_static
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.sources.resolve import resolve_trainable
from embedtune.processes import this_process
from embedtune.reports.results.train import TrainResult
from embedtune.runtime import loading
from embedtune.workflows.shared.choosing.losses import advise
from embedtune.workflows.shared.choosing.mined import check_mined
from embedtune.workflows.shared.ending import orderly_end
from embedtune.workflows.shared.engine.naming import HERE, engine_named
from embedtune.workflows.shared.guard.sets import GuardSet, read_guard
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.run_folder import RunFolder, new_run
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings
from embedtune.workflows.train.changes import models_of, record_changes, record_data
from embedtune.workflows.train.domains.checks import check_domains
from embedtune.workflows.train.earlier_training import with_earlier_training
from embedtune.workflows.train.finished import demand_more_steps, is_complete, reopen
from embedtune.workflows.train.guide.guide_files import (
    check_scores,
    gives_scores,
    guide_path,
    guide_vectors,
    guided_data,
)
from embedtune.workflows.train.kept.query_side_recipe import check_side
from embedtune.workflows.train.plan import TrainPlan, plan_config
from embedtune.workflows.train.recipe_checks import (
    OWN_GUIDES,
    check_needs,
    check_queue,
    check_reranker,
    check_views,
    guard_sets,
    guided_term,
    tell_regularizers,
    tell_unguided,
)
from embedtune.workflows.train.sessions.timed import TimedTalk
from embedtune.workflows.train.students.checks import check_layers, check_query_model, check_teacher
from embedtune.workflows.train.students.teacher import taught_data, teacher_file


def train(
    config: TrainConfig,
    *,
    talk: Talk | None = None,
    resume: RunFolder | None = None,
    accept_changes: bool = False,
) -> TrainResult:
    """Fine-tune an encoder and measure how much it improved.

    Args:
        config: the recipe; `load` makes it from options.
        talk: receives what happens.
        resume: a run to resume, or to read the result of if it is done and nothing changed; None starts a new one.
        accept_changes: resume although options or data differ from those that the run was started with.

    Raises:
        EmbedtuneError: anything the user can fix; says what to do.
    """
    talk = talk or Silence()
    return run_plan(plan_config(config, talk=talk, resume=resume, accept_changes=accept_changes), talk=talk)


@unchanged_inputs()
def run_plan(plan: TrainPlan, *, talk: Talk) -> TrainResult:
    """Carry out a plan; of a run that is already done, and is to do no more, read the result.

    Raises:
        EmbedtuneError: anything the user can fix; says what to do.
    """
    started = time.perf_counter()
    config, run = plan.config, plan.run
    declare_encoding(config.data.encoding)
    declare_read_besides(config.domains.column)
    if run is not None and run.done and not plan.changes and is_complete(run, talk):
        talk.say(f"{run.path} is already done")
        return run.result()
    check_recipe(plan, talk)
    source = plan.source or open_source(config.data.source)
    vectors = guide_vectors(config, source)
    taught = teacher_file(config, source)
    data = taught_data(guided_data(config, read_data(config, source, talk), vectors), taught)
    check_needs(config, plan.losses, data)
    check_side(config, data)
    check_mined(config, data)
    learns_by_loss = config.task != "reranker" and not data.unpaired
    if run is None and "loss" not in config.model_fields_set and learns_by_loss:
        talk.say(advise(data, config.data.source, config.data.columns, model=config.model.name).sentence)
    sets = read_guard(guard_sets(config), seed=config.training.seed)
    if run is not None and run.done and plan.changes:
        demand_more_steps(run, config, len(data.train), plan.changes)
    domains = domains_of(data, config.data, config.domains, config.training.seed) if config.domains.by else []
    # All processes have planned by now, so the first one may write.
    folder = run or RunFolder(Path(of_first(lambda: str(new_run(config).path))))
    with _kept(folder, resumed=run is not None):
        of_first(lambda: _begin(plan, config, data, folder, talk))
        with loading():  # sentence-transformers, so it comes last
            from embedtune.workflows.train.reranker.run import RerankerRun
            from embedtune.workflows.train.stages import TrainingRun

        timed = TimedTalk(talk, folder, started)
        if domains:
            result = _one_after_the_other(
                plan, data, domains, folder, timed, started - timed.earlier_s, vectors, sets, taught
            )
            timed.note()
            return result
        if config.task == "reranker":
            reranker = RerankerRun(config, data, folder, timed, started - timed.earlier_s)
            result = reranker.run(resumed=run is not None)
            timed.note()
            return result
        stages = TrainingRun(config, plan.losses, data, folder, timed, started - timed.earlier_s, vectors, sets, taught)
        result = stages.run(resumed=run is not None)
        timed.note()
        return result


def _one_after_the_other(
    plan: TrainPlan,
    data: TrainingData,
    domains: Sequence[Domain],
    folder: RunFolder,
    talk: Talk,
    started: float,
    vectors: GuideVectors | None,
    guards: Sequence[GuardSet],
    taught: GuideVectors | None,
) -> TrainResult:
    """A run over domains."""
    from embedtune.workflows.train.domains.exam import Exam
    from embedtune.workflows.train.domains.run import DomainsRun
    from embedtune.workflows.train.domains.stage import StageRunner

    stages = StageRunner(plan.config, Exam.of(domains), talk, vectors, guards, taught)
    return DomainsRun(stages, data, domains, folder, talk, started).run()


@contextmanager
def _kept(folder: RunFolder, *, resumed: bool) -> Iterator[None]:
    """Around the work on a run: nobody else works on it, and what is left at an early end is in order.

    Of several processes the first sees to that.
    """
    if not is_first():
        yield
        return
    with alone(folder.lock), orderly_end(folder.unfinished(resumed=resumed)):
        yield


def _begin(plan: TrainPlan, config: TrainConfig, data: TrainingData, folder: RunFolder, talk: Talk) -> None:
    """Record in the run folder what the run is about to learn from."""
    remove_all_unfinished(folder.path)
    recorded = record_data(folder, data.hashes, data.train, models=models_of(config), accept=plan.accept_changes)
    if folder.done:
        reopen(folder)
    record_changes(folder, config, data.hashes, [*plan.changes, *recorded], talk.warn)
    talk.say(f"run folder: {folder.path}")


def check_recipe(plan: TrainPlan, talk: Talk) -> None:
    """Refuse what the recipe asks for and this machine does not have."""
    config = plan.config
    check_reranker(config)
    check_domains(config)
    if plan.run is None and config.output.folder is not None:
        Outputs(folders=[Path(config.output.folder).expanduser()]).demand_apart(
            [
                *(("--data", one.source) for one in sets_of(config.data)),
                ("--eval-data", config.data.eval_source),
                ("--model", config.model.name),
                ("--guide", config.guide.name),
                ("--teacher", config.teacher.name),
                ("--query-model", config.query_model.name),
            ]
        )
    check_queue(config, plan.losses)
    tell_regularizers(plan.losses, talk)
    tell_unguided(config, talk)
    check_views(config, has_dropout=not declared_static(config.model))
    choose_device(config.training.device)
    if config.model.name != STATIC:
        resolve_trainable(config.model, "trained")
    check_layers(config)
    check_teacher(config, talk)
    check_query_model(config)
    _resolve_guide(config, talk)
    for tracker in config.output.trackers:
        if find_spec(tracker) is None:
            raise ConfigError(
                f"{tracker} is not installed",
                where="--track",
                next=f"pip install 'embedtune[{tracker}]', or leave out --track {tracker}",
            )


def read_data(config: TrainConfig, source: Source, talk: Talk) -> TrainingData:
    """The data of the recipe; prints what was read and what is odd about it."""
    data = prepare_sets(config.data, config.training.seed, source=source)
    data = replace(data, findings=(*data.findings, *_unjudged(data, config.data.source)))
    data = with_earlier_training(config, data, talk)
    for sentence in data.described:
        talk.say(sentence)
    tell_findings(talk, data.findings)
    return data


def _unjudged(data: TrainingData, source: str) -> Iterator[Finding]:
    """Which splits are missing, reported before hours of training end without a verdict."""
    more = "Name a judged set" if data.unpaired else "Give more pairs, or name a judged set"
    made = f" {queries_made(source)}" if data.unpaired else ""
    if data.sets:
        return
    if data.test is None:
        without = "no dev and no test split: no checkpoint can be chosen, and" if data.dev is None else "no test split:"
        message = f"there is {without} nothing will show whether the model improved."
        later = "`embedtune evaluate --model RUN/model --data SET` scores it; `embedtune search` tries it by hand"
        yield Finding("no-evidence", "warning", 0, message, f"{more} with --eval-data.{made} Afterwards, {later}.")
    elif data.dev is None:
        message = "there is no dev split: no checkpoint can be chosen, and the last one is kept."
        yield Finding("no-evidence", "warning", 0, message, f"{more} that has a dev split with --eval-data.")


def _resolve_guide(config: TrainConfig, talk: Talk) -> None:
    """Make sure that a named guide can be loaded; warn about one that no loss would use, and do not look for it."""
    name = config.guide.name
    if engine_named(config.guide.engine).kind != HERE and this_process().count > 1:
        raise ConfigError(
            "the processes of this run share the guide's texts already",
            where="--engine",
            next="leave it out, or train in one process",
        )
    if name in OWN_GUIDES:
        return
    if guide_path(config) is not None and gives_scores(config):
        check_scores(config)
        return
    if guided_term(config) is None:
        losses = " and ".join(term.name for term in config.loss)
        talk.warn(f"the guide {name} is not used, because {losses} cannot use one")
        return
    if name == STARTER:
        raise ModelError(
            "a starter is made from the training data and would guide by words alone",
            where="--guide",
            next="--guide self, --guide none, or a model trained elsewhere",
        )
    if guide_path(config) is not None:
        return
    try:
        resolve(config.guide)
    except ModelError as error:
        hint = did_you_mean(name, OWN_GUIDES)
        error.where, error.message = "--guide", f"{error.message}{hint}" if hint else error.message
        error.next = "name a model that can be loaded, or use --guide self or --guide none, which need none"
        raise
