"""Tries a model on two short texts as soon as it is loaded: what cannot encode is refused in words, before any work."""

from typing import TYPE_CHECKING, Any, get_args

from embedtune.errors import EmbedtuneError, ModelError, reason_of
from embedtune.models.encode.batching import preprocess
from embedtune.models.encode.tokenizer import forward, reads_padding
from embedtune.models.encoder import Encoder, Role, exported, in_mode

if TYPE_CHECKING:
    import numpy as np

TEXTS = ("one", "two words, and a few more")
PADDING_CHANGES = 1e-3
"""Relative change of a vector by padding; rounding changes it far less, shifted positions far more."""


def try_encoding(encoder: Encoder) -> int:
    """Encode two short texts in both roles.

    Returns: the dimensions of their vectors, whatever the modules say of themselves.

    Raises:
        ModelError: it cannot encode them, or gives queries and documents vectors of different lengths.
    """
    found = {role: _vectors(encoder, TEXTS, role) for role in get_args(Role)}
    lengths = {role: vectors.shape[1] for role, vectors in found.items()}
    if len(set(lengths.values())) > 1:
        raise ModelError(
            f"{encoder.name} gives queries {lengths['query']} dimensions and documents {lengths['document']}, so that "
            "they cannot be compared",
            where="model",
            next="use a model whose routes end in the same number of dimensions",
        )
    declared = encoder.model.get_embedding_dimension()
    if declared is not None and declared != lengths["query"]:
        raise ModelError(
            f"{encoder.name} gives vectors of {lengths['query']} dimensions and says {declared}",
            where="model",
            next="its modules do not fit together; copy the whole model again, or name another",
        )
    return lengths["query"]


def pad_where_it_is_harmless(encoder: Encoder) -> list[str]:
    """Pad on the right where padding on the left would change vectors, as it does where positions are counted from it.

    A text by itself is encoded as before, a text in a batch now like that, here and wherever the saved model is used.

    Returns: a sentence for the user where the side was changed, or where padding changes vectors on any side.
    """
    if exported(encoder.model) is not None:
        return []  # in int8 every batch has ranges of its own, which is said where the export is opened
    if reads_padding(encoder.model):
        return [
            f"{encoder.name} has a CNN, which reads padding like text; here, only texts of equal length share a batch, "
            "so that a vector is that of the text alone, as sentence-transformers gives it with batch_size=1"
        ]
    if not _changed_by_padding(encoder):
        return []
    tokenizer: Any = getattr(encoder.model[0], "tokenizer", None)
    changes = [f"{encoder.name} gives a text another vector when it is padded for a longer one in its batch"]
    if getattr(tokenizer, "padding_side", None) != "left":
        return changes
    tokenizer.padding_side = "right"
    if _changed_by_padding(encoder):
        tokenizer.padding_side = "left"
        return changes
    return [
        f"{encoder.name} pads on the left, so that its vectors change with the other texts of a batch; it pads on the "
        "right here and when saved, and the vectors of single texts stay the same"
    ]


def _changed_by_padding(encoder: Encoder) -> bool:
    import numpy as np

    alone, padded = _vectors(encoder, TEXTS[:1], "query")[0], _vectors(encoder, TEXTS, "query")[0]  # (D,), (D,)
    return bool(np.linalg.norm(alone - padded) > PADDING_CHANGES * np.linalg.norm(alone))


def _vectors(encoder: Encoder, texts: tuple[str, ...], role: Role) -> "np.ndarray":
    """The vectors of texts in one batch, as the model's own preprocessing pads it: (n, D)."""
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    try:
        with in_mode(model, training=False), torch.inference_mode():
            made = batch_to_device(preprocess(encoder, texts, role), model.device)
            return forward(model, made).float().cpu().numpy()
    except EmbedtuneError:
        raise
    except Exception as error:  # whatever modules that do not fit together raise
        raise ModelError(
            f"{encoder.name} cannot encode a {role}: {reason_of(error)}",
            where="model",
            next=f"check that `SentenceTransformer({encoder.name!r}).encode_{role}('text')` works",
        ) from error
