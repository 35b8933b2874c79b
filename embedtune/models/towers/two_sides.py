"""Two encoders of one space as one model: queries go through the first, documents through the second."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embedtune.models.encoder import Encoder, Role, has_towers
from embedtune.models.files.load import STATIC_LR, transformer_lr, width_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def two_sides(query: Encoder, document: Encoder) -> Encoder:
    """A Router, which plain sentence-transformers loads: `encode_query` and `encode_document` find their way.

    Args:
        query: reads queries, with its prompt for them.
        document: reads documents, with its own prompt.

    Returns: the model, whose learning rate is the lower one of both; `static_side_rates` has that of a static side.
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
        document,
        model=model.eval(),
        name=query.name,
        pretrained=query.pretrained or document.pretrained,
        prompts=prompts,
        max_length=max(lengths) if len(lengths) == 2 else None,
        default_lr=min(query.default_lr, document.default_lr),
        helpers=(),
    )


def are_apart(model: "SentenceTransformer") -> bool:
    """Whether queries and documents share no weight, so that what queries learn changes no document's vector."""
    if not has_towers(model):
        return False
    sides = [[*part.parameters()] for part in model[0].sub_modules.values()]
    shared = [weight for module in list(model)[1:] for weight in module.parameters()]
    return not shared and len({id(weight) for side in sides for weight in side}) == sum(map(len, sides))


def static_side_rates(encoder: Encoder, lr: float) -> dict[str, float]:
    """The learning rate of a static side next to one that is not, by a pattern of the names of its weights.

    Token vectors learn faster than the layers of a transformer by some hundred times. Empty where both sides are of one
    kind.
    """
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    if not has_towers(encoder.model) or encoder.signals is not None:  # a tower of signals has rates of its own
        return {}
    parts = {name: part[0] for name, part in encoder.model[0].sub_modules.items()}
    static = [name for name, part in parts.items() if isinstance(part, StaticEmbedding)]
    others = [transformer_lr(width_of(part)) for name, part in parts.items() if name not in static]
    return {rf"\bsub_modules\.{name}\.": lr * STATIC_LR / min(others) for name in static} if others else {}
