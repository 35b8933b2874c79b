"""Which token vectors of a run learn: all, none, or those that a step uses; and when the last is not possible."""

from contextlib import AbstractContextManager, nullcontext

from embedtune.distributed import ranks
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder
from embedtune.models.speed.embeddings import frozen_embeddings, sparse_embeddings
from embedtune.training.run.fit import Fit


def learning_embeddings(encoder: Encoder, run: Fit) -> AbstractContextManager[object]:
    """Frozen or sparse token vectors for the duration of a run, as its section asks.

    Raises:
        ConfigError: this encoder, device or objective does not allow it.
    """
    if run.section.embeddings == "sparse":
        check_sparse(run)
        return sparse_embeddings(encoder)
    return frozen_embeddings(encoder.model) if run.section.embeddings == "frozen" else nullcontext()


def check_sparse(run: Fit) -> None:
    """Refuse what cannot handle a sparse gradient.

    Raises:
        ConfigError: several processes, fp16, a device other than CPU or CUDA, or a loss that reads the full table.
    """
    reasons = {
        "it works with one process, and there are several": ranks() > 1,
        "fp16 scales gradients, which works with dense ones only": run.precision == "fp16",
        f"it works on cpu and cuda, and this run is on {run.device}": run.device.split(":")[0] not in ("cpu", "cuda"),
    } | {
        f"{term.name} with {term.loss.trains_every_token} has a gradient for every token at each step": True
        for term in run.objective.terms
        if term.loss.trains_every_token
    }
    for reason, holds in reasons.items():
        if holds:
            raise ConfigError(
                f"training.embeddings=sparse is not possible: {reason}",
                where="training.embeddings",
                next="leave training.embeddings out, or change that",
            )
