"""`embedtune cluster`: find out what is in a corpus."""

from embedtune import api
from embedtune.cli.shared.options import Restart
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune cluster --model runs/first/model --data tickets.jsonl --k 20
embedtune cluster --data corpus.jsonl --links links.tsv --output topics
embedtune cluster --data series.jsonl --k 6
embedtune cluster --data new.jsonl --assign topics
"""


def cluster(asked: Asked, restart: Restart = False) -> None:
    """Group texts by topic, linked documents by links and text, or time series by shape; say how sure the groups are.

    The output folder gets clusters.jsonl, the rows with the number of their cluster, and a report with keywords,
    examples and a map. Rows with a list `values` are series; all others are texts. With labels the report compares the
    clusters with them. After an interruption, the same command resumes where it stopped.
    """
    asked.print(api.cluster(asked.config(), talk=asked.talk, restart=restart))
