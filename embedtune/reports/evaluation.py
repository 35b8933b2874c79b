"""The report of an evaluation as Markdown, and the table that it shares with the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.markdown import bullets, code, escape, findings, table

HOLM = "The p-values are adjusted by Holm's method for the number of systems compared; the intervals are not."
Row = tuple[str, ...]
_TEST = ("difference", "p", "verdict")


def evaluation_rows(result: Mapping[str, Any], name: str, *, tested: bool = True) -> tuple[Row, list[Row]]:
    """Header and cells of the table of one set: each mean, its interval on the first metric, and its test.

    Args:
        result: the keys of `embedtune evaluate --json`.
        name: of the set.
        tested: with the tests against the first row; a terminal has no room for them.
    """
    own = [row for row in result["models"] if row["data"] == name]
    tests = {one["b"]: one for one in result["comparisons"] if one["data"] == name and tested}
    metric = result["metric"]
    others = [metric_label(one) for one in own[0]["metrics"] if one != metric]
    header = ("model", metric_label(metric), "95 % interval", *others, *(_TEST if tests else ()))
    return header, [_cells(row, metric, tests) for row in own]


def _cells(row: Mapping[str, Any], metric: str, tests: Mapping[str, Mapping[str, Any]]) -> Row:
    low, high = row["intervals"][metric]
    others = [f"{value:.3f}" for name, value in row["metrics"].items() if name != metric]
    test = tests.get(row["label"])
    tested = (f"{test['difference']:+.3f}", p_value(test), test["verdict"]) if test else ("",) * len(_TEST)
    own = (row["label"], f"{row['metrics'][metric]:.3f}", f"{low:.3f} to {high:.3f}", *others)
    return (*own, *(tested if tests else ()))


def p_value(test: Mapping[str, Any]) -> str:
    """The adjusted p-value in three decimals, never rounded across the level that decides.

    >>> p_value({"p_holm": 0.0001}), p_value({"p_holm": 0.04996}), p_value({"p_holm": 0.3})
    ('< 0.001', '< 0.05', '0.300')
    """
    value = test["p_holm"]
    if value < 0.001:
        return "< 0.001"
    return "< 0.05" if value < 0.05 <= round(value, 3) else f"{value:.3f}"


def sets_of(result: Mapping[str, Any]) -> list[str]:
    """The names of the sets, in order."""
    return list(dict.fromkeys(row["data"] for row in result["models"]))


def mean_rows(result: Mapping[str, Any]) -> tuple[Row, list[Row]]:
    """Header and cells of the table of means over the sets; no cells with one set."""
    means = result["means"]
    names = list(means[0]["metrics"]) if means else []
    rows = [(row["label"], *(f"{row['metrics'][name]:.3f}" for name in names)) for row in means]
    return ("model", *(metric_label(name) for name in names)), rows


def sentences(result: Mapping[str, Any], name: str) -> list[str]:
    """The comparisons of one set, in words."""
    own = [one for one in result["comparisons"] if one["data"] == name]
    return [f"{one['b']} against {one['a']}: {one['sentence'][0].lower()}{one['sentence'][1:]}" for one in own]


def evaluation_report(result: Mapping[str, Any]) -> str:
    """The report of an evaluation.

    Args:
        result: the keys of `embedtune evaluate --json`.

    Returns: Markdown that ends with a line end.
    """
    sections = [
        "# Evaluation",
        *(_set(result, name) for name in sets_of(result)),
        _means(result),
        findings(result),
        bullets("Data", result["described"]),
        _files(result),
        _repeat(result.get("facts") or {}),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _set(result: Mapping[str, Any], name: str) -> str:
    header, rows = evaluation_rows(result, name)
    own = next(row for row in result["models"] if row["data"] == name)
    said = sentences(result, name)
    parts = [
        f"## {escape(name)}",
        f"{own['queries']:,} queries, {own['documents']:,} documents.",
        _table(header, rows),
        "\n".join(f"- {escape(sentence)}" for sentence in said),
        HOLM if len(said) > 1 else "",
    ]
    return "\n\n".join(filter(None, parts))


def _means(result: Mapping[str, Any]) -> str:
    header, rows = mean_rows(result)
    return f"## Mean over the sets\n\n{_table(header, rows)}" if rows else ""


def _files(result: Mapping[str, Any]) -> str:
    rows = [(escape(row["data"]), escape(row["label"]), code(row["run"])) for row in result["models"]]
    return f"## Rankings\n\n{table(('set', 'model', 'TREC run'), rows)}"


def _repeat(facts: Mapping[str, Any]) -> str:
    versions = [(code(name), code(version)) for name, version in facts.get("versions", {}).items()]
    hashes = [(code(name), code(sha)) for name, sha in facts.get("data_sha256", {}).items()]
    parts = ["## Versions and data", table(("package", "version"), versions), table(("data", "sha256"), hashes)]
    return "\n\n".join(filter(None, parts)) if versions or hashes else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows], numbers=True)
