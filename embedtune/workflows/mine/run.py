"""`embedtune mine`: pairs and a recipe in; negatives for every query, a ledger of doubtful ones and a report out.

The work is a chain of stages in a job folder beside the output. Whatever stops it, the same command goes on, and the
result is the same to the byte as that of a job that nothing stopped. The folder goes when the output is there.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedtune.config.encoder import EncoderSection
from embedtune.config.mine import MineConfig
from embedtune.data.layouts import check_layout
from embedtune.data.splits.known_pairs import KnownPairs, read_pairs
from embedtune.errors import ConfigError, EmbedtuneError, Interrupted, OutputError, StoppedError
from embedtune.findings import Finding, counted
from embedtune.mining.ledger import Decisions, read_ledger
from embedtune.models.files.load import check_device, resolve
from embedtune.models.files.resolve import STARTER
from embedtune.reports.results.mine import MineResult
from embedtune.workflows.mine.files import files_of
from embedtune.workflows.mine.job import MANIFEST, Job, changes
from embedtune.workflows.shared.ending import disk_is_full
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.output_file import demand_own_files, is_same
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings


def mine(config: MineConfig, *, talk: Talk | None = None, restart: bool = False) -> MineResult:
    """Find negatives, or go on where an interruption stopped.

    Args:
        config: the resolved recipe.
        talk: told what happens.
        restart: begin anew what an earlier run left.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    _check_recipe(config)
    decisions = _decisions(config, talk)
    pairs = _pairs(config, decisions, talk)
    job = Job(Path(f"{config.output.path}.job").expanduser())
    with alone(job.lock), _orderly_end(job):
        _begin(job, config, pairs, talk, restart=restart)
        from embedtune.workflows.mine.stages import run  # loads sentence-transformers, so it comes last

        result = run(config, pairs, decisions, job, talk, started)
        if not config.output.keep_job:
            job.remove()
    return result


def _check_recipe(config: MineConfig) -> None:
    """Refuse what this machine or the recipe itself does not allow, before anything is read."""
    check_layout(Path(config.output.path), config.output.format)
    files, data, relabel = files_of(config.output.path), config.data, config.output.relabel
    edited = None if is_same(relabel, files.ledger) else relabel  # what is decided in that very ledger is kept in it
    demand_own_files(files, {"--data": data.source, "--corpus": data.corpus, "--relabel": edited})
    check_device(config.mining.device)
    model = config.model
    resolve(model.name, trust_remote_code=model.trust_remote_code, allow_pickle=model.allow_pickle)
    for option, section in (("--guide", config.guide), ("--cross-encoder", config.cross_encoder)):
        if section.name == STARTER:
            raise ConfigError(
                "a starter knows only the words of the data, and has no second opinion",
                where=option,
                next="name a model trained elsewhere",
            )
        if section.name is not None:
            _resolve_judge(option, section.as_model())


def _resolve_judge(option: str, section: EncoderSection) -> None:
    try:
        resolve(section.name, trust_remote_code=section.trust_remote_code, allow_pickle=section.allow_pickle)
    except EmbedtuneError as error:
        error.where = option
        raise


def _decisions(config: MineConfig, talk: Talk) -> Decisions | None:
    """What a person decided.

    Raises:
        ConfigError: the ledger that this job would replace holds other decisions.
    """
    relabel, old = config.output.relabel, files_of(config.output.path).ledger
    decisions = None if relabel is None else read_ledger(Path(relabel).expanduser())
    lost = (read_ledger(old).pairs if old.is_file() else set()) - (decisions.pairs if decisions else set())
    if lost:
        raise ConfigError(
            f"{counted(len(lost), 'decision')} in {old} would be lost: this job writes its own ledger there",
            where=f"--output {config.output.path}",
            next=f"--relabel {old} uses and keeps them; or give the output another name",
        )
    if decisions is None:
        return None
    said = f"{counted(len(decisions.positive_ids), 'pair')} marked positive, {len(decisions.negative_ids):,} negative"
    talk.say(f"the ledger: {said}, {decisions.open:,} undecided")
    return decisions


def _pairs(config: MineConfig, decisions: Decisions | None, talk: Talk) -> KnownPairs:
    """The data of the recipe, with what was read and what is odd about it said aloud."""
    pairs = read_pairs(config.data, config.mining.seed)
    if decisions is not None:
        pairs = replace(pairs, findings=(*pairs.findings, *_strangers(decisions, pairs)))
    for sentence in pairs.described:
        talk.say(sentence)
    tell_findings(talk, pairs.findings)
    return pairs if decisions is None else pairs.with_positives(decisions.positives)


def _strangers(decisions: Decisions, pairs: KnownPairs) -> Iterator[Finding]:
    """What was decided of queries that are not asked here."""
    here = set(pairs.query_ids.tolist())
    count = sum(query not in here for query, _ in decisions.pairs)
    if count:
        message = f"{counted(count, 'decision')} of the ledger passed over: the query is none of these data."
        yield Finding("ledger-of-other-queries", "warning", count, message, "Check that the ledger belongs to them.")


def _begin(job: Job, config: MineConfig, pairs: KnownPairs, talk: Talk, *, restart: bool) -> None:
    """Write down what the job is made from; say what is gone on with, and what has changed since."""
    settings = config.model_dump(exclude={"output": {"keep_job", "store"}})
    manifest: dict[str, Any] = {"settings": settings, "data": dict(pairs.hashes or {})}
    before = {} if restart else job.manifest()
    if restart:
        job.clear()
    if before == manifest:
        talk.say(f"going on with {job.path}")
    elif before:
        changed = "; ".join(changes(before["settings"], settings)) or "the data have changed"
        talk.say(f"going on with {job.path}, anew from what this touches: {changed}")
    job.write_json(MANIFEST, manifest)


@contextmanager
def _orderly_end(job: Job) -> Iterator[None]:
    """Say how to go on after an interruption or a full disk; leave nothing where nothing was done."""
    kept = f"what is done is kept in {job.path}"
    try:
        with _no_empty_folder(job):
            yield
    except (KeyboardInterrupt, Interrupted) as error:
        raise Interrupted(f"interrupted; {kept}", next="give the same command again to go on") from error
    except (OSError, EmbedtuneError) as error:
        if disk_is_full(error):
            where = str(getattr(error, "where", None) or getattr(error, "filename", None) or job.path)
            step = "make room, then give the same command again; it goes on where it was"
            raise StoppedError(f"the disk is full; {kept}", where=where, next=step) from error
        if isinstance(error, PermissionError):
            raise OutputError("this may not be written", where=str(error.filename or job.path)) from error
        raise


@contextmanager
def _no_empty_folder(job: Job) -> Iterator[None]:
    """Take the folder of a job back that was refused before it had done anything."""
    try:
        yield
    except BaseException:
        if not job.started:
            job.remove()
        raise
