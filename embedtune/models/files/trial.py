"""Tries an encoder as soon as it is loaded, so that one that cannot work says so before the work begins."""

from dataclasses import replace

from embedtune.errors import EmbedtuneError, ModelError, reason_of
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder, Role

TEXTS = ("a", "Two words, 두 낱말.")
ROLES: tuple[Role, ...] = ("query", "document")


def try_out(encoder: Encoder) -> None:
    """Encode two short texts in each role, as they will be encoded later.

    Raises:
        ModelError: the model cannot, gives NaN, or gives vectors of another length than it says.
    """
    alone = replace(encoder, helpers=())
    for role in ROLES:
        try:
            encode(alone, TEXTS, role=role)
        except EmbedtuneError:
            raise
        except Exception as error:  # whatever modules that do not fit together make the libraries raise
            raise ModelError(
                f"{encoder.name} was loaded, but cannot turn a text into a vector: {reason_of(error)}",
                where="model",
                next="its modules do not fit together; copy the whole model again, or name another",
            ) from error
