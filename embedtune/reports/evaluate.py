"""The report of an evaluation, and the table that it shares with the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Block, Bullets, Figure, Findings, Report, Section, Table, Text
from embedtune.reports.document.charts.intervals import Interval, interval_chart
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.document.wording import difference_cells
from embedtune.reports.sections.evidence import evidence_sections
from embedtune.reports.sections.provenance import provenance
from embedtune.reports.sections.tasks import size, task_blocks

HOLM = (
    "The p-values are adjusted by Holm's method for the number of comparisons with one system; the intervals are not."
)
VERDICTS = ("better", "worse", "no difference shown")
Row = tuple[str, ...]


def evaluation_rows(result: Mapping[str, Any], name: str) -> tuple[Row, list[Row]]:
    """Header and cells of the table of one set: each mean, and its interval on the first metric.

    Args:
        result: the keys of `embedtune evaluate --json`.
        name: of the set.
    """
    own = [row for row in result["models"] if row["data"] == name]
    metric = metric_of(result, name)
    others = [metric_label(one) for one in own[0]["metrics"] if one != metric]
    more = {heading: cells for heading, cells in _where_known(own, metric).items() if any(cells)}
    header = ("model", metric_label(metric), "95% interval", *more, *others)
    return header, [_cells(row, metric, given) for row, *given in zip(own, *more.values(), strict=True)]


def _where_known(rows: Sequence[Mapping[str, Any]], metric: str) -> dict[str, list[str]]:
    """The metric on unseen queries, and the bytes of a document's vector where these differ within a model."""
    unseen = [f"{row['metrics_unseen'][metric]:.3f}" if _has_seen_part(row) else "" for row in rows]
    models, sizes = [row["model"] for row in rows], [row.get("bytes_per_vector") for row in rows]
    differ = len(set(zip(models, sizes, strict=True))) > len(set(models))
    return {"unseen": unseen, "bytes": [f"{size:,}" if size and differ else "" for size in sizes]}


def _has_seen_part(row: Mapping[str, Any]) -> bool:
    return bool(row.get("metrics_unseen")) and row["queries_unseen"] < row["queries"]


def _cells(row: Mapping[str, Any], metric: str, given: Sequence[str]) -> Row:
    low, high = row["intervals"][metric]
    others = [f"{value:.3f}" for name, value in row["metrics"].items() if name != metric]
    return (row["label"], f"{row['metrics'][metric]:.3f}", f"{low:.3f} to {high:.3f}", *given, *others)


def _size(row: Mapping[str, Any]) -> str:
    """How much was searched, and what of it no system is known to have learned."""
    return f"{size(row)} {unseen_sentence(row)}".strip()


def unseen_sentence(row: Mapping[str, Any]) -> str:
    """On how many queries of a set nothing is known to be remembered; nothing where training is not known.

    >>> unseen_sentence({"queries": 300, "queries_unseen": 104})
    'Unseen: the 104 of 300 queries with no relevant document in the known training data; comparisons rest on these.'
    """
    count = row.get("queries_unseen")
    if count is None:
        return ""
    if not count:
        return (
            "Every query has a relevant document in the training data, so nothing here tells finding from remembering."
        )
    if count == row["queries"]:
        return "No relevant document is in the known training data."
    whose = f"the {count:,} of {row['queries']:,} queries with no relevant document in the known training data"
    return f"Unseen: {whose}; comparisons rest on these."


def metric_of(result: Mapping[str, Any], name: str) -> str:
    """What the comparisons of a set rest on: the first of the metrics asked for, or of those that its kind has."""
    metrics = next(row["metrics"] for row in result["models"] if row["data"] == name)
    return result["metric"] if result["metric"] in metrics else next(iter(metrics))


def sets_of(result: Mapping[str, Any]) -> list[str]:
    """The names of the sets, in order."""
    return list(dict.fromkeys(row["data"] for row in result["models"]))


def mean_rows(result: Mapping[str, Any]) -> list[tuple[Row, list[Row]]]:
    """Header and cells of a table of means over the sets for each kind of sets; none with one set of each kind."""
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in result["means"]:
        known = row.get("metrics_unseen") or {}
        values = {metric_label(name): value for name, value in row["metrics"].items()}
        values |= {f"{metric_label(name)}, unseen": value for name, value in known.items() if name == result["metric"]}
        cells = (row["label"], *(f"{value:.3f}" for value in values.values()))
        tables.setdefault(("model", *values), []).append(cells)
    return list(tables.items())


