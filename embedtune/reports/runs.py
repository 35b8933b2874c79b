"""What `embedtune runs` prints: a leaderboard, a run with its result, or what was cleaned up."""

from collections.abc import Collection, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from embedtune.evaluation.metrics import metric_label
from embedtune.findings import counted
from embedtune.reports.document.printable import printable
from embedtune.reports.document.short_names import short_name
from embedtune.reports.document.terminal import STYLES, bare_table, places
from embedtune.reports.document.wording import duration, memory
from embedtune.reports.results.runs import CleanedRuns, RunCard, RunDetails, RunsResult

UNCLEAR = "?"
"""Marks a gain that was not shown to differ from none."""


def table(result: RunsResult | RunDetails | CleanedRuns, reported: Collection[str] = ()) -> RenderableType:
    """The result of one of the verb's commands; none of them has findings."""
    if isinstance(result, RunDetails):
        return _details(result)
    return _cleaned(result) if isinstance(result, CleanedRuns) else _leaderboard(result)


def _leaderboard(result: RunsResult) -> RenderableType:
    if not result.runs:
        return Text(f"no runs in {printable(result.folder)}; `embedtune train` makes one")
    parts: list[RenderableType] = []
    for (_, heading), own in groupby(result.runs, lambda card: (card.test, _heading(card))):
        parts += [Text(printable(heading), style="bold"), _scores(list(own)), Text()]
    spare = sum(card.spare_bytes for card in result.runs)
    said = f"{counted(len(result.runs), 'run')}, {memory(result.disk_bytes)} on disk"
    more = f"; `embedtune runs clean` would free {memory(spare)}" if spare else ""
    unclear = any(UNCLEAR in _gain(card) for card in result.runs)
    legend = [Text(f"{UNCLEAR} no difference shown", style="dim")] if unclear else []
    return Group(*parts, *legend, Text(f"{said}{more}"))


def _heading(card: RunCard) -> str:
    return f"tested on {card.tested_on}" if card.test else "without a score"


def _scores(cards: Sequence[RunCard]) -> Table:
    """The runs with the same test, the best first; only the first column folds where the terminal is narrow."""
    shown, scored = bare_table(), bool(cards[0].test)
    shown.add_column("run", overflow="fold")
    for heading in (metric_label(cards[0].metric), "95% interval", "gain") if scored else ("state",):
        shown.add_column(heading, justify="right" if scored else "left", no_wrap=True)
    for heading in ("time", "disk"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for card in cards:
        learned = " · ".join(filter(None, (short_name(card.model), short_name(card.data), card.losses)))
        name = Text(printable(short_name(card.run)), style="bold" if card.best else "")
        figures = _figures(card) if scored else (Text(_state(card)),)
        shown.add_row(
            Text("\n").join([name, Text(printable(learned), style="dim")]),
            *figures,
            _time(card),
            memory(card.disk_bytes),
        )
    return shown


def _figures(card: RunCard) -> tuple[RenderableType, ...]:
    interval = "" if card.interval is None else f"{card.interval[0]:.3f} to {card.interval[1]:.3f}"
    return f"{card.after:.3f}", interval, Text(_gain(card), style=STYLES.get(card.verdict, ""))


def _gain(card: RunCard) -> str:
    """Colour never says anything alone: the gain has its sign, and what is not shown to differ is marked."""
    mark = "" if card.verdict in ("better", "worse") else f" {UNCLEAR}"
    return "" if card.difference is None else f"{card.difference:+z.3f}{mark}"


def _state(card: RunCard) -> str:
    return f"{card.state} after step {card.steps:,}" if card.state in ("interrupted", "running") else card.state


def _time(card: RunCard) -> str:
    return duration(card.elapsed_s) if card.elapsed_s else ""


def _details(details: RunDetails) -> RenderableType:
    card = details.card
    facts = {
        "run": card.run,
        "state": _state(card),
        "started from": card.model,
        "data": card.data,
        "loss": card.losses,
        "steps": f"{card.steps:,}",
        "time": _time(card),
        "on disk": memory(card.disk_bytes)
        + (f", of which `embedtune runs clean` would free {memory(card.spare_bytes)}" if card.spare_bytes else ""),
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            grid.add_row(name, Text(printable(value)))
    if details.result is None:
        return Group(grid, *places({"next": f"embedtune train --resume {card.run}"}))
    return Group(grid, Text(), details.result.table())


def _cleaned(result: CleanedRuns) -> RenderableType:
    verb = "would be removed" if result.dry_run else "removed"
    lines = [f"{printable(run)}: {memory(freed)} {verb}" for run, freed in result.removed.items()]
    lines += [f"{printable(run)}: kept, because {printable(reason)}" for run, reason in result.kept.items()]
    total = f"{memory(result.freed_bytes)} {'would be freed' if result.dry_run else 'freed'}"
    return Text("\n".join([*lines, total if result.removed else "nothing to remove"]))
