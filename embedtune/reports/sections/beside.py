"""The encoder beside BM25, and the verdict on questions about documents that were trained on."""

from collections.abc import Mapping

from embedtune.evaluation.metrics import metric_label
from embedtune.reports.document.blocks import Section, Table, Text
from embedtune.reports.results.train import BesideWords, TrainResult

SEARCH_WITH_WORDS = (
    "Search with BM25, or train again: with more pairs, more steps, or an encoder made for this language."
)
"""What to do where BM25 alone is better than the tuned encoder."""

ABOUT = (
    "Beside BM25 means that the rankings of both are joined by reciprocal ranks (1 / (60 + rank), summed), as search "
    "engines do."
)


def beside_section(result: TrainResult) -> Section:
    """The section: BM25, the encoder alone and both together, on all test queries."""
    beside, heading = result.beside_bm25, "Beside BM25"
    if beside is None:
        return Section(heading)
    systems: Mapping[str, Mapping[str, float]] = {
        **{one["model"]: one["metrics"] for one in result.baselines},
        "before training": result.before,
        "after training": result.after,
        "before, beside BM25": beside.before,
        "after, beside BM25": beside.after,
    }
    names = list(beside.before)
    rows = [(label, *(f"{metrics[name]:.3f}" for name in names)) for label, metrics in systems.items()]
    table = Table(("all test queries", *map(metric_label, names)), rows)
    return Section(heading, [Text(beside_sentence(beside)), table, Text(ABOUT, quiet=True)])


def beside_sentence(beside: BesideWords | None) -> str:
    """Whether the gain survives beside BM25; empty where that was not measured."""
    if beside is None:
        return ""
    return f"Beside BM25: {_lowered(beside.verdict.sentence)} {_joined(beside)}"


def alone_sentence(beside: BesideWords | None) -> str:
    """That BM25 alone is better than the tuned encoder; empty where that was not shown."""
    if beside is None or beside.alone is None or beside.alone.verdict != "better":
        return ""
    return beside.alone.between("the tuned encoder", "BM25 alone")


def _joined(beside: BesideWords) -> str:
    """Whether running BM25 beside the tuned encoder pays, and what BM25 reaches without it."""
    found = beside.joined
    word = {"better": "raises", "worse": "lowers"}.get(found.verdict)
    values = f"{found.after:.3f} instead of {found.before:.3f}"
    if beside.alone is not None:
        values += f"; BM25 alone: {beside.alone.after:.3f}"
    if word is None:
        return f"No difference was shown between the tuned encoder alone and beside BM25 ({values})."
    return f"Running BM25 beside the tuned encoder {word} {metric_label(found.metric)} ({values})."


def seen_sentence(result: TrainResult) -> str:
    """The verdict on new questions about documents that were trained on; empty where there are too few."""
    if result.verdict_seen is None:
        return ""
    return f"New questions about documents that were trained on: {_lowered(result.verdict_seen.sentence)}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
