"""The report of a comparison, as a page and as Markdown: is B better than A, by how much, and on which queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.blocks import (
    Block,
    Bullets,
    Example,
    Figure,
    Findings,
    Report,
    Section,
    Table,
    Text,
)
from embedtune.reports.document.charts.intervals import Interval, interval_chart
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.document.wording import difference_cells
from embedtune.reports.sections.evidence import evidence_sections
from embedtune.reports.sections.provenance import provenance

HOLM_ROWS = "The p-values are adjusted by Holm's method for all rows; the intervals are not."


def comparison_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune compare --json`; a part whose keys are missing or empty is left out.
    """
    return page(comparison(result))


def comparison_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, with tables in place of plots; ends with a line end."""
    return markdown(comparison(result))


def comparison(result: Mapping[str, Any]) -> Report:
    """What the report of a comparison says."""
    names = {key: ", ".join(found) for key, found in result["names"].items()}
    evidence = [section for one in result.get("evidence") or () for section in evidence_sections(one)]
    verdicts = [result, *(result.get("others") or ())]
    blocks: list[Block] = [
        Bullets([f"{key.upper()}: {name}" for key, name in names.items()]),
        Section("Differences from A", _differences(result, list(names)[1:], verdicts)),
        Section("Seeds", [_seeds(result["seeds"])]),
        Section("What to know", [Findings(result.get("findings", ()))]),
        *(evidence or _changes(result)),
        Section("Data", [Bullets(result.get("described") or ())]),
        Section("Versions and data", provenance(result.get("facts"))),
    ]
    title = f"{result['verdict'].capitalize()}: {names['b']} against {names['a']}"
    return Report(title, result["verdict"].capitalize(), result["sentence"], blocks, verdict=result["verdict"])


def _differences(
    result: Mapping[str, Any], keys: Sequence[str], verdicts: Sequence[Mapping[str, Any]]
) -> Sequence[Block]:
    """Every metric of every system against A; what is said of the further ones."""
    tests = _tests(keys, verdicts)
    table = Table(*difference_rows(result))
    intervals = [Interval(name, one["difference"], *one["interval"]) for name, one in tests]
    drawn = interval_chart("Differences from A with their 95% intervals.", intervals, unit="difference from A")
    further = [f"{key.upper()}: {one['sentence']}" for key, one in zip(keys[1:], verdicts[1:], strict=True)]
    holm = HOLM_ROWS if len(table.rows) > 1 else ""
    return [Figure(drawn, table, both=True), Bullets(further), Text(holm, quiet=True)]


def difference_rows(result: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and cells of the table of every metric of every system against A.

    Args:
        result: the keys of `embedtune compare --json`.
    """
    tests = _tests(list(result["names"])[1:], [result, *(result.get("others") or ())])
    rows: list[tuple[str, ...]] = [
        (name, f"{one['a']:.3f}", f"{one['b']:.3f}", *difference_cells(one)) for name, one in tests
    ]
    return ("against A", "A", "other", "difference", "95% interval", "p", "verdict"), rows


def _tests(keys: Sequence[str], verdicts: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (f"{key.upper()}, {metric_label(one['metric'])}", one)
        for key, verdict in zip(keys, verdicts, strict=True)
        for one in verdict.get("metrics") or ()
    ]


def _seeds(seeds: Mapping[str, Sequence[float]]) -> Table:
    """The mean of each seed, where there are several."""
    most = max(map(len, seeds.values()), default=0)
    rows = [
        (f"{place + 1}", *(f"{means[place]:.3f}" if place < len(means) else "" for means in seeds.values()))
        for place in range(most)
    ]
    return Table(("seed", *(key.upper() for key in seeds)), rows if most > 1 else ())


def won_and_lost(result: Mapping[str, Any]) -> str:
    """On how many queries, or whatever was compared, B was better, worse and as good.

    >>> won_and_lost({"won": 1, "lost": 2, "tied": 1000})
    'B won on 1 query, lost on 2, tied on 1,000.'
    >>> won_and_lost({"won": 61, "lost": 139, "tied": 0, "items": "pairs"})
    'B won on 61 pairs, lost on 139, tied on 0.'
    """
    one = result.get("items", "queries").removesuffix("s").replace("querie", "query")
    return f"B won on {counted(result['won'], one)}, lost on {result['lost']:,}, tied on {result['tied']:,}."


def _changes(result: Mapping[str, Any]) -> list[Section]:
    """The queries that changed most, where no more is known of them."""
    return [Section("Query by query", [Text(won_and_lost(result))])] + [
        Section(f"Most {way}", [_change(row) for row in result.get(f"most_{way}") or ()]) for way in ("won", "lost")
    ]


def _change(row: Mapping[str, Any]) -> Example:
    return Example(row["text"] or row["query"], f"{row['a']:.3f} → {row['b']:.3f}", ())
