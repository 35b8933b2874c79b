"""`embedtune mine`: pairs and a recipe in; negatives for every query, a ledger of doubtful ones and a report out.

The work is a chain of stages in a job folder next to the output. Whatever stops it, the same command resumes it, and
the result is byte for byte that of an uninterrupted job. The folder is removed once the output is written.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.verbs.mine import MineConfig
from embedtune.data.formats.shared.mined import check_format
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.data.splits.known_pairs import KnownPairs, read_pairs
from embedtune.errors import ConfigError, DataError, EmbedtuneError, raise_machine_fault
from embedtune.findings import Finding, counted
from embedtune.mining.ledger import Decisions, read_ledger
from embedtune.models.files.load import check_device, resolve
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.results.mine import MineResult
from embedtune.workflows.mine.files import files_of
from embedtune.workflows.mine.judges.teacher import check_teacher
from embedtune.workflows.shared.ending import orderly_end
from embedtune.workflows.shared.engine.naming import engine_named
from embedtune.workflows.shared.jobs.job import MANIFEST, OWN, Job, changes
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.output_folder import refuse_others
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.remote.destination import destination_of
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings


@unchanged_inputs()
def mine(config: MineConfig, *, talk: Talk | None = None, restart: bool = False, force: bool = False) -> MineResult:
    """Find negatives, or resume an interrupted job.

    Args:
        config: the resolved recipe.
        talk: gets messages and progress.
        restart: discard what an interrupted job left, and start over.
        force: replace existing files that embedtune did not write.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    files = files_of(config.output.path)
    job = Job(files.negatives.with_name(f"{files.negatives.name}.job"))
    outputs = Outputs(files, [job.path], destination=destination_of(config.output.path))
    _check_recipe(config, outputs)
    decisions = _decisions(config, outputs, talk)
    outputs.demand_own(force=force, but=[files.ledger] if _edits_own_ledger(config, outputs) else [])
    refuse_others(job.path, OWN)
    pairs = _pairs(config, decisions, talk)
    with alone(job.lock), orderly_end(job.unfinished):
        _begin(job, config, pairs, talk, restart=restart)
        from embedtune.workflows.mine.stages import run  # loads sentence-transformers, so it comes last

        result = run(config, pairs, decisions, outputs, job, talk, started)
        if not config.output.keep_job:
            job.remove()
    return result


def _check_recipe(config: MineConfig, outputs: Outputs) -> None:
    """Refuse what this machine or the recipe does not allow, before anything is read."""
    check_format(Path(config.output.path), config.output.format)
    outputs.demand_files()
    outputs.demand_apart(
        [
            ("--data", config.data.source),
            ("--corpus", config.data.corpus),
            ("--relabel", None if _edits_own_ledger(config, outputs) else config.output.relabel),
            ("--model", config.model.name),
            ("--guide", config.guide.name),
            ("--cross-encoder", config.cross_encoder.name),
            ("--teacher", config.teacher.file),
        ]
    )
    check_teacher(config)
    check_device(config.mining.device)
    engine_named(config.mining.engine)
    resolve(config.model)
    for option, section in (("--guide", config.guide), ("--cross-encoder", config.cross_encoder)):
        if section.name == STARTER:
            raise ConfigError(
                "a starter knows only the words of this data, so it has no second opinion",
                where=option,
                next="name a model trained on other data",
            )
        if section.name is not None:
            _resolve_judge(option, section)


def _edits_own_ledger(config: MineConfig, outputs: Outputs) -> bool:
    """Whether the decisions are in the ledger that this job writes, which keeps them."""
    return outputs.is_named(config.output.relabel, files_of(config.output.path).ledger)


def _resolve_judge(option: str, section: ModelSection) -> None:
    try:
        resolve(section, pairs=option == "--cross-encoder")
    except EmbedtuneError as error:
        error.where = option
        raise


def _decisions(config: MineConfig, outputs: Outputs, talk: Talk) -> Decisions | None:
    """What a person decided in the ledger.

    Raises:
        ConfigError: this job would replace a ledger that holds other decisions.
    """
    relabel, ledger = config.output.relabel, files_of(config.output.path).ledger
    old = outputs.shown(ledger)
    decisions = None if relabel is None else read_ledger(given_file(relabel))
    lost = (_decided(old) if outputs.exists(ledger) else set()) - (decisions.pairs if decisions else set())
    if lost:
        raise ConfigError(
            f"{counted(len(lost), 'decision')} in {old} would be lost: this job writes its own ledger there",
            where=f"--output {config.output.path}",
            next=f"use and keep them with --relabel {old}, or give the output another name",
        )
    if decisions is None:
        return None
    said = f"{counted(len(decisions.positive_ids), 'pair')} marked positive, {len(decisions.negative_ids):,} negative"
    talk.say(f"the ledger: {said}, {decisions.open:,} undecided")
    return decisions


def _decided(ledger: str) -> set[tuple[int, int]]:
    """The decisions in a ledger that this job would replace; none if the file is not a ledger."""
    path = given_file(ledger)
    try:
        return read_ledger(path).pairs if path.is_file() else set()
    except DataError as error:
        raise_machine_fault(error, path)
        return set()


def _pairs(config: MineConfig, decisions: Decisions | None, talk: Talk) -> KnownPairs:
    """Read the data of the recipe, and report what was read and what is odd about it."""
    pairs = read_pairs(config.data, config.mining.seed)
    if decisions is not None:
        pairs = replace(pairs, findings=(*pairs.findings, *_strangers(decisions, pairs)))
    for sentence in pairs.described:
        talk.say(sentence)
    tell_findings(talk, pairs.findings)
    return pairs if decisions is None else pairs.with_positives(decisions.positives)


def _strangers(decisions: Decisions, pairs: KnownPairs) -> Iterator[Finding]:
    """Decisions about queries that are not in this data."""
    here = set(pairs.query_ids.tolist())
    count = sum(query not in here for query, _ in decisions.pairs)
    if count:
        message = f"ignored {counted(count, 'decision')} of the ledger about queries that are not in this data."
        fix = "Check that the ledger belongs to this data."
        yield Finding("ledger-of-other-queries", "warning", count, message, fix)


def _begin(job: Job, config: MineConfig, pairs: KnownPairs, talk: Talk, *, restart: bool) -> None:
    """Record what the job is made from; report whether it is resumed, and what has changed since."""
    settings = config.model_dump(exclude={"output": {"keep_job", "store"}, "mining": {"engine"}})
    manifest: dict[str, Any] = {"settings": settings, "data": dict(pairs.hashes or {})}
    before = {} if restart else job.manifest()
    if restart:
        job.clear()
    if before == manifest:
        talk.say(f"resuming {job.path}")
    elif before:
        changed = "; ".join(changes(before["settings"], settings)) or "the data has changed"
        talk.say(f"resuming {job.path}; the stages that depend on these changes are redone: {changed}")
    job.write_json(MANIFEST, manifest)
