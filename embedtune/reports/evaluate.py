"""The report of an evaluation: a table per set, the comparisons of its systems, and the evidence behind them."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.reports.document.blocks import Block, Bullets, Figure, Findings, Report, Section, Table, Text
from embedtune.reports.document.charts.intervals import Interval, interval_chart
from embedtune.reports.document.printable import printable
from embedtune.reports.document.short_names import short_names
from embedtune.reports.document.terminal import findings_below, places, plain_table
from embedtune.reports.document.wording import difference_cells, explained
from embedtune.reports.results.evaluate import ComparedRow, EvaluateResult, Scores, SystemRow
from embedtune.reports.sections.evidence import evidence_sections
from embedtune.reports.sections.judged import FLAG, judged_blocks, judged_table
from embedtune.reports.sections.provenance import provenance
from embedtune.reports.sections.tasks import confused, size, task_blocks

HOLM = "The p-values are adjusted for all comparisons with the same system (Holm's method); the intervals are not."
VERDICTS = ("better", "worse", "no difference shown")
MOST_CONFUSED = 5
MOST_SENTENCES = 2
"""Comparisons of a model's cut or quantised vectors up to which a terminal shows sentences instead of a table."""
Row = tuple[str, ...]


def table(result: EvaluateResult, reported: Collection[str] = ()) -> RenderableType:
    """A table per set, one of the means over the sets, the comparisons, the findings, and where the report is."""
    parts: list[RenderableType] = []
    result = with_short_names(result)
    for name in sets_of(result):
        parts += [*([TerminalText()] if parts else []), *_set_table(result, name)]
    for header, rows in mean_rows(result):
        parts += [TerminalText(), TerminalText("mean over the sets", style="bold"), plain_table(header, rows)]
    return Group(*parts, *findings_below(result.findings, reported), *places(_files(result)))


def _files(result: EvaluateResult) -> dict[str, str]:
    return {"report": result.report, **({"to judge": result.pool["file"]} if result.pool else {})}


def with_short_names(result: EvaluateResult) -> EvaluateResult:
    """The result as it is shown: models by their last folder, where that tells them apart."""
    models = list(dict.fromkeys(row["model"] for row in result.models))
    short = {name: one for name, one in short_names(models).items() if name != one}

    def shown(text: str) -> str:
        for name in sorted(short, key=len, reverse=True):
            text = text.replace(name, short[name])
        return text

    def renamed(row: Any, *keys: str) -> Any:
        return {**row, **{key: shown(row[key]) for key in keys}}

    return replace(
        result,
        models=tuple(renamed(row, "model", "label") for row in result.models),
        means=tuple(renamed(row, "model", "label") for row in result.means),
        comparisons=tuple(renamed(one, "a", "b", "sentence") for one in result.comparisons),
        evidence=tuple(_renamed_evidence(one, shown) for one in result.evidence),
    )


def _renamed_evidence(evidence: Evidence, shown: Callable[[str], str]) -> Evidence:
    systems = tuple(replace(one, label=shown(one.label)) for one in evidence.systems)
    pairs = tuple(replace(one, a=shown(one.a), b=shown(one.b)) for one in evidence.pairs)
    return replace(evidence, systems=systems, pairs=pairs)


def _set_table(result: EvaluateResult, name: str) -> list[RenderableType]:
    """A set on a terminal: its table, what is unseen, the comparisons, the labels confused most."""
    own, tests = rows_of(result, name), [one for one in result.comparisons if one["data"] == name]
    cut = [one for one in tests if one.get("kind") == "vectors"]
    cut = cut if len(cut) > MOST_SENTENCES else []
    unseen, compared = unseen_sentence(own[0]), [one["sentence"] for one in tests if one not in cut]
    words = [*([unseen] if unseen else []), *compared, *([HOLM] if len(tests) > 1 else [])]
    tables = [shown for row in own if (shown := confused(row, MOST_CONFUSED))]
    if any(one.get("few_judged") for one in tests):
        tables.append(judged_table(own, metric_of(result, name)))
    return [
        TerminalText(printable(name), style="bold"),
        plain_table(*evaluation_rows(result, name)),
        *([TerminalText()] if words else []),
        *(TerminalText(printable(sentence)) for sentence in words),
        *(part for group in _grouped(cut).values() for part in _cut_table(group)),
        *(part for shown in tables for part in (TerminalText(), plain_table(shown.header, shown.rows))),
    ]


