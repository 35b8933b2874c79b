"""`embedtune runs`: list, show and clean up the runs of a folder.

Nothing that a run needs is ever removed here: `clean` takes what a finished run can do without, and no run as a whole.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from embedtune.config.suggest import did_you_mean
from embedtune.durable import discard
from embedtune.errors import ConfigError, OutputError
from embedtune.reports.results.runs import CleanedRuns, RunCard, RunDetails, RunsResult
from embedtune.workflows.runs.cards import card_of, run_folders
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.run_folder import RUNS, RunFolder
from embedtune.workflows.shared.run_space import drop_checkpoints, size_bytes, spare_parts


def list_runs(folder: str | None = None) -> RunsResult:
    """All runs of a folder, as a leaderboard: those with the same test together, the best first.

    Args:
        folder: that holds runs, or is one; None for `runs`.

    Raises:
        ConfigError: there is no such folder.
    """
    place = Path(folder).expanduser() if folder else RUNS
    if not place.is_dir():
        if folder is None:
            return RunsResult(str(place), (), 0)
        raise ConfigError(f"there is no folder {place}", where="FOLDER", next="name a folder that holds runs")
    cards = ranked([card_of(run) for run in run_folders(place)])
    return RunsResult(str(place), tuple(cards), sum(card.disk_bytes for card in cards))


def ranked(cards: Sequence[RunCard]) -> list[RunCard]:
    """The cards by test, the largest group first and the best score first in each; runs without a score come last."""
    scored = sorted((card for card in cards if card.test), key=lambda card: card.test)
    groups = [sorted(own, key=lambda card: (-(card.after or 0.0), card.run)) for _, own in groupby(scored, _test)]
    groups.sort(key=lambda own: (-len(own), own[0].tested_on, own[0].run))
    marked = [[replace(own[0], best=len(own) > 1), *own[1:]] for own in groups]
    return [*(card for own in marked for card in own), *(card for card in cards if not card.test)]


def _test(card: RunCard) -> str:
    return card.test


def show_run(name: str) -> RunDetails:
    """One run, with its result where it is done.

    Raises:
        ConfigError: there is no such run.
        OutputError: its result cannot be read.
    """
    run = named_run(name)
    return RunDetails(card_of(run), run.result() if run.done else None)


def named_run(name: str) -> RunFolder:
    """A run by its folder, or by the name of its folder in `runs`.

    Raises:
        ConfigError: there is none.
    """
    for path in (Path(name).expanduser(), RUNS / name):
        if RunFolder(path).begun:
            return RunFolder(path)
    known = [run.path.name for run in run_folders(RUNS)] if RUNS.is_dir() else []
    raise ConfigError(f"there is no run {name!r}{did_you_mean(name, known)}", where="RUN", next="embedtune runs list")


def clean_runs(names: Sequence[str] = (), *, dry_run: bool = False) -> CleanedRuns:
    """Remove what finished runs can do without: checkpoints, and what killed processes left.

    Args:
        names: the runs; empty for all in `runs`, except those whose recipe keeps its checkpoints.
        dry_run: only say what would be removed.

    Raises:
        ConfigError: there is no such run.
    """
    runs = [named_run(name) for name in names] or (run_folders(RUNS) if RUNS.is_dir() else [])
    removed: dict[str, int] = {}
    kept: dict[str, str] = {}
    for run in runs:
        reason = _reason_to_keep(run, asked=bool(names))
        spare = sum(map(size_bytes, spare_parts(run)))
        if reason is None and spare:
            try:
                removed[str(run.path)] = spare if dry_run else _cleaned(run)
            except OutputError as error:
                reason = error.message
        if reason is not None and (spare or names):
            kept[str(run.path)] = reason
    return CleanedRuns(removed, kept, sum(removed.values()), dry_run)


def _reason_to_keep(run: RunFolder, *, asked: bool) -> str | None:
    if not run.done:
        return f"it is not done; `embedtune train --resume {run.path}` resumes it"
    if not run.has_model:
        return "its model is gone, and can be saved again from its checkpoints only"
    try:
        keeps = run.recipe().output.keep_checkpoints
    except ConfigError:
        return "its recipe cannot be read"
    return f"its recipe keeps them; `embedtune runs clean {run.path}` removes them" if keeps and not asked else None


def _cleaned(run: RunFolder) -> int:
    """Remove the spare parts of a run that no other process is working on. Returns how many bytes that freed."""
    with alone(run.lock):
        before = size_bytes(run.path)
        drop_checkpoints(run)
        for part in spare_parts(run):
            discard(part)
        return max(0, before - size_bytes(run.path))
