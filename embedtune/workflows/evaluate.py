"""`embedtune evaluate`: encoders, BM25 and other people's rankings scored on judged sets, with intervals and tests."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedtune.config.evaluation import EvaluateConfig
from embedtune.data.check import FEW_QUERIES
from embedtune.data.judged_source import JudgedSource, read_judged
from embedtune.data.rows import Finding
from embedtune.data.words import counted
from embedtune.errors import ConfigError, EmbedtuneError
from embedtune.evaluation.judged import JudgedSet, as_arrays
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import Run
from embedtune.evaluation.retrieval import demand_judged
from embedtune.evaluation.trec import read_run, write_run
from embedtune.models.load import choose_device, resolve
from embedtune.models.resolve import STARTER
from embedtune.reports.evaluation import evaluation_report
from embedtune.workflows.evaluation_result import (
    PER_QUERY,
    REPORT,
    RESULT,
    EvaluateResult,
    compare_with_first,
    file_name,
    means_over_sets,
    per_query_lines,
    row_of,
)
from embedtune.workflows.evaluation_systems import Scored, Systems, run_findings
from embedtune.workflows.output_folder import fresh_folder
from embedtune.workflows.run_folder import machine_facts
from embedtune.workflows.talk import Silence, Talk

EVALUATIONS = Path("evaluations")
"""Where evaluations go that were given no folder."""


@dataclass(frozen=True)
class Part:
    """One judged set: as it was read, and as arrays."""

    source: JudgedSource
    judged: JudgedSet


def evaluate(config: EvaluateConfig, *, talk: Talk | None = None) -> EvaluateResult:
    """Score systems on judged sets and write rankings, values per query and a report.

    Args:
        config: the options.
        talk: told what happens.

    Raises:
        EmbedtuneError: anything the user can mend; says what to do.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    _check(config)
    runs = {path: read_run(Path(path).expanduser()) for path in config.models.runs}
    parts = _read(config, talk)
    findings = _findings(parts)
    with fresh_folder(config.output.folder, EVALUATIONS, file_name(parts[0].judged.name)) as folder:
        scored, more = _scored(config, parts, runs, talk)
        result = _result(config, parts, scored, folder)
        elapsed = round(time.perf_counter() - started, 2)
        result = replace(result, findings=(*findings, *more), elapsed_s=elapsed)
        plain = result.as_json()
        (folder / RESULT).write_text(json.dumps(plain, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        (folder / REPORT).write_text(evaluation_report(plain), encoding="utf-8")
    return result


def _check(config: EvaluateConfig) -> None:
    """Refuse what this machine or the options themselves do not allow, before anything is read."""
    for name in config.evaluation.metrics:
        parse_metric(name)
    choose_device(config.evaluation.device)
    models = config.models
    if models.query == STARTER:
        raise ConfigError("a starter shares no space with another encoder", where="--query-model", next="leave it out")
    if models.runs and len(config.data.sources) > 1:
        raise ConfigError("a run ranks the documents of one set", where="--run", next="give one --data with it")
    named = [("--query-model", models.query)] if models.query else []
    for option, name in [*(("--model", name) for name in models.encoders), *named]:
        try:
            resolve(name, trust_remote_code=models.trust_remote_code)
        except EmbedtuneError as error:
            error.where = option
            raise


def _read(config: EvaluateConfig, talk: Talk) -> list[Part]:
    """The judged sets, with what was read and what is odd about it said aloud; no two go by one name."""
    parts: list[Part] = []
    for name in config.data.sources:
        source = read_judged(name, config.data.split, config.data.columns, seed=config.evaluation.seed)
        judged = as_arrays(source.judged)
        demand_judged(judged)
        same = sum(part.source.judged.name == judged.name for part in parts)
        parts.append(Part(source, replace(judged, name=f"{judged.name} ({same + 1})") if same else judged))
        for sentence in source.described:
            talk.say(sentence)
    for finding in _findings(parts):
        (talk.say if finding.severity == "note" else talk.warn)(f"{finding.message} {finding.fix}".strip())
    return parts


def _findings(parts: Sequence[Part]) -> list[Finding]:
    """What is odd about the sets, each with its name where there are several."""
    found = []
    for part in parts:
        prefix = f"{part.judged.name}: " if len(parts) > 1 else ""
        own = [*part.source.findings, *_more_findings(part.judged)]
        found += [replace(finding, message=prefix + finding.message) for finding in own]
    return found


def _more_findings(judged: JudgedSet) -> list[Finding]:
    found = []
    if len(judged.query_ids) < FEW_QUERIES:
        message = f"only {counted(len(judged.query_ids), 'query')}: weak evidence."
        fix = f"Give at least {FEW_QUERIES}, better a few hundred."
        found.append(Finding("weak-test", "warning", len(judged.query_ids), message, fix))
    if len(judged.self_pairs):
        message = (
            f"{counted(len(judged.self_pairs), 'document')} left out of the ranking of a query with the same text."
        )
        found.append(Finding("own-texts", "note", len(judged.self_pairs), message))
    return found


def _scored(
    config: EvaluateConfig, parts: Sequence[Part], runs: Mapping[str, Run], talk: Talk
) -> tuple[list[list[Scored]], list[Finding]]:
    """The rows of every set, in the order in which systems and runs were named, and what is odd about the runs."""
    systems, sets = Systems(config, talk), [part.judged for part in parts]
    rows: list[list[Scored]] = [[] for _ in sets]
    findings: list[Finding] = []
    for name in config.models.systems:
        for own, found in zip(rows, systems.score(name, sets), strict=True):
            own += found
    for path, run in runs.items():
        rows[0].append(systems.score_run(path, run, sets[0]))
        findings += run_findings(path, run, sets[0], parts[0].source.judged.queries)
    return rows, findings


def _result(
    config: EvaluateConfig, parts: Sequence[Part], scored: Sequence[Sequence[Scored]], folder: Path
) -> EvaluateResult:
    """Write rankings and values per query, and put everything together."""
    sets, seed = [part.judged for part in parts], config.evaluation.seed
    metric = str(parse_metric(config.evaluation.metrics[0]))
    files = _run_files(scored, sets, folder)
    rows: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    with (folder / PER_QUERY).open("w", encoding="utf-8", newline="\n") as file:
        for own, judged in zip(scored, sets, strict=True):
            file.writelines(per_query_lines(own, judged.name, judged))
            rows += [row_of(one, judged.name, files[judged.name, one.label], seed=seed) for one in own]
            comparisons += compare_with_first(own, judged.name, metric, seed=seed)
    return EvaluateResult(
        models=tuple(rows),
        report=str(folder / REPORT),
        metric=metric,
        means=tuple(means_over_sets(rows, len(sets))),
        comparisons=tuple(comparisons),
        described=_described(config, parts),
        facts={**machine_facts(), "data_sha256": _hashes(config, parts), "options": config.model_dump()},
    )


def _described(config: EvaluateConfig, parts: Sequence[Part]) -> tuple[str, ...]:
    query = config.models.query
    own = () if query is None else (f"the queries of every encoder are encoded by {query}",)
    return (*(sentence for part in parts for sentence in part.source.described), *own)


def _run_files(
    scored: Sequence[Sequence[Scored]], sets: Sequence[JudgedSet], folder: Path
) -> dict[tuple[str, str], Path]:
    """Write each ranking that was made here; (set, label) -> its file, or the one it was read from."""
    files: dict[tuple[str, str], Path] = {}
    for own, judged in zip(scored, sets, strict=True):
        for one in own:
            path = Path(one.model)
            if one.ranked_here:
                ending = f".{file_name(judged.name)}" if len(sets) > 1 else ""
                path = _unlike(folder / f"{file_name(one.label)}{ending}.trec", files.values())
                write_run(path, one.ranking, judged, file_name(one.label))
            files[judged.name, one.label] = path
    return files


def _unlike(path: Path, taken: Iterable[Path]) -> Path:
    """The path, with a number where two names became one."""
    candidate, number = path, 2
    while candidate in taken:
        candidate, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return candidate


def _hashes(config: EvaluateConfig, parts: Sequence[Part]) -> dict[str, str]:
    sources = zip(config.data.sources, parts, strict=True)
    return {f"{Path(name).name}/{file}": sha for name, part in sources for file, sha in part.source.hashes.items()}
