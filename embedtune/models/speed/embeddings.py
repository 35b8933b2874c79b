"""Token vectors that do not learn, or whose gradient holds only the rows that a batch uses.

For the latter, torch's own `sparse=True` gives one row per token of each text, to be summed afterwards: 50,000 rows for
a batch with 5,000 distinct tokens. Here the rows in use are taken out once, texts are looked up in those, and in the
backward pass their gradients are summed in place; the full table gets one row per distinct token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor, is_grad_enabled, nn
from torch.nn.functional import embedding, embedding_bag

from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder, has_towers
from embedtune.models.files.vocabulary import token_table

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@contextmanager
def frozen_embeddings(model: "SentenceTransformer") -> Iterator[None]:
    """Freeze a transformer's token vectors for a while, those of each where queries and documents have their own.

    In a small multilingual encoder they are most of the weights, and so most of the optimizer's memory and time.

    Raises:
        ConfigError: the model is not a transformer, or its token vectors cannot be found.
    """
    from sentence_transformers.base.modules import Transformer

    tables = [part.model.get_input_embeddings() for part in model.modules() if isinstance(part, Transformer)]
    if not tables or None in tables:
        raise ConfigError(
            "this encoder is not a transformer with separate token vectors",
            where="training.embeddings",
            next="leave training.embeddings out",
        )
    learned = [table.weight.requires_grad for table in tables]
    for table in tables:
        table.weight.requires_grad_(False)
    try:
        yield
    finally:
        for table, before in zip(tables, learned, strict=True):
            table.weight.requires_grad_(before)


class UsedRows(nn.Embedding):
    """Token vectors with a sparse gradient."""

    def forward(self, input: Tensor) -> Tensor:
        """The vectors (..., D) of token ids (...)."""
        if not (is_grad_enabled() and self.weight.requires_grad):
            return super().forward(input)
        places, rows = _used(self, input)
        return embedding(places, rows)  # (..., D)


class UsedRowsBag(nn.EmbeddingBag):
    """Means of token vectors with a sparse gradient."""

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """The mean vectors (n, D) of n texts, given as token ids (T,) end to end and the start of each text (n,)."""
        if not (is_grad_enabled() and self.weight.requires_grad):
            return super().forward(input, offsets, per_sample_weights)
        places, rows = _used(self, input)
        return embedding_bag(
            places,
            rows,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
        )  # (n, D)


@contextmanager
def sparse_embeddings(encoder: Encoder) -> Iterator[nn.Parameter]:
    """Give an encoder's token vectors (V, D) a sparse gradient for a while.

    Raises:
        ConfigError: they cannot be found, do not learn, or are also used by something other than a plain lookup.
    """
    weight, holders = _learning(encoder)
    theirs = [type(one) for one in holders]
    for module in holders:
        module.__class__ = UsedRows if type(module) is nn.Embedding else UsedRowsBag
    try:
        yield weight
    finally:
        for module, own in zip(holders, theirs, strict=True):
            module.__class__ = own


def plain_table(encoder: Encoder) -> nn.Parameter | None:
    """The token vectors (V, D), where they learn and can have a sparse gradient."""
    try:
        return _learning(encoder)[0]
    except ConfigError:
        return None


def _learning(encoder: Encoder) -> tuple[nn.Parameter, list[nn.Module]]:
    """The token vectors and all modules that hold them."""
    table = None if has_towers(encoder.model) else token_table(encoder)
    weight = getattr(table, "weight", None)
    if not isinstance(weight, nn.Parameter):
        raise _refused("this encoder has no single table of token vectors")
    if not weight.requires_grad:
        raise _refused("the token vectors of this encoder do not learn, as with LoRA")
    holders = [one for one in encoder.model.modules() if any(own is weight for own in one.parameters(recurse=False))]
    for module in holders:
        if not _is_plain(module):
            raise _refused(f"the token vectors of this encoder are also used by its own {type(module).__name__}")
    return weight, holders


def _is_plain(module: nn.Module) -> bool:
    """Whether it is a plain lookup, so that renumbering the tokens does not change its result."""
    if type(module) is nn.Embedding:
        return module.max_norm is None and not module.scale_grad_by_freq
    if type(module) is nn.EmbeddingBag:
        return module.max_norm is None and not module.scale_grad_by_freq and module.padding_idx is None
    return False


def _used(table: nn.Embedding | nn.EmbeddingBag, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Positions (...) among the rows in use, and these rows (U, D)."""
    used, places = ids.unique(return_inverse=True)  # (U,), (...)
    return places, embedding(used, table.weight, padding_idx=table.padding_idx, sparse=True)  # (U, D)


def _refused(why: str) -> ConfigError:
    return ConfigError(
        f"training.embeddings=sparse is not possible: {why}",
        where="training.embeddings",
        next="leave training.embeddings out",
    )
