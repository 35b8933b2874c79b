"""Tries an encoder as soon as it is loaded, so that one that cannot work says so before the work begins."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from embedtune.errors import ModelError, reason_of
from embedtune.models.encode.batching import preprocess
from embedtune.models.encode.tokenizer import forward
from embedtune.models.encoder import Encoder, Role, in_mode

if TYPE_CHECKING:
    from torch import Tensor

TEXTS = ("a", "Two words, 두 낱말.")
ROLES: tuple[Role, ...] = ("query", "document")
ALIKE = 1e-3
"""Cosine distance up to which the vectors of a text, alone and in a batch, are the same but for rounding."""


def tried_out(encoder: Encoder) -> Encoder:
    """The encoder, after it has encoded two short texts in each role, with the prompts that it will be used with.

    A text must get the same vector whatever it is padded for. Models that count positions from the first padding token
    (GPT-2, padded on the left) do not give it; they are padded on the right from here on, also when saved.

    Raises:
        ModelError: the model cannot, or gives vectors of another length than it says.
    """
    notes = list(encoder.notes)
    for role in ROLES:
        size, alike = _outcome(encoder, role)
        if size != encoder.dimensions:
            raise _unfit(encoder, f"it gives vectors of {size} dimensions and says {encoder.dimensions}")
        tokenizer = encoder.model.tokenizer
        if not alike and getattr(tokenizer, "padding_side", None) == "left":
            tokenizer.padding_side = "right"
            _, alike = _outcome(encoder, role)
            notes.append(f"{encoder.name} is padded on the right: on the left, its vectors would depend on the batch")
        if not alike:
            notes.append(f"{encoder.name} gives a text another vector when it is padded for a longer one in its batch")
    return replace(encoder, notes=tuple(dict.fromkeys(notes)))


def _outcome(encoder: Encoder, role: Role) -> tuple[int, bool]:
    """The length of its vectors, and whether a text's vector is the same in a batch as alone."""
    from torch.nn.functional import cosine_similarity

    try:
        together, alone = _vectors(encoder, TEXTS, role), _vectors(encoder, TEXTS[:1], role)
    except Exception as error:  # whatever modules that do not fit together make the libraries raise
        raise _unfit(encoder, f"it cannot turn a text into a vector ({reason_of(error)})") from error
    distance = 1 - cosine_similarity(together[:1].double(), alone.double()).item()
    # NaN and zero vectors, which have no direction, are left to encoding, which names them.
    return together.shape[1], not distance > ALIKE or not bool(alone.any())


def _vectors(encoder: Encoder, texts: Sequence[str], role: Role) -> "Tensor":
    """Vectors (n, D) of texts, batched as the model itself would."""
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    with in_mode(model, training=False), torch.inference_mode():
        features = batch_to_device(preprocess(encoder, texts, role), model.device)
        return forward(model, features)[:, : model.truncate_dim]


def _unfit(encoder: Encoder, why: str) -> ModelError:
    return ModelError(
        f"{encoder.name} was loaded, but {why}",
        where="model",
        next="its modules do not fit together; copy the whole model again, or name another",
    )
