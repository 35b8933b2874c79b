"""Two encoders of one space as one model: queries go through the first, documents through the second."""

from dataclasses import replace
from typing import Any

from embedtune.models.encoder import Encoder, Role


def two_sides(query: Encoder, document: Encoder) -> Encoder:
    """A Router, which plain sentence-transformers loads: `encode_query` and `encode_document` find their way.

    Args:
        query: reads queries, with its prompt for them.
        document: reads documents, with its own prompt.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    parts: list[list[Any]] = [list(one.model) for one in (query, document)]
    prompts: dict[Role, str] = {"query": query.prompts["query"], "document": document.prompts["document"]}
    router = Router.for_query_document(query_modules=parts[0], document_modules=parts[1])
    model = SentenceTransformer(
        modules=[router],
        device=str(query.model.device),
        prompts={**query.model.prompts, "query": prompts["query"], "document": prompts["document"]},
        similarity_fn_name=query.model.similarity_fn_name,
        truncate_dim=query.model.truncate_dim,
    )
    lengths = [one.max_length for one in (query, document) if one.max_length is not None]
    return replace(
        query, model=model.eval(), prompts=prompts, max_length=max(lengths) if len(lengths) == 2 else None, helpers=()
    )
