"""Token vectors that stay as they are while the rest of a transformer learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@contextmanager
def frozen_embeddings(model: "SentenceTransformer") -> Iterator[None]:
    """Let a transformer's token vectors learn nothing for the time being.

    In a small multilingual encoder they are most of the weights, and so most of an optimizer's memory and time.

    Raises:
        ConfigError: the model is no transformer, or keeps its token vectors where they are not found.
    """
    inner = model.transformers_model
    table = None if inner is None else inner.get_input_embeddings()
    if table is None:
        raise ConfigError(
            "this encoder is no transformer with token vectors that could be kept apart",
            where="training.embeddings",
            next="leave training.embeddings out",
        )
    learnt = table.weight.requires_grad
    table.weight.requires_grad_(False)
    try:
        yield
    finally:
        table.weight.requires_grad_(learnt)
