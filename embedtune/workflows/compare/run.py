"""`embedtune compare`: is B really better than A? A paired test over queries, and over seeds if there are several."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import numpy as np

from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.durable import write_text
from embedtune.errors import ConfigError, DataError
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.tasks.items import ITEM_METRICS
from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.evaluation.verdicts.significance import On
from embedtune.findings import Finding, by_severity, counted
from embedtune.reports.compare import comparison
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.compare import CompareResult
from embedtune.workflows.compare.evidence import Side, evidence_of
from embedtune.workflows.compare.grouping import groups_of
from embedtune.workflows.compare.result import Test, verdicts_of
from embedtune.workflows.compare.same import (
    cut_runs,
    demand_different_seeds,
    one_seed_each,
    same_questions,
    starts_kept,
)
from embedtune.workflows.compare.values import Sources, Values
from embedtune.workflows.shared.evaluation_folder import file_name
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.output_folder import folder_here, fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk

DEFAULT_METRIC = "ndcg@10"
GUARDS: Mapping[str, tuple[str, ...]] = {"worse": ("worse",), "not-better": ("worse", "no difference shown")}
"""--fail-if -> the verdicts that fail."""
COMPARISONS = Path("comparisons")
"""Where comparisons go by default."""
RESULT, REPORT = "comparison.json", "report.html"
USAGE = "`embedtune compare --help` shows its arguments"


@dataclass(frozen=True)
class CompareOptions:
    """What is compared, and how.

    Args:
        a: a run folder, an evaluation folder (`FOLDER#MODEL` if it holds several) or a TREC run; several seeds of one
            recipe separated by commas.
        others: the same; each is compared with a, and the first of them is b.
        metrics: such as "ndcg@10"; the first decides the verdict.
        data: the judged data of TREC runs.
        split: which of their splits.
        fail_if: "worse" or "not-better"; see `failed` of the result.
        output: a new folder for the report; None for a dated one.
        group: a column of data: queries that share a value of it count as one. None: as the systems were evaluated.
    """

    a: str
    others: Sequence[str]
    metrics: Sequence[str] = ()
    data: str | None = None
    split: str = "test"
    fail_if: str | None = None
    output: str | None = None
    group: str | None = None


@unchanged_inputs()
def compare(options: CompareOptions, *, talk: Talk | None = None) -> CompareResult:
    """Compare systems with A on the queries that all of them share, and write a report.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    talk = talk or Silence()
    if options.fail_if is not None and options.fail_if not in GUARDS:
        raise ConfigError(f"unknown verdict {options.fail_if!r}; use {' or '.join(GUARDS)}", where="--fail-if")
    wanted = list(dict.fromkeys(_known(metric) for metric in options.metrics or (DEFAULT_METRIC,)))
    named = (options.a, *options.others)
    if len(named) < 2:
        raise ConfigError("got one system; a comparison needs at least two", where="compare", next=USAGE)
    if len(named) > len(ascii_lowercase):
        raise ConfigError(f"got {len(named)} systems, at most {len(ascii_lowercase)} can be compared", where="compare")
    if options.output is not None:
        systems = [(name, name.partition("#")[0]) for text in named for name in names_in(text)]
        Outputs(folders=[folder_here(options.output)]).demand_apart([("--data", options.data), *systems])
    if options.group is not None and options.data is None:
        raise ConfigError(
            "it names a column of the judged data, and no data is named",
            where="--group",
            next="add --data SET",
        )
    sources = Sources(options.data, options.split, wanted, options.group)
    with talk.progress("reading the values to compare"):
        read = [[sources.read(name) for name in names_in(text)] for text in named]
    for seeds in read:
        demand_different_seeds(seeds)
    metrics = _metrics([one for seeds in read for one in seeds], wanted, asked=bool(options.metrics))
    read = [[one.having(metrics) for one in seeds] for seeds in read]
    everything = [one for seeds in read for one in seeds]
    queries, on, findings = _queries(everything)
    sides = [Side(text, seeds, _values(seeds, queries, metrics[0])) for text, seeds in zip(named, read, strict=True)]
    groups, grouped = groups_of(everything, queries, sources)
    findings += grouped
    tests = [[_test(sides[0], other, queries, metric, on, groups) for metric in metrics] for other in sides[1:]]
    with talk.progress("reading the rankings"):
        found = evidence_of(sides, queries, metrics[0], sources, on=on)
    evidence = _with_effects(found.evidence, tests)
    verdicts = verdicts_of(tests, evidence)
    alone = [
        one_seed_each(sides[0], other, ("A", letter.upper()))
        for letter, other in zip(ascii_lowercase[1:], sides[1:], strict=False)
    ]
    noted = [starts_kept(everything), *alone]
    findings = [*(one for one in noted if one is not None), *cut_runs(everything, metrics), *findings]
    own = [each for one in everything for each in one.findings]
    lettered = list(zip(ascii_lowercase, sides, strict=False))
    with fresh_folder(options.output, COMPARISONS, file_name(options.others[0])) as folder:
        result = CompareResult(
            **vars(verdicts[0]),
            names={key: tuple(one.name for one in side.seeds) for key, side in lettered},
            seeds={key: tuple(side.values.mean(axis=1).tolist()) for key, side in lettered},
            others=tuple(verdicts[1:]),
            evidence=(evidence,),
            failed=any(one.verdict in GUARDS.get(options.fail_if or "", ()) for one in verdicts),
            findings=tuple(by_severity([*own, *findings, *found.findings])),
            described=found.described,
            facts={**machine_facts(), "options": dataclasses.asdict(options)},
            report=str(folder / REPORT),
        )
        _write(folder, result)
    return result


