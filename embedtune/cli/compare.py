"""`embedtune compare`: is B really better than A?"""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from embedtune.cli._options import AsJson, Quiet
from embedtune.cli._output import Talk, print_json, print_renderable
from embedtune.errors import GuardError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare", short_help="Say whether B is really better than A.")(compare)


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A run folder, an evaluation (FOLDER#MODEL) or a TREC run; seeds with commas between them.",
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The same; what the verdict is on.")],
    metric: Annotated[str | None, typer.Option(metavar="NAME@K", help="What to compare; ndcg@10 if none.")] = None,
    data: Annotated[str | None, typer.Option(help="The judged data of TREC runs.")] = None,
    split: Annotated[str, typer.Option(help="The split of --data.")] = "test",
    fail_if: Annotated[
        str | None, typer.Option(metavar="worse|not-better", help="End with exit code 3 on this verdict.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say whether B is really better than A, query by query, and on which queries it won and lost most.

    A training run is compared by its tuned model (RUN#before: by the encoder as it came), on queries whose documents it
    was not trained on.
    """
    from embedtune.workflows.compare import compare as run_comparison

    result = run_comparison(a, b, metric=metric, data=data, split=split, fail_if=fail_if)
    print_json(result.as_json()) if as_json else _print(result.as_json())
    if result.failed:
        Talk(quiet=quiet).warn(f"--fail-if {fail_if} holds: the verdict on B is {result.verdict}")
        raise typer.Exit(GuardError.exit_code)


def _print(result: Mapping[str, Any]) -> None:
    """The verdict, the seeds, the queries won and lost most, and the findings."""
    from embedtune.reports.terminal import comparison_text

    print_renderable(comparison_text(result))