def _cut_table(tests: Sequence[ComparedRow]) -> list[RenderableType]:
    """What cutting and quantising the vectors of a model costs."""
    (_, *header), rows = _tested("", tests)
    heading = TerminalText(printable(f"against {tests[0]['a']}"), style="bold")
    return [TerminalText(), heading, plain_table(("vectors", *header), rows)]


def rows_of(result: EvaluateResult, name: str) -> list[SystemRow]:
    """The rows of one set."""
    return [row for row in result.models if row["data"] == name]


def evaluation_rows(result: EvaluateResult, name: str) -> tuple[Row, list[Row]]:
    """Header and cells of the table of one set: each mean, and its interval on the first metric."""
    own = rows_of(result, name)
    metric = metric_of(result, name)
    others = [metric_label(one) for one in own[0]["metrics"] if one != metric]
    more = {heading: cells for heading, cells in _where_known(own, metric).items() if any(cells)}
    header = ("model", metric_label(metric), "95% interval", *more, *others)
    return header, [_cells(row, metric, given) for row, *given in zip(own, *more.values(), strict=True)]


def _where_known(rows: Sequence[SystemRow], metric: str) -> dict[str, list[str]]:
    """The metric on unseen queries, and the bytes of a document's vector where these differ within a model."""
    unseen = [f"{part[metric]:.3f}" if (part := _unseen_part(row)) else "" for row in rows]
    models, sizes = [row["model"] for row in rows], [row.get("bytes_per_vector") for row in rows]
    differ = len(set(zip(models, sizes, strict=True))) > len(set(models))
    return {"unseen": unseen, "bytes": [f"{size:,}" if size and differ else "" for size in sizes]}


def _unseen_part(row: SystemRow) -> Scores | None:
    """The metrics on unseen queries, where these are known and not all."""
    return row.get("metrics_unseen") if (row.get("queries_unseen") or 0) < row["queries"] else None


def _cells(row: SystemRow, metric: str, given: Sequence[str]) -> Row:
    low, high = row["intervals"][metric]
    others = [f"{value:.3f}" for name, value in row["metrics"].items() if name != metric]
    return (
        _short(row["label"], row["model"]),
        f"{row['metrics'][metric]:.3f}",
        f"{low:.3f} to {high:.3f}",
        *given,
        *others,
    )


def _short(label: str, model: str) -> str:
    """What of a label differs from the model's, whose row is above it: `@int8`."""
    return label.removeprefix(model) if label.startswith(f"{model}@") else label


def unseen_sentence(row: SystemRow) -> str:
    """On how many queries of a set nothing can be remembered from training; empty where training is not known."""
    count = row.get("queries_unseen")
    if count is None:
        return ""
    if not count:
        return (
            "Every query has a relevant document in the training data, so these scores cannot tell finding from "
            "remembering."
        )
    if count == row["queries"]:
        return "No relevant document is in the known training data."
    whose = f"the {count:,} of {row['queries']:,} queries with no relevant document in the known training data"
    return f"Unseen: {whose}; comparisons use these alone."


def metric_of(result: EvaluateResult, name: str) -> str:
    """The metric that a set's systems are compared by: the first one asked for, or the first one that its kind has."""
    metrics = rows_of(result, name)[0]["metrics"]
    return result.metric if result.metric in metrics else next(iter(metrics))


def sets_of(result: EvaluateResult) -> list[str]:
    """The names of the sets, in order."""
    return list(dict.fromkeys(row["data"] for row in result.models))


def mean_rows(result: EvaluateResult) -> list[tuple[Row, list[Row]]]:
    """Header and cells of a table of means over the sets for each kind of sets; none with one set of each kind."""
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in result.means:
        known = row.get("metrics_unseen") or {}
        values = {metric_label(name): value for name, value in row["metrics"].items()}
        values |= {f"{metric_label(name)}, unseen": value for name, value in known.items() if name == result.metric}
        cells = (row["label"], *(f"{value:.3f}" for value in values.values()))
        tables.setdefault(("model", *values), []).append(cells)
    return list(tables.items())


def sentences(result: EvaluateResult, name: str) -> list[str]:
    """The comparisons of one set, in words."""
    return [one["sentence"] for one in result.comparisons if one["data"] == name]


def _of_systems(tests: Sequence[ComparedRow]) -> Sequence[ComparedRow]:
    """The comparisons of systems with each other; where there are none, those of cut vectors with full ones."""
    return [one for one in tests if one.get("kind") != "vectors"] or tests


