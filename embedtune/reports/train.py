"""The report of a training run: the verdict first, then the evidence, then how to repeat the run and use its model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.text import Text as TerminalText

from embedtune.config.recipe.start import Quote, Recipe, data_of, start_of, teacher_of
from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import counted
from embedtune.reports.document.blocks import Block, Bullets, Findings, Listing, Report, Section, Table, Text
from embedtune.reports.document.short_names import short_name
from embedtune.reports.document.terminal import findings_below, places, verdict_line
from embedtune.reports.document.wording import duration, memory, sentence
from embedtune.reports.results.train import GuideFacts, TrainResult
from embedtune.reports.sections.beside import alone_sentence, beside_section, beside_sentence, seen_sentence
from embedtune.reports.sections.clusters import labelled_section, labelled_sentence
from embedtune.reports.sections.curves import curves_section
from embedtune.reports.sections.domains import domains_section, domains_sentence
from embedtune.reports.sections.evidence import change_sections, evidence_sections
from embedtune.reports.sections.guard import guard_section, guard_sentence
from embedtune.reports.sections.mixing import curve_section, mixed_sentence
from embedtune.reports.sections.provenance import provenance
from embedtune.reports.sections.scores import basis, score_parts, score_table, scores_section
from embedtune.reports.sections.sets import sets_section, sets_sentence
from embedtune.reports.sections.vectors.smaller import smaller_section, smaller_table
from embedtune.reports.sections.vectors.space_map import space_section

CURVE_ROWS = 30


def table(result: TrainResult, reported: Collection[str] = ()) -> RenderableType:
    """The scores before and after, the verdict, the findings, and where model and report are."""
    parts: list[RenderableType] = []
    if groups := score_parts(result):
        parts += [score_table(groups), TerminalText()]
    if result.smaller:
        parts += [smaller_table(result.smaller), TerminalText()]
    word, said = word_and_sentence(result.verdict)
    parts.append(verdict_line(said, word))
    seen = basis(result.test_queries, result.unseen_queries)
    if result.verdict is not None and seen:
        parts += [TerminalText(), TerminalText(seen)]
    parts += [line for said in further_sentences(result) for line in (TerminalText(), TerminalText(said))]
    report = result.report or str(Path(result.run) / "report.md")  # runs of early versions have no page
    named = {"time": _time(result), "model": result.model, "report": report}
    return Group(*parts, *findings_below(result.findings, reported), *places(named))


def _time(result: TrainResult) -> str:
    went = where_time_went(result.time_spent)
    return duration(result.elapsed_s) + (f" ({went})" if went else "")


def training(result: TrainResult) -> Report:
    """What the report of a run says; a part that is empty is left out."""
    word, said = word_and_sentence(result.verdict)
    blocks: list[Block] = [
        *change_sections(result.evidence),
        scores_section(result),
        smaller_section(result.smaller),
        sets_section(result.sets),
        labelled_section(result.clusters),
        domains_section(result.domains, result.forgetting),
        guard_section(result.guard),
        *([curve_section(result.alphas)] if result.alphas else ()),
        beside_section(result),
        Section("What to know", [Findings(result.findings)]),
        *_folded(evidence_sections(result.evidence, with_changes=False)),
        *_folded([curves_section(result.curves, result.best_step)]),
        *_folded([space_section(result.space)]),
        Section("On the dev split", [_dev(result)], folded=True),
        Section("What the guide is worth", _guide(result.guide) if result.guide else (), folded=True),
        Section("Data", [Bullets(result.described)]),
        Section("The run", [Table(("", ""), _run(result), numbers=False)]),
        Section("Use the model", [Listing("python", "\n".join(result.how_to_use))]),
        Section("Repeat this run", _repeat(result), folded=True),
    ]
    return Report(
        title=f"{word.capitalize()}: {result.run}",
        heading=word.capitalize(),
        lead=" ".join(filter(None, (said, alone_sentence(result.beside_bm25)))),
        blocks=blocks,
        verdict=word,
        subject=_subject(result),
        plain=plain_sentence(result),
        about=_about(result),
        contents=True,
    )


def _folded(sections: Sequence[Section]) -> list[Section]:
    """The sections, each to be opened by readers who want the details; what changed per query is shown to all."""
    return [replace(one, folded=one.heading != "Query by query") for one in sections]


def plain_sentence(result: TrainResult) -> str:
    """What changed for people who ask, without statistics; empty where nothing was judged.

    It counts what can be counted, whatever the verdict says, and leaves the judging to it.
    """
    found = result.right_first
    if found is None or result.verdict is None:
        return ""
    said = f"For {found.after:,} of {counted(found.queries, 'question')} a right answer comes first now"
    said += f"; before training it was {found.before:,}." if found.after != found.before else ", as many as before."
    return said if result.verdict.verdict != "no difference shown" else f"{said} That can be chance."


def _subject(result: TrainResult) -> str:
    start = _start(result, short_name)
    what = f"a reranker for what {start} finds" if _recipe(result).get("task") == "reranker" else start
    return " on ".join(filter(None, (what, _data(result))))


def _about(result: TrainResult) -> list[tuple[str, str]]:
    """What a reader wants to know first of a run, besides its verdict."""
    facts = {
        "started from": _start(result, short_name),
        "teacher": short_name(_teacher(result)) if _teacher(result) else "",
        "data": _data(result),
        "loss": " + ".join(loss.name for loss in result.losses),
        "test queries": f"{result.test_queries:,}" if result.test_queries else "",
        "time": duration(result.elapsed_s),
        "model size": memory(result.model_bytes) if result.model_bytes else "",
        "date": result.date,
    }
    return [(name, value) for name, value in facts.items() if value]


def word_and_sentence(verdict: Comparison | None) -> tuple[str, str]:
    """The verdict in a word and in a sentence."""
    if verdict is None:
        return "no verdict", "No verdict: there were no test queries to judge by."
    return verdict.verdict, verdict.sentence


def further_sentences(result: TrainResult) -> list[str]:
    """What the verdict alone does not say: trained documents, BM25 beside it, the guard, a mixture."""
    mixed = mixed_sentence(result.alpha)
    found = (
        sets_sentence(result.sets),
        domains_sentence(result.forgetting),
        seen_sentence(result),
        labelled_sentence(result.clusters),
        beside_sentence(result.beside_bm25),
        guard_sentence(result.guard),
        mixed,
    )
    return [said for said in found if said]


def _guide(guide: GuideFacts) -> list[Block]:
    values: Mapping[str, object] = {
        "margin": guide.margin,
        "ranks the positive first": _percent(guide.positive_first_share),
        "other candidates dropped": _percent(guide.masked_share),
        "measured at step": guide.step,
    }
    rows = [(name, str(value)) for name, value in values.items() if value is not None]
    of = "" if guide.name == "none" else f"guide {guide.name}: "
    said = sentence(f"{of}{guide.note}") if guide.note else ""
    return [Text(said), Table(("", ""), rows, numbers=False), *_margins(guide)]


def _margins(guide: GuideFacts) -> list[Block]:
    """What other margins would do, and what is proposed."""
    rows = [
        (f"{one.margin:g}", f"{one.masked_share:.2%}", _percent(one.found_share) or "none known")
        for one in guide.margins
    ]
    header = ("margin", "other candidates dropped", "known false negatives found")
    said = f"Proposal: {guide.proposal.words}." if guide.proposal else ""
    return [Table(header, rows), Text(said)]


def _run(result: TrainResult) -> list[tuple[str, str]]:
    facts = {
        "run folder": result.run,
        "model": result.model,
        "started from": _start(result),
        "teacher": _teacher(result),
        "losses": ", ".join(f"{loss.name}:{loss.weight:g}" for loss in result.losses),
        "steps": f"{result.steps:,}",
        "epochs": f"{round(result.epochs, 2):g}",
        "training pairs per second": f"{result.examples_per_s:,.0f}",
        "tokens per second of training": _pace(result),
        "total time": duration(result.elapsed_s),
        "where it went": where_time_went(result.time_spent),
        "peak memory": memory(result.peak_memory_bytes),
    }
    return [(name, value) for name, value in facts.items() if value]


def where_time_went(spent: Mapping[str, float]) -> str:
    """Shares of the measured time by part, the largest first; parts of under one percent are left out.

    >>> where_time_went({"loading": 1.0, "training": 60.0, "guide": 39.0, "preparing": 0.1})
    'training 60%, guide 39%'
    """
    whole = sum(spent.values())
    parts = sorted(spent.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {value / whole:.0%}" for name, value in parts if value > 0.01 * whole)


def _start(result: TrainResult, quote: Quote = str) -> str:
    """The encoder before training, as the recipe names it."""
    return start_of(_recipe(result), quote)


def _teacher(result: TrainResult) -> str:
    """The encoder that was imitated, as the recipe names it."""
    return teacher_of(_recipe(result))


def _data(result: TrainResult) -> str:
    """The data sets that were learned from, by their short names."""
    return " + ".join(map(short_name, data_of(_recipe(result))))


def _recipe(result: TrainResult) -> Recipe:
    """The recipe; empty where it is none."""
    try:
        recipe: Any = yaml.safe_load(result.recipe)
    except yaml.YAMLError:
        return {}
    return recipe if isinstance(recipe, dict) else {}


def _pace(result: TrainResult) -> str:
    """Tokens per second and, where matrices are multiplied, how that compares with the best of this machine."""
    if not result.tokens_per_s:
        return ""
    work = f"{result.flops_per_s / 1e9:,.0f} GFLOP/s" if result.flops_per_s else ""
    share = f"{result.share_of_peak:.0%} of the fastest matrix product measured here" if result.share_of_peak else ""
    known = ", ".join(filter(None, (work, share)))
    return f"{result.tokens_per_s:,.0f}" + (f" ({known})" if known else "")


def _dev(result: TrainResult) -> Table:
    """The dev scores by step: all of them, or CURVE_ROWS of them when there are more."""
    curve, best = result.dev_curve, result.best_step
    stride = -(-len(curve) // CURVE_ROWS)
    shown = [point for i, point in enumerate(curve) if i % stride == 0 or point[0] == best or i == len(curve) - 1]
    names = list(curve[0][1]) if curve else []
    rows = [
        (f"{step:,}{' (kept)' if step == best else ''}", *(f"{scores[name]:.3f}" for name in names))
        for step, scores in shown
    ]
    return Table(("step", *(metric_label(name) for name in names)), rows)


def _repeat(result: TrainResult) -> Sequence[Block]:
    if not result.recipe.strip("\n"):
        return ()
    return (
        Text("Save this as recipe.yaml (it is also in the run folder) and run:"),
        Listing("sh", "embedtune train recipe.yaml --output ANOTHER_FOLDER"),
        Listing("yaml", result.recipe),
        *provenance(result.facts),
    )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"
