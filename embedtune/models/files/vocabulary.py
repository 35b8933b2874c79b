"""The tokens of an encoder's vocabulary and its vectors for them: what `denoise` needs to write texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedtune.errors import ConfigError
from embedtune.models.encode.token_ids import TokenIds, tokenized, untruncated
from embedtune.models.encoder import Encoder, has_towers, is_static

if TYPE_CHECKING:
    from torch import Tensor, nn


def written_tokens(encoder: Encoder, texts: Sequence[str]) -> TokenIds:
    """The tokens of texts, without prompt and special tokens, up to the encoder's maximum length.

    Raises:
        ConfigError: the encoder has no vocabulary of its own.
    """
    check_vocabulary(encoder)

    def ids_of(part: list[str]) -> tuple[list[list[int]], None]:
        return [row[: encoder.max_length] for row in untruncated(encoder, part, special_tokens=False)], None

    return tokenized(texts, ids_of)


def token_vectors(encoder: Encoder) -> "Tensor":
    """The input embeddings of an encoder's tokens (V, E), which change as it learns.

    Raises:
        ConfigError: the encoder has no vocabulary of its own.
    """
    return check_vocabulary(encoder).weight  # (V, E)


def check_vocabulary(encoder: Encoder) -> "nn.Embedding | nn.EmbeddingBag":
    """The module that holds the token vectors of an encoder.

    Raises:
        ConfigError: its texts are not sequences of tokens from one vocabulary; says what it is instead.
    """
    from torch import nn

    kind = type(encoder.model[0]).__name__
    table = None if has_towers(encoder.model) else token_table(encoder)
    if has_towers(encoder.model):
        what = "encodes queries and documents with different modules"
    elif not isinstance(table, nn.Embedding | nn.EmbeddingBag):
        what = f"has no token vectors ({kind})"
    elif not is_static(encoder.model) and not callable(encoder.model.tokenizer):
        what = f"has no text tokenizer ({kind})"
    else:
        return table
    raise ConfigError(
        f"denoise writes texts in the encoder's tokens, and {encoder.name} {what}",
        where="loss denoise",
        next="use another loss for texts alone (`embedtune losses` lists them), or another encoder",
    )


def token_table(encoder: Encoder) -> "nn.Module | None":
    """The module that maps token ids to vectors; None if it cannot be found."""
    if is_static(encoder.model):
        table: nn.Module = encoder.model[0].embedding
        return table
    try:
        found: nn.Module = encoder.model.transformers_model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    return found
