"""`embedtune evaluate`: score encoders, BM25 and rankings on sets of any kind, with intervals and tests."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedtune.config.systems import BM25, is_hybrid, member_of
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.durable import whole_file, write_text
from embedtune.errors import ConfigError, EmbedtuneError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.trec import read_run
from embedtune.findings import Finding
from embedtune.models.files.load import check_device, resolve
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.evaluate import evaluation
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.evaluate import ComparedRow, EvaluateResult, JudgingPool, MeanRow, SystemRow
from embedtune.workflows.evaluate.judging import JUDGED, POOL, check_pool, write_pool
from embedtune.workflows.evaluate.known_training import Training, read_training
from embedtune.workflows.evaluate.reranking import Reranker, check_reranker, load_reranker
from embedtune.workflows.evaluate.result import means_over_sets
from embedtune.workflows.evaluate.systems import Systems
from embedtune.workflows.evaluate.tasks.read_tasks import Task, read_tasks
from embedtune.workflows.evaluate.tasks.retrieval import RetrievalTask
from embedtune.workflows.shared.engine.naming import engine_named
from embedtune.workflows.shared.evaluation_folder import PER_QUERY, REPORT, RESULT, file_name
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings

EVALUATIONS = Path("evaluations")
"""Where evaluations go by default."""


@unchanged_inputs()
def evaluate(config: EvaluateConfig, *, talk: Talk | None = None) -> EvaluateResult:
    """Score systems on sets and write rankings, values per query and a report.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    _check(config)
    runs = {path: read_run(Path(path).expanduser()) for path in config.models.runs}
    training = read_training(config, talk)
    tasks = read_tasks(config, training)
    for sentence in _described(config, tasks):
        talk.say(sentence)
    tell_findings(talk, _findings(tasks, training))
    with fresh_folder(config.output.folder, EVALUATIONS, file_name(tasks[0].name)) as folder:
        _score(config, tasks, runs, folder, talk)
        reranker = _rerank(config, tasks, talk)
        result = replace(
            _result(config, tasks, training, folder, reranker), elapsed_s=round(time.perf_counter() - started, 2)
        )
        if config.output.pool is not None:
            result = replace(result, pool=_pool(config.output.pool, tasks, config.evaluation.seed))
        write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
        report = evaluation(result)
        write_text(folder / REPORT, page(report))
        write_text((folder / REPORT).with_suffix(".md"), markdown(report))
    return result


def _check(config: EvaluateConfig) -> None:
    """Refuse what this machine or the options do not allow, before anything is read."""
    for name in config.evaluation.metrics:
        parse_metric(name)
    if config.output.folder is not None:
        Outputs(folders=[Path(config.output.folder).expanduser()]).demand_apart(_read(config))
    if config.output.pool is not None:
        Outputs.of(config.output.pool, option=POOL).demand_apart(_read(config))
    check_device(config.evaluation.device)
    engine_named(config.evaluation.engine)
    models = config.models
    if models.query == STARTER:
        raise ConfigError(
            "a starter shares no vector space with another encoder", where="--query-model", next="leave it out"
        )
    if models.runs and len(config.data.sources) > 1:
        raise ConfigError("a run ranks the documents of one set", where="--run", next="use one --data with it")
    named = [("--query-model", models.query)] if models.query else []
    for option, name in [*(("--model", name) for name in models.encoders), *named]:
        try:
            resolve(models.section(name))
        except EmbedtuneError as error:
            error.where = option
            raise
    check_reranker(config)
    check_pool(config)


def _read(config: EvaluateConfig) -> Iterator[tuple[str, str | None]]:
    """Options and the files and folders that they name."""
    data, models = config.data, config.models
    yield from (("--data", name) for name in data.sources)
    yield from (("--train-data", name) for name in data.train)
    yield from ((JUDGED, name) for name in data.judged)
    yield from (("--run", name) for name in models.runs)
    yield from (("--model", name) for name in models.encoders)
    yield from (("--candidates", data.candidates), ("--query-model", models.query))
    yield ("--rerank", config.evaluation.rerank)


def _findings(tasks: Sequence[Task], training: Training) -> list[Finding]:
    """Findings about the sets, each with the name of its set if there are several."""
    found = list(training.findings)
    for task in tasks:
        prefix = f"{task.name}: " if len(tasks) > 1 else ""
        found += [replace(finding, message=prefix + finding.message) for finding in task.findings]
    return found


def _score(config: EvaluateConfig, tasks: Sequence[Task], runs: Mapping[str, Run], folder: Path, talk: Talk) -> None:
    """Score every system on every set, in the order in which they were named; each encoder is loaded once."""
    systems = Systems(config, talk, folder)
    for name in config.models.systems:
        member = member_of(name)
        encoder = None if member in (BM25, STARTER) else systems.load(member)
        for task in tasks:
            if name == BM25:
                task.by_words(systems)
                continue
            loaded = encoder or systems.load(member, task.starter_texts)
            (task.by_both if is_hybrid(name) else task.by_encoder)(systems, name, loaded)
    for path, run in runs.items():
        tasks[0].by_run(systems, path, run)


def _rerank(config: EvaluateConfig, tasks: Sequence[Task], talk: Talk) -> Reranker | None:
    """Add to every set what a reranker makes of its rankings; None without --rerank."""
    reranker = load_reranker(config, talk)
    if reranker is not None:
        for task in tasks:
            if isinstance(task, RetrievalTask):
                task.add_rerankings(reranker.rankings(task.judged, list(task.scored), talk))
    return reranker


def _result(
    config: EvaluateConfig, tasks: Sequence[Task], training: Training, folder: Path, reranker: Reranker | None
) -> EvaluateResult:
    """Write rankings and values per query, and build the result."""
    alone, seed = len(tasks) == 1, config.evaluation.seed
    rows: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    with whole_file(folder / PER_QUERY) as file:
        for task in tasks:
            file.writelines(task.lines())
            rows += task.rows(folder, alone=alone, seed=seed)
            comparisons += task.comparisons(seed=seed)
    return EvaluateResult(
        models=from_plain(tuple[SystemRow, ...], rows),
        report=str(folder / REPORT),
        metric=str(parse_metric(config.evaluation.metrics[0])),
        means=from_plain(tuple[MeanRow, ...], means_over_sets(rows)),
        comparisons=from_plain(tuple[ComparedRow, ...], comparisons),
        findings=tuple(_findings(tasks, training)),
        described=_described(config, tasks, reranker),
        evidence=tuple(found for task in tasks if (found := task.evidence())),
        facts={
            **machine_facts(config.models.section(name) for name in config.models.encoders),
            "data_sha256": _hashes(config, tasks),
            "options": config.model_dump(),
        },
    )


def _pool(name: str, tasks: Sequence[Task], seed: int) -> JudgingPool:
    """Write the documents to judge next, those of every set."""
    proposed = (record for task in tasks if isinstance(task, RetrievalTask) for record in task.pool(seed=seed))
    return JudgingPool(file=name, documents=write_pool(name, proposed))


def _described(config: EvaluateConfig, tasks: Sequence[Task], reranker: Reranker | None = None) -> tuple[str, ...]:
    query = config.models.query
    own = () if query is None else (f"the queries of every encoder are encoded by {query}",)
    again = () if reranker is None else (reranker.described,)
    return (*(sentence for task in tasks for sentence in task.described), *own, *again)


def _hashes(config: EvaluateConfig, tasks: Sequence[Task]) -> dict[str, str]:
    sources = zip(config.data.sources, tasks, strict=True)
    return {f"{Path(name).name}/{file}": sha for name, task in sources for file, sha in task.hashes.items()}
