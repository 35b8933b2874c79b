"""Training the query side alone (`--side query`): documents keep the vectors they had before training.

So an index stays as it is. The result is a model with two routes: the trained one for queries, the old one for
documents. Dev queries are scored against the frozen documents too, which are encoded once.
"""

import torch

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.metrics import parse_metric
from embedtune.evaluation.rankers import by_vectors
from embedtune.evaluation.tasks.judged_arrays import as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.training.batch.frozen_side import FrozenDocuments
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.run.loop import DevScores
from embedtune.workflows.shared.scoring import DEV_METRICS
from embedtune.workflows.shared.talk import Talk


def frozen_documents(texts: RowTexts, encoder: Encoder, store: VectorStore | None, talk: Talk) -> FrozenDocuments:
    """The vectors that the documents of all rows have now, from the store where it knows them."""
    with talk.progress("encoding the documents, which stay as they are", total=len(texts.documents)) as tell:
        vectors = encode(encoder, texts.documents, role="document", store=store, progress=tell)  # (U, D)
    return FrozenDocuments(texts, torch.from_numpy(vectors))


def query_side_scores(encoder: Encoder, dev: RetrievalSet, store: VectorStore | None) -> DevScores:
    """A function that scores the queries of the encoder in its current state against its documents as they are now."""
    judged = as_arrays(dev)
    documents = encode(encoder, judged.documents, role="document", store=store)  # (C, D)
    known = Tokenizer(encoder).tokenize(judged.queries, "query")
    depth = max(parse_metric(name).k for name in DEV_METRICS)

    def scores() -> dict[str, float]:
        queries = encode(encoder, judged.queries, role="query", known=known)  # (Q, D)
        return score_ranking(by_vectors(queries, documents, depth, judged), judged, DEV_METRICS).means

    return scores
