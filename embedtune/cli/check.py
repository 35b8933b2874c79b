"""`embedtune check`: look at data before spending hours on it."""

import typer

from embedtune import api
from embedtune.cli.shared.options import Force
from embedtune.cli.shared.verb import Asked, end_guarded
from embedtune.errors import DataError

EXAMPLES = """
embedtune check
embedtune check --data pairs.jsonl --model starter
embedtune check --data pairs.jsonl --eval-data beir/ --fix fixed.jsonl
"""


def check(asked: Asked, force: Force = False) -> None:
    """Find what would spoil training or its evaluation: swapped, repeated, leaked, damaged or truncated texts.

    Lengths are in words; with --model they are in tokens, and its vocabulary, its prompts and a forecast are reported
    as well. Data that cannot be used as it is ends the command with exit code 1, unless --fix repaired all of it. With
    --fix, a file that is read is never written over; any other existing file is replaced only if embedtune wrote it, or
    with --force.
    """
    config = asked.config()
    result = api.check(config, talk=asked.talk, force=force)
    asked.print(result)
    if result.failed:
        end_guarded(f"--fail-on {config.check.fail_on}", result.verdict, asked.talk)
    if result.unusable:
        raise typer.Exit(DataError.exit_code)
