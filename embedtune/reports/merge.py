"""The report of a merge: what it gains, what it keeps, and what other alphas would give."""

from collections.abc import Collection, Sequence

from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Block, Bullets, Findings, Report, Section, Table, Text
from embedtune.reports.document.terminal import findings_below, places, plain_table, verdict_line
from embedtune.reports.document.wording import difference_cells, duration, explained
from embedtune.reports.results.merge import MergeResult
from embedtune.reports.sections.guard import guard_section, guard_sentence, guard_table
from embedtune.reports.sections.mixing import curve_section
from embedtune.reports.sections.provenance import provenance

HOLM = "The p-values are adjusted for all parts (Holm's method); the intervals are not."


def table(result: MergeResult, reported: Collection[str] = ()) -> RenderableType:
    """The models and the merged one, the verdict, the guard, the findings, and where everything is."""
    parts: list[RenderableType] = [TerminalText(mixture_sentence(result)), TerminalText()]
    if result.metrics:
        shown = _scores(result)
        parts += [plain_table(shown.header, shown.rows), TerminalText()]
    word, said = _verdict(result)
    parts.append(verdict_line(said, word))
    parts += [TerminalText(line) for line in (kept_sentence(result), guard_sentence(result.guard)) if line]
    if result.guard:
        header, rows = guard_table(result.guard)
        parts += [TerminalText(), plain_table(header, rows)]
    where = {"model": result.model, "report": result.report}
    return Group(*parts, *findings_below(result.findings, reported), *places(where))


def merging(result: MergeResult) -> Report:
    """What the report of a merge says."""
    word, said = _verdict(result)
    tests = result.comparisons
    rows = [(one["against"], f"{one['part']:.3f}", f"{one['merged']:.3f}", *difference_cells(one)) for one in tests]
    metric = metric_label(tests[0]["metric"]) if tests else ""
    header = ("against", f"its {metric}", "merged", "difference", "95% interval", "p", "verdict")
    blocks: list[Block] = [
        Text(mixture_sentence(result)),
        Text(" ".join(filter(None, (kept_sentence(result), guard_sentence(result.guard))))),
        Section(
            "The merged model and its parts",
            [
                _scores(result) if result.metrics else Text(""),
                Table(header, rows),
                Text(HOLM if len(tests) > 1 else "", quiet=True),
                Text(explained(tests), quiet=True),
            ],
        ),
        guard_section(result.guard),
        curve_section(result.curve),
        Section("What to know", [Findings(result.findings)]),
        Section("Data", [Bullets(result.described)]),
        Section("The merge", [Table(("", ""), _facts(result), numbers=False)]),
        Section("Versions and data", provenance(result.facts)),
    ]
    return Report(f"{word.capitalize()}: {result.output}", word.capitalize(), said, blocks, verdict=word)


def mixture_sentence(result: MergeResult) -> str:
    """What was mixed, in words."""
    first, *others = (one["model"] for one in result.models)
    rest = others[0] if len(others) == 1 else f"{len(others)} others ({', '.join(others)})"
    return f"Merged: {result.method}, alpha {result.alpha:g}, from {first} (0) towards {rest} (1)."


def kept_sentence(result: MergeResult) -> str:
    """How much of the second model's gain is left, where that is known."""
    if result.kept_share is None:
        return ""
    return f"It has {result.kept_share:.0%} of the gain of {result.models[1]['model']}."


def _verdict(result: MergeResult) -> tuple[str, str]:
    if not result.comparisons:
        return "no verdict", "No verdict: there was no --data to judge by."
    return result.comparisons[0]["verdict"], result.comparisons[0]["sentence"]


def _scores(result: MergeResult) -> Table:
    """The test metrics of every part and of the merged model."""
    names = list(result.metrics)
    rows = [(one["model"], *(f"{one['metrics'][name]:.3f}" for name in names)) for one in result.models]
    merged = ("merged", *(f"{result.metrics[name]:.3f}" for name in names))
    return Table(("model", *map(metric_label, names)), [*rows, merged])


def _facts(result: MergeResult) -> Sequence[tuple[str, str]]:
    weights = ", ".join(f"{one['model']}: {one['weight']:g}" for one in result.models[1:])
    facts = {
        "model": result.model,
        "method": result.method,
        "alpha": f"{result.alpha:g}",
        "weights": weights,
        "total time": duration(result.elapsed_s),
        "time to choose alpha": duration(result.curve_s) if result.curve else "",
    }
    return [(name, value) for name, value in facts.items() if value]