def evaluation(result: EvaluateResult) -> Report:
    """What the report of an evaluation says."""
    sets = sets_of(result)
    files = [(row["data"], row["label"], row["run"]) for row in result.models if row["run"]]
    result = with_short_names(result)
    blocks: list[Block] = [
        *(_set(result, name) for name in sets),
        Section("Mean over the sets", [Table(*one) for one in mean_rows(result)]),
        Section("What to know", [Findings(result.findings)]),
        Section("Data", [Bullets(result.described)]),
        Section("Rankings", [Table(("set", "model", "TREC run"), files, numbers=False)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    compared = _of_systems(result.comparisons)
    verdict = compared[0]["verdict"] if len(compared) == 1 else ""
    return Report(f"Evaluation: {', '.join(sets)}", "Evaluation", _lead(result), blocks, verdict=verdict)


def _lead(result: EvaluateResult) -> str:
    """The comparison where there is one; else which systems are better or worse, or the scores of the only one."""
    compared, sets = _of_systems(result.comparisons), sets_of(result)
    if len(compared) == 1:
        return " ".join([compared[0]["sentence"], *([FLAG] if compared[0].get("few_judged") else [])])
    if not compared:
        return f"{'; '.join(_only(row, metric_of(result, row['data'])) for row in result.models)}."
    # A reranked ranking is compared with the one it reorders, every other system with the first.
    same = len({one["a"] for one in compared}) == 1
    if len(sets) > 1:
        counts = Counter(one["verdict"] for one in compared)
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
        return f"Of {len(compared)} comparisons{' with the first system' if same else ''}: {said}."
    groups = {
        verdict: [
            f"{one['b']} ({one['difference']:+z.3f}{'' if same else ' against ' + one['a']})"
            for one in compared
            if one["verdict"] == verdict
        ]
        for verdict in VERDICTS
    }
    said = ". ".join(f"{verdict.capitalize()}: {', '.join(group)}" for verdict, group in groups.items() if group)
    with_whom = f"Compared with {compared[0]['a']} on" if same else "Compared on"
    return f"{with_whom} {metric_label(metric_of(result, sets[0]))}. {said}."


def _only(row: SystemRow, metric: str) -> str:
    low, high = row["intervals"][metric]
    what = f"{metric_label(metric)} {row['metrics'][metric]:.3f} (95% interval {low:.3f} to {high:.3f})"
    return f"{row['label']} on {row['data']}: {what}"


def _set(result: EvaluateResult, name: str) -> Section:
    rows = rows_of(result, name)
    evidence = next((one for one in result.evidence if one.data == name), None)
    return Section(
        name,
        [
            Text(f"{size(rows[0])} {unseen_sentence(rows[0])}".strip()),
            Table(*evaluation_rows(result, name)),
            *_tests(result, name),
            *judged_blocks(rows, metric_of(result, name)),
            *task_blocks(rows),
            *evidence_sections(evidence),
        ],
    )


def _tests(result: EvaluateResult, name: str) -> list[Block]:
    """Every other system of a set against the first, and cut or quantised vectors against full ones."""
    tests, said = [one for one in result.comparisons if one["data"] == name], sentences(result, name)
    if not tests:
        return []
    metric = metric_label(metric_of(result, name))
    return [
        *(_differences(metric, first, group) for (_, first), group in _grouped(tests).items()),
        Bullets(said if len(result.comparisons) > 1 else ()),  # the report begins with the only one
        Text(HOLM if len(said) > 1 else "", quiet=True),
        Text(explained(tests), quiet=True),
    ]


def _grouped(tests: Sequence[ComparedRow]) -> dict[tuple[str | None, str], list[ComparedRow]]:
    """Comparisons by their kind and the system that the others are compared with."""
    groups: dict[tuple[str | None, str], list[ComparedRow]] = {}
    for one in tests:
        groups.setdefault((one.get("kind"), one["a"]), []).append(one)
    return groups


def _differences(metric: str, first: str, tests: Sequence[ComparedRow]) -> Figure:
    title = f"Differences in {metric} from {first} with their 95% intervals."
    intervals = [Interval(one["b"], one["difference"], *one["interval"]) for one in tests]
    drawn = interval_chart(title, intervals, unit=f"difference in {metric}")
    return Figure(drawn, Table(*_tested(metric, tests)), both=True)


def _tested(metric: str, tests: Sequence[ComparedRow]) -> tuple[Row, list[Row]]:
    """Header and cells of a table of comparisons with the same system."""
    header = (f"against {tests[0]['a']}", f"{metric} difference".strip(), "95% interval", "p", "verdict")
    return header, [
        (_short(one["b"], one["a"]) if one.get("kind") == "vectors" else one["b"], *difference_cells(one))
        for one in tests
    ]
