"""The report of a comparison, as a page and as Markdown: is B better than A, by how much, and on which queries."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document import Block, Bullets, Example, Facts, Findings, Report, Section, Table
from embedtune.reports.evidence import evidence_sections
from embedtune.reports.html import page
from embedtune.reports.markdown import markdown
from embedtune.reports.provenance import provenance
from embedtune.reports.wording import p_shown


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
    blocks: list[Block] = [
        Facts(_facts(result)),
        Bullets([f"{key.upper()}: {name}" for key, name in names.items()]),
        Section("Metrics", _metrics(result)),
        Section("Seeds", [_seeds(result["seeds"])]),
        Section("What to know", [Findings(result.get("findings", ()))]),
        *(evidence or [_changes(result, "won"), _changes(result, "lost")]),
        Section("Data", [Bullets(result.get("described") or ())]),
        Section("Versions and data", provenance(result.get("facts"))),
    ]
    title = f"{result['verdict'].capitalize()}: {names['b']} against {names['a']}"
    return Report(title, result["verdict"].capitalize(), result["sentence"], blocks, verdict=result["verdict"])


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    metric = metric_label(result["metric"])
    low, high = result["interval"]
    return [
        (f"{metric} of A", f"{result['a']:.3f}"),
        (f"{metric} of B", f"{result['b']:.3f}"),
        ("difference", f"{result['difference']:+.3f}"),
        ("95 % interval", f"{low:+.3f} to {high:+.3f}"),
        ("won / lost / tied", f"{result['won']:,} / {result['lost']:,} / {result['tied']:,}"),
    ]


def _metrics(result: Mapping[str, Any]) -> Sequence[Block]:
    rows = [_metric_row(row) for row in result.get("metrics") or ()]
    header = ("metric", "A", "B", "difference", "95 % interval", "p", "p (Holm)", "verdict")
    return [Table(header, rows)] if len(rows) > 1 else ()


def _metric_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = row["interval"]
    means = (f"{row['a']:.3f}", f"{row['b']:.3f}", f"{row['difference']:+.3f}")
    p_values = (p_shown(row["p_value"]), p_shown(row["p_holm"]))
    return (metric_label(row["metric"]), *means, f"{low:+.3f} to {high:+.3f}", *p_values, row["verdict"])


def _seeds(seeds: Mapping[str, Sequence[float]]) -> Table:
    """The mean of each seed, where there are several."""
    most = max(map(len, seeds.values()), default=0)
    rows = [
        (f"{place + 1}", *(f"{means[place]:.3f}" if place < len(means) else "" for means in seeds.values()))
        for place in range(most)
    ]
    return Table(("seed", *(key.upper() for key in seeds)), rows if most > 1 else ())


def _changes(result: Mapping[str, Any], way: str) -> Section:
    """The queries that changed most, where no more is known of them."""
    rows = result.get(f"most_{way}") or ()
    examples = [Example(row["text"] or row["query"], f"{row['a']:.3f} → {row['b']:.3f}", ()) for row in rows]
    return Section(f"Most {way}", examples)
