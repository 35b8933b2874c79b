"""What the runs in a folder are: how each did, and what it takes on disk."""

from dataclasses import dataclass
from typing import Literal

from embedtune.reports.results.base import VerbResult
from embedtune.reports.results.train import TrainResult

State = Literal["done", "interrupted", "running", "damaged"]


@dataclass(frozen=True)
class RunCard:
    """One run.

    Args:
        run: its folder.
        model: the encoder that it started from.
        data: what it learned from.
        losses: with their weights, unless these are 1.
        tested_on: the test queries in words; runs are only comparable where `test` is the same.
        test: a digest of the queries that the verdict rests on, and of the documents ranked for them; empty if none.
        metric: of the scores.
        before, after: mean scores of the encoder before and after training.
        interval: 95% bootstrap interval of `after`.
        difference, difference_interval: paired, after - before; what the run's verdict says.
        steps: that were trained, or that the newest checkpoint has.
        elapsed_s: of all its sessions.
        disk_bytes: of the folder.
        spare_bytes: of that, what a finished run can do without: checkpoints, and leftovers of killed processes.
        best: whether it has the highest score of the runs with the same test.
    """

    run: str
    state: State
    model: str
    data: str
    losses: str
    steps: int = 0
    elapsed_s: float = 0.0
    disk_bytes: int = 0
    spare_bytes: int = 0
    tested_on: str = ""
    test: str = ""
    metric: str = ""
    before: float | None = None
    after: float | None = None
    interval: tuple[float, float] | None = None
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    verdict: str = ""
    best: bool = False


@dataclass(frozen=True)
class RunsResult(VerbResult):
    """The outcome of `embedtune runs list`: the best run first among those with the same test.

    Args:
        folder: where they are.
        runs: each with its scores, its data and its size.
        disk_bytes: of all runs.
    """

    folder: str
    runs: tuple[RunCard, ...]
    disk_bytes: int


@dataclass(frozen=True)
class RunDetails(VerbResult):
    """The outcome of `embedtune runs show`; `result` is None where the run is not done."""

    card: RunCard
    result: TrainResult | None


@dataclass(frozen=True)
class CleanedRuns(VerbResult):
    """The outcome of `embedtune runs clean`.

    Args:
        removed: run -> bytes freed, or that would be freed where `dry_run`.
        kept: run -> why nothing was removed there.
    """

    removed: dict[str, int]
    kept: dict[str, str]
    freed_bytes: int
    dry_run: bool
