"""Tries an encoder as soon as it is loaded, so that one that cannot work says so before the work begins."""

from embedtune.errors import ModelError, reason_of
from embedtune.models.encode.batching import preprocess
from embedtune.models.encode.tokenizer import forward
from embedtune.models.encoder import Encoder, Role, in_mode

TEXTS = ("a", "Two words, 두 낱말.")
ROLES: tuple[Role, ...] = ("query", "document")


def try_out(encoder: Encoder) -> None:
    """Encode two short texts in each role, with the prompts that it will be used with.

    Raises:
        ModelError: the model cannot, or gives vectors of another length than it says.
    """
    for role in ROLES:
        try:
            size = _dimensions(encoder, role)
        except Exception as error:  # whatever modules that do not fit together make the libraries raise
            raise _unfit(encoder, f"it cannot turn a text into a vector ({reason_of(error)})") from error
        if size != encoder.dimensions:
            raise _unfit(encoder, f"it gives vectors of {size} dimensions and says {encoder.dimensions}")


def _dimensions(encoder: Encoder, role: Role) -> int:
    """The length of the vectors that it gives to texts in this role."""
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    with in_mode(model, training=False), torch.inference_mode():
        vectors = forward(model, batch_to_device(preprocess(encoder, TEXTS, role), model.device))  # (2, D)
    return vectors[:, : model.truncate_dim].shape[1]


def _unfit(encoder: Encoder, why: str) -> ModelError:
    return ModelError(
        f"{encoder.name} was loaded, but {why}",
        where="model",
        next="its modules do not fit together; copy the whole model again, or name another",
    )