def _write(folder: Path, result: CompareResult) -> None:
    write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
    report = comparison(result)
    write_text(folder / REPORT, page(report))
    write_text((folder / REPORT).with_suffix(".md"), markdown(report))


def names_in(text: str) -> list[str]:
    """The names in a list separated by commas; an existing path is one name even with commas.

    Raises:
        ConfigError: there is no name, or one is repeated.
    """
    names = [text] if text and Path(text).expanduser().exists() else [name for name in text.split(",") if name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        what = f"{twice[0]} is named twice; name the folder of each seed once" if twice else "no system is named"
        raise ConfigError(what, where="compare", next=USAGE)
    return names


def _known(metric: str) -> str:
    """The metric by its full name.

    Raises:
        ConfigError: unknown metric.
    """
    return metric if metric in ITEM_METRICS else str(parse_metric(metric))


def _metrics(values: Sequence[Values], wanted: list[str], *, asked: bool) -> list[str]:
    """The metrics asked for, or the default one, or the first that all systems have."""
    lacking = [(one, metric) for metric in wanted for one in values if metric not in one.metrics]
    if not lacking:
        return wanted
    shared = [name for name in values[0].metrics if all(name in one.metrics for one in values)]
    if shared and not asked:
        return shared[:1]
    raise ConfigError(
        f"{lacking[0][0].name} has no values of {lacking[0][1]}",
        where="--metric",
        next=f"all have {', '.join(shared)}" if shared else "evaluate them again with the same --metrics",
    )


def _queries(values: Sequence[Values]) -> tuple[list[str], On, list[Finding]]:
    """The queries to compare on: those that all systems have, and of these only the unseen ones if any are known."""
    known = [one.sets for one in values if one.sets]
    if len(set(known)) > 1:
        listed = " and ".join(", ".join(sorted(sets)) for sets in dict.fromkeys(known))
        raise DataError(f"the systems were scored on different sets: {listed}", next="evaluate them on the same data")
    shared = [query for query in values[0].scores if all(query in one.scores for one in values)]
    if not shared:
        names = f"{values[0].name} and {values[-1].name}"
        raise DataError(f"{names} have no query in common", next="evaluate them on the same data")
    findings = _differing(values, len(shared))
    shared, differing = same_questions(values, shared)
    findings += differing
    known_unseen = [one.unseen for one in values if one.unseen is not None]
    unseen = [query for query in shared if all(query in one for one in known_unseen)]
    if known_unseen and not unseen:
        message = "for every query, one of the systems was trained on its documents, so a gain may be memorization."
        findings.append(Finding("all-queries-seen", "warning", len(shared), message))
    return (unseen, "unseen", findings) if known_unseen and unseen else (shared, "all", findings)


def _differing(values: Sequence[Values], shared: int) -> list[Finding]:
    findings = []
    most = max(len(one.scores) for one in values)
    if shared < most:
        message = f"only {shared:,} of {counted(most, 'query')} have scores from all systems; the rest are left out."
        findings.append(Finding("queries-not-shared", "warning", most - shared, message))
    if len({one.hashes for one in values if one.hashes}) > 1:
        message = "the data changed between these evaluations."
        findings.append(Finding("data-changed", "warning", 1, message, "Evaluate them again on the same data."))
    return findings


def _values(seeds: Sequence[Values], queries: Sequence[str], metric: str) -> np.ndarray:
    return np.array([[one.scores[query][metric] for query in queries] for one in seeds])  # (S, Q)


def _with_effects(evidence: Evidence, tests: Sequence[Sequence[Test]]) -> Evidence:
    """The evidence with the minimum detectable effects of the tests, which take the seeds into account."""
    effects = [own[0][0].minimum_detectable_effect for own in tests]
    pairs = zip(evidence.pairs, effects, strict=True)
    return dataclasses.replace(
        evidence, pairs=tuple(dataclasses.replace(pair, minimum_detectable_effect=effect) for pair, effect in pairs)
    )


def _test(a: Side, b: Side, queries: Sequence[str], metric: str, on: On, groups: QueryGroups | None) -> Test:
    values = [_values(side.seeds, queries, metric) for side in (a, b)]  # (S, Q) each
    found, seeds = compare_seeds(*values, metric=metric, on=on, groups=groups)
    return dataclasses.replace(found, items=a.seeds[0].items.get(metric, found.items)), seeds
