"""Two encoders of one space as one model: queries go through the first, documents through the second."""

from dataclasses import replace
from typing import Any

from embedtune.models.encoder import Encoder


def two_sides(query: Encoder, document: Encoder) -> Encoder:
    """A Router, which plain sentence-transformers loads: `encode_query` and `encode_document` find their way.

    Args:
        query: reads queries; its prompts are kept for both roles.
        document: reads documents.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    parts: list[list[Any]] = [list(one.model) for one in (query, document)]
    router = Router.for_query_document(query_modules=parts[0], document_modules=parts[1])
    model = SentenceTransformer(
        modules=[router],
        device=str(query.model.device),
        prompts=dict(query.model.prompts),
        similarity_fn_name=query.model.similarity_fn_name,
        truncate_dim=query.model.truncate_dim,
    )
    return replace(query, model=model.eval(), helpers=())
