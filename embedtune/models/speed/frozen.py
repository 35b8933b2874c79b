"""Keeps token vectors fixed while the rest of a transformer learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@contextmanager
def frozen_embeddings(model: "SentenceTransformer") -> Iterator[None]:
    """Freeze a transformer's token vectors for a while.

    In a small multilingual encoder they are most of the weights, and so most of the optimizer's memory and time.

    Raises:
        ConfigError: the model is not a transformer, or its token vectors cannot be found.
    """
    inner = model.transformers_model
    table = None if inner is None else inner.get_input_embeddings()
    if table is None:
        raise ConfigError(
            "this encoder is not a transformer with separate token vectors",
            where="training.embeddings",
            next="leave training.embeddings out",
        )
    learned = table.weight.requires_grad
    table.weight.requires_grad_(False)
    try:
        yield
    finally:
        table.weight.requires_grad_(learned)
