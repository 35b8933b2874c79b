"""The report of a training run: the verdict first, then why to believe it, then how to repeat and use it."""

from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Block, Bullets, Findings, Listing, Report, Section, Table, Text
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.document.wording import (
    basis,
    difference_cells,
    duration,
    memory,
    score_parts,
    sentence,
    word_and_sentence,
)
from embedtune.reports.sections.curves import curves_section
from embedtune.reports.sections.evidence import evidence_sections
from embedtune.reports.sections.provenance import provenance

CURVE_ROWS = 30
HOLM = (
    "The verdict goes by the first metric alone; the p-values of the others are adjusted by Holm's method for their "
    "number."
)


def training_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune train --json`; a part whose keys are missing or empty is left out.
    """
    return page(training(result))


def training_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, with tables in place of plots; ends with a line end."""
    return markdown(training(result))


def training(result: Mapping[str, Any]) -> Report:
    """What the report of a run says."""
    word, said = word_and_sentence(result.get("verdict"))
    blocks: list[Block] = [
        *_scores(result),
        Section("What to know", [Findings(result.get("findings", ()))]),
        *evidence_sections(result.get("evidence")),
        curves_section(result.get("curves"), result.get("best_step")),
        Section("On the dev split", [_dev(result)]),
        Section("What the guide is worth", _guide(result.get("guide") or {})),
        Section("Data", [Bullets(result.get("described", ()))]),
        Section("The run", [Table(("", ""), _run(result), numbers=False)]),
        Section("Use the model", [Listing("python", "\n".join(result.get("how_to_use", ())))]),
        Section("Repeat this run", _repeat(result)),
    ]
    title = f"{word.capitalize()}: {result['run']}" if result.get("run") else word.capitalize()
    return Report(title, word.capitalize(), said, blocks, verdict=word)


def _scores(result: Mapping[str, Any]) -> list[Block]:
    test = result.get("test_queries", 0)
    unseen = result.get("unseen_queries", test)
    groups = score_parts(
        result.get("before", {}),
        result.get("after", {}),
        result.get("before_unseen"),
        result.get("after_unseen"),
        test_queries=test,
        unseen_queries=unseen,
    )
    blocks: list[Block] = []
    for heading, before, after in groups:
        tests = result.get("metrics") if heading == groups[-1][0] else None
        blocks += [Text(f"{heading.capitalize()}:"), _tested(tests) if tests else _differences(before, after)]
    note = HOLM if result.get("metrics") else ""
    return [*blocks, Text(basis(test, unseen) if result.get("verdict") else ""), Text(note, quiet=True)]


def _differences(before: Mapping[str, float], after: Mapping[str, float]) -> Table:
    rows = [
        (metric_label(name), f"{value:.3f}", f"{after[name]:.3f}", f"{after[name] - value:+.3f}")
        for name, value in before.items()
    ]
    return Table(("metric", "before", "after", "difference"), rows)


def _tested(tests: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (metric_label(one["metric"]), f"{one['a']:.3f}", f"{one['b']:.3f}", *difference_cells(one)) for one in tests
    ]
    return Table(("metric", "before", "after", "difference", "95% interval", "p", "verdict"), rows)


def _guide(guide: Mapping[str, Any]) -> list[Block]:
    shares = {
        "margin": guide.get("margin"),
        "ranks the positive first": _percent(guide.get("positive_first_share")),
        "drops of the other candidates": _percent(guide.get("masked_share")),
        "measured at step": guide.get("step"),
    }
    rows = [(name, str(value)) for name, value in shares.items() if value is not None]
    said = sentence(f"guide {guide.get('name', 'none')}: {guide['note']}") if guide.get("note") else ""
    return [Text(said), Table(("", ""), rows, numbers=False), *_margins(guide)]


def _margins(guide: Mapping[str, Any]) -> list[Block]:
    """What other margins would do, and what is proposed."""
    rows = [
        (f"{one['margin']:g}", f"{one['masked_share']:.2%}", _percent(one["found_share"]) or "none is known")
        for one in guide.get("margins") or ()
    ]
    header = ("at margin", "drops of the other candidates", "finds of the known false negatives")
    proposal = guide.get("proposal")
    said = f"Proposal: {proposal['sentence']} ({proposal['option']})." if proposal else ""
    return [Table(header, rows), Text(said)]


def _run(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    losses = [f"{loss['name']}:{loss['weight']:g}" for loss in result.get("losses", ())]
    facts = {
        "run folder": result.get("run"),
        "model": result.get("model"),
        "losses": ", ".join(losses),
        "steps": f"{result['steps']:,}" if "steps" in result else None,
        "epochs": f"{round(result['epochs'], 2):g}" if "epochs" in result else None,
        "training pairs per second": f"{result['examples_per_s']:,.0f}" if "examples_per_s" in result else None,
        "tokens per second of training": _pace(result),
        "whole command": duration(result["elapsed_s"]) if "elapsed_s" in result else None,
        "peak memory": memory(result["peak_memory_bytes"]) if "peak_memory_bytes" in result else None,
    }
    return [(name, value) for name, value in facts.items() if value]


def _pace(result: Mapping[str, Any]) -> str | None:
    """Tokens a second and, where matrices are multiplied, what that is of the machine's best."""
    if not result.get("tokens_per_s"):
        return None
    flops, share = result.get("flops_per_s"), result.get("share_of_peak")
    work = f", {flops / 1e9:,.0f} GFLOP/s of the model" if flops else ""
    return f"{result['tokens_per_s']:,.0f}{work}" + (
        f", {share:.0%} of the fastest matrix product here" if share else ""
    )


def _dev(result: Mapping[str, Any]) -> Table:
    """The dev scores by step: all of them, or CURVE_ROWS of them when there are more."""
    curve = list(result.get("dev_curve") or ())
    best = result.get("best_step")
    stride = -(-len(curve) // CURVE_ROWS)
    shown = [point for i, point in enumerate(curve) if i % stride == 0 or point[0] == best or i == len(curve) - 1]
    names = list(curve[0][1]) if curve else []
    rows = [
        (f"{step:,}{' (kept)' if step == best else ''}", *(f"{scores[name]:.3f}" for name in names))
        for step, scores in shown
    ]
    return Table(("step", *(metric_label(name) for name in names)), rows)


def _repeat(result: Mapping[str, Any]) -> Sequence[Block]:
    recipe = str(result.get("recipe", ""))
    if not recipe.strip("\n"):
        return ()
    return (
        Text("Save this as recipe.yaml (it is also in the run folder) and run:"),
        Listing("sh", "embedtune train recipe.yaml --output ANOTHER_FOLDER"),
        Listing("yaml", recipe),
        *provenance(result.get("facts")),
    )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"
