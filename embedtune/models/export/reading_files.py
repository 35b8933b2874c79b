"""The tokenizer of an export: one file for `tokenizers` alone, which pads and cuts texts as the encoder does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from embedtune.errors import ModelError
from embedtune.models.encode.batching import BatchLayout
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder, Role, has_routes, is_static
from embedtune.models.export.settings import TOKENIZER
from embedtune.models.reading import max_length


@dataclass(frozen=True)
class ExportReading:
    """How an export reads texts.

    Args:
        special_tokens: whether the tokenizer adds those.
        zero_types: whether the encoder takes token types, which are all 0.
        always: features that are the same for every batch.
    """

    special_tokens: bool
    zero_types: bool
    always: dict[str, Any]


def reading_of(encoder: Encoder) -> ExportReading:
    """How an encoder reads texts, if token ids and a mask alone decide its vectors.

    Raises:
        ModelError: they do not; says what else it reads.
    """
    if has_routes(encoder.model):
        raise _unable(encoder, "it sends queries and documents through different modules")
    tokenizer = Tokenizer(encoder)
    if tokenizer.way == "texts" or tokenizer.reads_padding:
        raise _unable(encoder, tokenizer.reason or "a module of it reads padding like text")
    if is_static(encoder.model):
        return ExportReading(special_tokens=False, zero_types=False, always={})
    if not hasattr(getattr(encoder.model.tokenizer, "backend_tokenizer", None), "to_str"):
        raise _unable(encoder, "its tokenizer is not one that the package tokenizers runs")
    layouts = [BatchLayout.of(encoder, role) for role in get_args(Role)]
    if any(layout.types == "own" for layout in layouts):
        raise _unable(encoder, "its tokens have types of their own")
    if any(encoder.prompts.values()) and any(not getattr(part, "include_prompt", True) for part in encoder.model):
        raise _unable(encoder, "it leaves the prompt out of its pooling, whose length differs between the roles")
    always = {key: value for key, value in layouts[0].always.items() if key != "prompt_length"}
    return ExportReading(True, layouts[0].types == "zero", always)


def write_tokenizer(encoder: Encoder, folder: Path) -> None:
    """Write `tokenizer.json`, with the encoder's maximum length and its padding inside."""
    from tokenizers import Tokenizer as FastTokenizer

    own: Any = encoder.model.tokenizer
    rules = own if is_static(encoder.model) else own.backend_tokenizer
    made = FastTokenizer.from_str(rules.to_str())
    if is_static(encoder.model):
        made.enable_padding(pad_id=0, pad_token=made.id_to_token(0))  # masked: which token it is does not matter
    else:
        made.enable_padding(direction=own.padding_side, pad_id=own.pad_token_id or 0, pad_token=own.pad_token)
        length = max_length(encoder.model[0])
        made.no_truncation() if length is None else made.enable_truncation(length, direction=own.truncation_side)
    made.save(str(folder / TOKENIZER), pretty=False)


def _unable(encoder: Encoder, why: str) -> ModelError:
    return ModelError(
        f"{encoder.name} cannot be exported as one file from token ids to vectors: {why}",
        where="model",
        next="use it with sentence-transformers",
    )
