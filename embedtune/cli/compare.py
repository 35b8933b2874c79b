"""`embedtune compare`: is B really better than A?"""

from typing import Annotated

import typer

from embedtune.cli.shared.options import AsJson, Quiet
from embedtune.cli.shared.output import StreamTalk, print_result
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
    others: Annotated[list[str], typer.Argument(metavar="B", help="The same; several are each compared with A.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME@K,...", help="What to compare, ndcg@10 if none; the first decides the verdict."),
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="SET", help="The judged data; TREC runs need them.")] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="The split of --data.")] = "test",
    fail_if: Annotated[
        str | None, typer.Option(metavar="worse|not-better", help="End with exit code 3 on this verdict.")
    ] = None,
    output: Annotated[str | None, typer.Option(metavar="FOLDER", help="A new folder for the report.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say whether B is really better than A, query by query, and which queries and documents made the difference.

    A training run is compared by its tuned model (RUN#before: by the encoder as it came), on queries whose documents it
    was not trained on.
    """
    from embedtune.workflows.compare.run import CompareOptions
    from embedtune.workflows.compare.run import compare as run_comparison

    metrics = [name for names in metric or () for name in names.split(",") if name.strip()]
    result = run_comparison(CompareOptions(a, others, metrics, data, split, fail_if, output))
    print_result(result, as_json=as_json)
    if result.failed:
        verdicts = " and ".join(one.verdict for one in result.verdicts)
        StreamTalk(quiet=quiet).warn(f"--fail-if {fail_if} holds: the verdict is {verdicts}")
        raise typer.Exit(GuardError.exit_code)
