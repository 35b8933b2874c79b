"""`embedtune runs`: list, show, compare and clean up training runs."""

from typing import Annotated

import typer

from embedtune import api
from embedtune.cli.shared.options import AsJson, argument, written
from embedtune.cli.shared.output import print_result
from embedtune.cli.shared.verb import add_command, add_group

EXAMPLES = """
embedtune runs list
embedtune runs show runs/first
embedtune runs compare runs/first runs/second
embedtune runs clean --dry-run
"""
Folder = Annotated[str | None, argument("FOLDER", "A folder that holds runs.", "runs")]
Run = Annotated[str, argument("RUN", "A run folder, or the name of one in runs.")]
Others = Annotated[list[str], argument("RUN", "Others, each compared with the first.")]
Cleaned = Annotated[list[str] | None, argument("RUN", "Finished runs.", "all in runs")]
Metric = Annotated[
    list[str] | None,
    written(metavar="NAME@K,...", help="What to compare.", group="Scoring", default="ndcg@10"),
]
OnlySay = Annotated[bool, written("--dry-run", help="Only say what would be removed.", group="Run")]


def register(app: typer.Typer) -> None:
    """Add the verb and its four commands."""
    group = add_group(app, __name__, "Training runs: how well they did, and what they take on disk.", EXAMPLES)
    _, listed, shown, compared, cleaned = EXAMPLES.split("\n", 4)
    add_command(group, list_runs, listed, name="list")
    add_command(group, show, shown)
    add_command(group, compare, compared)
    add_command(group, clean, cleaned)


def list_runs(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the runs, the best first among those tested on the same queries.

    The score is the one that a run's verdict rests on, with its 95% interval; the gain is over the start of the run,
    with a question mark where no difference was shown.
    """
    print_result(api.runs(folder), as_json=as_json)


def show(run: Run, as_json: AsJson = False) -> None:
    """Show a run: what it started from and learned, its result, and what it takes on disk."""
    from embedtune.workflows.runs.run import show_run

    print_result(show_run(run), as_json=as_json)


def compare(run: Run, others: Others, metric: Metric = None, as_json: AsJson = False) -> None:
    """Compare runs query by query, as `embedtune compare` does."""
    from embedtune.workflows.runs.run import named_run

    names = [str(named_run(name).path) for name in (run, *others)]
    print_result(api.compare(*names, metric=metric or ()), as_json=as_json)


def clean(runs: Cleaned = None, dry_run: OnlySay = False, as_json: AsJson = False) -> None:
    """Remove the checkpoints of finished runs, which only training on needs.

    Runs that are not done, or whose recipe keeps their checkpoints, keep them; name one of the latter to remove them.
    """
    from embedtune.workflows.runs.run import clean_runs

    print_result(clean_runs(runs or (), dry_run=dry_run), as_json=as_json)
