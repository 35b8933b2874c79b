"""`embedtune mine`: find hard negatives for a data set."""

from embedtune import api
from embedtune.cli.shared.options import Force, Restart
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune mine --data pairs.jsonl --model starter --output mined.jsonl
embedtune mine --data pairs.jsonl --negatives 7 --range 10:50 --max-score 0.8
embedtune mine --data pairs.jsonl --candidates dense+bm25 --format triplet
"""


def mine(asked: Asked, restart: Restart = False, force: Force = False) -> None:
    """Find hard negatives for every query, and write a file that `embedtune train --data` reads.

    After an interruption, the same command resumes where it stopped. A file that is read is never written over; any
    other existing file is replaced only if embedtune wrote it, or with --force.
    """
    asked.print(api.mine(asked.config(), talk=asked.talk, restart=restart, force=force))