def sentences(result: Mapping[str, Any], name: str) -> list[str]:
    """The comparisons of one set, in words."""
    return [sentence(one) for one in result["comparisons"] if one["data"] == name]


def sentence(test: Mapping[str, Any]) -> str:
    """A comparison in words."""
    return f"{test['b']} against {test['a']}: {test['sentence'][0].lower()}{test['sentence'][1:]}"


def _of_systems(tests: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The comparisons of systems with each other; where there are none, those of cut vectors with whole ones."""
    return [one for one in tests if one.get("kind") != "vectors"] or tests


def evaluation_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune evaluate --json`.
    """
    return page(evaluation(result))


def evaluation_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, with tables in place of plots; ends with a line end."""
    return markdown(evaluation(result))


def evaluation(result: Mapping[str, Any]) -> Report:
    """What the report of an evaluation says."""
    sets = sets_of(result)
    files = [(row["data"], row["label"], row["run"]) for row in result["models"] if row["run"]]
    blocks: list[Block] = [
        *(_set(result, name) for name in sets),
        Section("Mean over the sets", [Table(*one) for one in mean_rows(result)]),
        Section("What to know", [Findings(result["findings"])]),
        Section("Data", [Bullets(result["described"])]),
        Section("Rankings", [Table(("set", "model", "TREC run"), files, numbers=False)]),
        Section("Versions and data", provenance(result.get("facts"))),
    ]
    compared = _of_systems(result["comparisons"])
    verdict = compared[0]["verdict"] if len(compared) == 1 else ""
    return Report(f"Evaluation: {', '.join(sets)}", "Evaluation", _lead(result), blocks, verdict=verdict)


def _lead(result: Mapping[str, Any]) -> str:
    """The comparison where there is one; else who was better or worse, or what the only system got."""
    compared, sets = _of_systems(result["comparisons"]), sets_of(result)
    if len(compared) == 1:
        return sentence(compared[0])
    if not compared:
        return f"{'; '.join(_only(row, metric_of(result, row['data'])) for row in result['models'])}."
    if len(sets) > 1:
        counts = Counter(one["verdict"] for one in compared)
        said = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
        return f"Of {len(compared)} comparisons with the first system: {said}."
    groups = {verdict: [_against(one) for one in compared if one["verdict"] == verdict] for verdict in VERDICTS}
    said = ". ".join(f"{verdict.capitalize()}: {', '.join(group)}" for verdict, group in groups.items() if group)
    return f"Against {compared[0]['a']} in {metric_label(metric_of(result, sets[0]))}. {said}."


def _only(row: Mapping[str, Any], metric: str) -> str:
    low, high = row["intervals"][metric]
    what = f"{metric_label(metric)} {row['metrics'][metric]:.3f} (95% interval {low:.3f} to {high:.3f})"
    return f"{row['label']} on {row['data']}: {what}"


def _against(test: Mapping[str, Any]) -> str:
    return f"{test['b']} ({test['difference']:+.3f})"


def _set(result: Mapping[str, Any], name: str) -> Section:
    rows = [row for row in result["models"] if row["data"] == name]
    evidence = next((one for one in result.get("evidence") or () if one["data"] == name), None)
    return Section(
        name,
        [
            Text(_size(rows[0])),
            Table(*evaluation_rows(result, name)),
            *_tests(result, name),
            *task_blocks(rows),
            *evidence_sections(evidence),
        ],
    )


def _tests(result: Mapping[str, Any], name: str) -> list[Block]:
    """Every other system of a set against the first, and cut or quantised vectors against whole ones."""
    tests, said = [one for one in result["comparisons"] if one["data"] == name], sentences(result, name)
    if not tests:
        return []
    metric = metric_label(metric_of(result, name))
    groups: dict[tuple[str | None, str], list[Mapping[str, Any]]] = {}
    for one in tests:
        groups.setdefault((one.get("kind"), one["a"]), []).append(one)
    return [
        *(_differences(metric, first, group) for (_, first), group in groups.items()),
        Bullets(said),
        Text(HOLM if len(said) > 1 else "", quiet=True),
    ]


def _differences(metric: str, first: str, tests: Sequence[Mapping[str, Any]]) -> Figure:
    title = f"Differences in {metric} from {first} with their 95% intervals."
    intervals = [Interval(one["b"], one["difference"], *one["interval"]) for one in tests]
    header = (f"against {first}", f"{metric} difference", "95% interval", "p", "verdict")
    cells = [(one["b"], *difference_cells(one)) for one in tests]
    return Figure(interval_chart(title, intervals, unit=f"difference in {metric}"), Table(header, cells), both=True)
