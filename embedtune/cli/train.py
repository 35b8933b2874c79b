"""`embedtune train`: fine-tune an encoder and say whether it improved."""

import sys
from contextlib import suppress
from typing import Annotated, Literal

import typer

from embedtune.cli.shared.options import AcceptChanges, Resume, written
from embedtune.cli.shared.verb import Asked, end_guarded
from embedtune.processes import this_process
from embedtune.runtime import loading

FailIf = Annotated[
    Literal["worse", "not-better"] | None,
    written(metavar="worse|not-better", help="Exit with code 3 on this verdict.", group="Run", default="never"),
]
Devices = Annotated[
    int | None,
    written(
        metavar="N",
        help="Train in N processes, one per GPU, or N on a CPU; the batch size is that of all together.",
        group="Run",
        default="one process",
    ),
]
EXAMPLES = """
embedtune train
embedtune train --data pairs.jsonl --loss gist --output runs/first
embedtune train gist-pairs --data pairs.jsonl training.epochs=3
embedtune train --data pairs.jsonl --output runs/first --resume auto
"""


def train(
    asked: Asked,
    resume: Resume = None,
    accept_changes: AcceptChanges = False,
    fail_if: FailIf = None,
    devices: Devices = None,
) -> None:
    """Fine-tune an encoder and measure how much it improved.

    Without arguments it trains on the samples that ship with embedtune, from a starter encoder built on the spot.
    """
    if devices not in (None, 1) and this_process().count == 1 and not asked.dry_run:
        from embedtune.cli.shared.launch import launch

        raise typer.Exit(launch(devices, sys.argv[1:]))
    from embedtune.config.recipe.load import recipe_and_values
    from embedtune.data.sources.reading.unchanged import unchanged_inputs

    with loading():  # torch
        from embedtune.distributed import joined
        from embedtune.workflows.train.plan import plan_command

    recipe, values = recipe_and_values(asked.words)
    with joined(), unchanged_inputs():  # the plan looks at the columns of what the run reads
        plan = plan_command(
            recipe, values, asked.options, talk=asked.talk, resume=resume, accept_changes=accept_changes
        )
        from embedtune.models.sources.on_hub import HubUnreachableError
        from embedtune.workflows.train.run import check_recipe, run_plan

        if asked.dry_run:
            with suppress(HubUnreachableError):  # the recipe may be for a machine that has the model; the price says so
                check_recipe(plan, asked.talk)
        asked.wanted(plan.config)
        result = run_plan(plan, talk=asked.talk)
    asked.print(result)
    verdict = "no verdict" if result.verdict is None else result.verdict.verdict
    if verdict == fail_if or (fail_if == "not-better" and verdict != "better"):
        end_guarded(f"--fail-if {fail_if}", verdict, asked.talk)
