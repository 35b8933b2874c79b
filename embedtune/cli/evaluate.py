"""`embedtune evaluate`: score encoders on a judged set."""

from embedtune import api
from embedtune.cli.shared.verb import Asked

EXAMPLES = """
embedtune evaluate
embedtune evaluate --model starter --model bm25 --data beir/
embedtune evaluate --data pairs.jsonl --metrics ndcg@10,recall@100 --dimensions 64,32
"""


def evaluate(asked: Asked) -> None:
    """Score encoders, BM25 and other rankings on a judged set, with 95% intervals; each is compared with the first.

    Without arguments the starter and BM25 are scored on the samples that ship with embedtune. The output folder gets a
    TREC run per model, the scores of every query and a report.
    """
    asked.print(api.evaluate(asked.config(), talk=asked.talk))
